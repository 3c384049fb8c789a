import { parentPort } from "node:worker_threads";
import { DasContextJs } from "@crate-crypto/node-eth-kzg";
import type { Bytes } from "../foundation/bytes.ts";

/** What the worker computes from a blob. It throws for bytes that are no blob. */
const WORK = {
  commitment: (kzg: DasContextJs, blob: Bytes): readonly Bytes[] => [kzg.blobToKzgCommitment(blob)],
  /** EIP-4844: one proof. */
  blobProof: (kzg: DasContextJs, blob: Bytes): readonly Bytes[] => [
    kzg.computeBlobKzgProof(blob, kzg.blobToKzgCommitment(blob)),
  ],
  /** One value of the blob's polynomial: commitment, proof, value. */
  valueProof: (kzg: DasContextJs, blob: Bytes, place: Bytes): readonly Bytes[] => [
    kzg.blobToKzgCommitment(blob),
    ...kzg.computeKzgProof(blob, place),
  ],
  /** EIP-7594: one proof for each of 128 cells. */
  cellProofs: (kzg: DasContextJs, blob: Bytes): readonly Bytes[] => kzg.computeCellsAndKzgProofs(blob).proofs,
};
export type KzgWork = keyof typeof WORK;
/** `place`: where the polynomial is opened, of `valueProof` alone. */
export type KzgRequest = {
  readonly id: number;
  readonly work: KzgWork;
  readonly blob: Bytes;
  readonly place: Bytes;
};
export type KzgAnswer = { readonly id: number } & ({ readonly result: readonly Bytes[] } | { readonly error: string });

// Its tables would make proofs of cells quicker; they cost 100 MB and four more seconds.
const kzg = DasContextJs.create({ usePrecomp: false });

parentPort?.on("message", ({ id, work, blob, place }: KzgRequest) => {
  let answer: KzgAnswer;
  try {
    answer = { id, result: WORK[work](kzg, blob, place) };
  } catch (error) {
    answer = { id, error: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(answer);
});
