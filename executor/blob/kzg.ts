import { Worker } from "node:worker_threads";
import { type Bytes, EMPTY_BYTES, type Hex } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { BLOB_BYTES, placeOfElement, versionedHash } from "./blob.ts";
import type { KzgAnswer, KzgRequest, KzgWork } from "./kzg-worker.ts";

export type KzgErrorCode =
  /** Not 131,072 bytes, or a field element that is none. Nothing can be done with such a blob. */
  | "BLOB_MALFORMED"
  /** The thread that computes commitments died. Restart the node; see the cause. */
  | "KZG_FAILED";

type Waiting = { readonly resolve: (result: readonly Bytes[]) => void; readonly reject: (error: Error) => void };
type Thread = { readonly worker: Worker; readonly waiting: Map<number, Waiting> };

/*
 * Loading the trusted setup takes about two seconds, a commitment 60 ms, the proofs of a blob's cells 350 ms: all of it on
 * a thread of its own, which begins with the first blob and does not keep the process alive.
 */
let thread: Thread | undefined;
let last = 0;

const begin = (): Thread => {
  const worker = new Worker(new URL("./kzg-worker.ts", import.meta.url));
  const begun: Thread = { worker, waiting: new Map() };
  const end = (cause?: unknown): void => {
    if (thread === begun) thread = undefined;
    for (const { reject } of begun.waiting.values())
      reject(new CodedError<KzgErrorCode>("KZG_FAILED", "the thread for blobs has ended", {}, cause));
    begun.waiting.clear();
  };
  worker.on("message", (answer: KzgAnswer) => {
    const waiting = begun.waiting.get(answer.id);
    begun.waiting.delete(answer.id);
    if (begun.waiting.size === 0) worker.unref();
    if ("result" in answer) waiting?.resolve(answer.result);
    else waiting?.reject(new CodedError<KzgErrorCode>("BLOB_MALFORMED", `not a blob: ${answer.error}`));
  });
  worker.on("error", end);
  worker.on("exit", () => end());
  return begun;
};

const compute = async (work: KzgWork, blob: Bytes, place: Bytes = EMPTY_BYTES): Promise<readonly Bytes[]> => {
  if (blob.length !== BLOB_BYTES)
    throw new CodedError<KzgErrorCode>("BLOB_MALFORMED", `a blob has ${BLOB_BYTES} bytes, not ${blob.length}`);
  thread ??= begin();
  const { worker, waiting } = thread;
  const request: KzgRequest = { id: ++last, work, blob, place };
  return new Promise((resolve, reject) => {
    waiting.set(request.id, { resolve, reject });
    worker.ref();
    worker.postMessage(request);
  });
};

/** A blob with what names it on L1. */
export type CommittedBlob = { readonly bytes: Bytes; readonly commitment: Bytes; readonly hash: Hex };

/** BLOB_MALFORMED, KZG_FAILED. */
export const commitBlob = async (bytes: Bytes): Promise<CommittedBlob> => {
  const [commitment] = (await compute("commitment", bytes)) as readonly [Bytes];
  return { bytes, commitment, hash: versionedHash(commitment) };
};

/** The versioned hash that the bytes really have; undefined when they are no blob. */
export const hashOfBlob = async (bytes: Bytes): Promise<Hex | undefined> => {
  try {
    return (await commitBlob(bytes)).hash;
  } catch (error) {
    if (error instanceof CodedError && error.code === "BLOB_MALFORMED") return undefined;
    throw error;
  }
};

/** Whether these bytes are the blob of that versioned hash: whoever gives a blob, this is what it is worth. */
export const isBlobOf = async (hash: Hex, bytes: Bytes): Promise<boolean> => (await hashOfBlob(bytes)) === hash;

/** How a transaction proves its blobs: one proof a blob (EIP-4844), or one a cell (EIP-7594, from Osaka on). */
export type SidecarForm = "blob" | "cells";

const WORK: Readonly<Record<SidecarForm, KzgWork>> = { blob: "blobProof", cells: "cellProofs" };

/** Proofs of all blobs, in order. */
export const proveBlobs = async (form: SidecarForm, blobs: readonly Bytes[]): Promise<readonly Bytes[]> =>
  (await Promise.all(blobs.map((blob) => compute(WORK[form], blob)))).flat();

/** One field element of a blob, all 32 bytes of it, and its opening: commitment and proof, 48 bytes each. */
export type BlobElement = { readonly value: Bytes; readonly commitment: Bytes; readonly proof: Bytes };

/** Opens element `index` (0 to 4,095) of a blob. BLOB_MALFORMED, KZG_FAILED. */
export const openBlobElement = async (blob: Bytes, index: number): Promise<BlobElement> => {
  const [commitment, proof, value] = (await compute("valueProof", blob, placeOfElement(index))) as [
    Bytes,
    Bytes,
    Bytes,
  ];
  return { value, commitment, proof };
};
