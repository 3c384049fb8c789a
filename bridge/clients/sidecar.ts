import { fromRlp, type PublicClient, toRlp } from "viem";
import { type CommittedBlob, type Hex, proveBlobs, type SidecarForm, toHex } from "../../executor/index.ts";

/** `PUSH0 CLZ PUSH0 MSTORE …`: code that only Osaka executes, where cell proofs take the place of blob proofs. */
const OSAKA_CODE: Hex = "0x5f1e5f5260205ff3";
/** The number of leading zeros of zero. */
const OSAKA_ANSWER: Hex = `0x${"0".repeat(61)}100`;

/** The form of sidecar that L1 takes now. A node that cannot tell is taken for one before Osaka: its refusal tells more. */
export const formOf = async (client: PublicClient): Promise<SidecarForm> => {
  try {
    const answer = await client.request({ method: "eth_call", params: [{ data: OSAKA_CODE }, "latest"] });
    return answer === OSAKA_ANSWER ? "cells" : "blob";
  } catch {
    return "blob";
  }
};

export const OTHER_FORM: Readonly<Record<SidecarForm, SidecarForm>> = { blob: "cells", cells: "blob" };

/** What goes to L1 beside a signed transaction that names its blobs. */
export type Sidecar = {
  readonly form: SidecarForm;
  readonly blobs: readonly CommittedBlob[];
  readonly proofs: readonly Hex[];
};

/** Takes a third of a second a blob for cells, a tenth otherwise, on a thread of its own. */
export const createSidecar = async (form: SidecarForm, blobs: readonly CommittedBlob[]): Promise<Sidecar> => {
  const proofs = await proveBlobs(
    form,
    blobs.map(({ bytes }) => bytes),
  );
  return { form, blobs, proofs: proofs.map(toHex) };
};

/** The form in which a signed blob transaction travels: `0x03 ++ rlp([payload, version?, blobs, commitments, proofs])`. */
export const withSidecar = (signed: Hex, { form, blobs, proofs }: Sidecar): Hex => {
  const payload = fromRlp(`0x${signed.slice(4)}`, "hex");
  const version: readonly Hex[] = form === "cells" ? ["0x01"] : [];
  const bytes = blobs.map((blob) => toHex(blob.bytes));
  const commitments = blobs.map(({ commitment }) => toHex(commitment));
  return `0x03${toRlp([payload, ...version, bytes, commitments, [...proofs]]).slice(2)}`;
};
