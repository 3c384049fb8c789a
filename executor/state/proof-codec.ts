import type { Bytes } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { decodeRlp, encodeRlp, type RlpItem, readRlpUint, rlpUint } from "../foundation/rlp.ts";
import type { ProofErrorCode, TreeProof } from "./proof.ts";

/** One RLP list: `[depth, bitmap (32 bytes), [siblings, deepest first], [] or [leaf key, leaf value]]`. */
export const encodeProof = ({ depth, bitmap, siblings, terminal }: TreeProof): Bytes => {
  const leaf: RlpItem = terminal === undefined ? [] : [terminal.key, terminal.value];
  return encodeRlp([rlpUint(depth), bitmap, [...siblings], leaf]);
};

const words = (item: RlpItem | undefined): readonly Bytes[] => {
  if (item === undefined || item instanceof Uint8Array) throw new RangeError("not a list");
  return item.map((entry) => {
    if (!(entry instanceof Uint8Array) || entry.length !== 32) throw new RangeError("not 32 bytes");
    return entry;
  });
};

/** Inverse of `encodeProof`. Only what it writes passes: PROOF_MALFORMED for anything else. */
export const decodeProof = (bytes: Bytes): TreeProof => {
  try {
    const fields = decodeRlp(bytes);
    if (fields instanceof Uint8Array || fields.length !== 4) throw new RangeError("not four fields");
    const depth = Number(readRlpUint(fields[0], 32));
    const [bitmap] = words([fields[1] as RlpItem]);
    const leaf = words(fields[3]);
    if (leaf.length !== 0 && leaf.length !== 2) throw new RangeError("a leaf is a key and a value");
    const [key, value] = leaf;
    return {
      depth,
      bitmap: bitmap as Bytes,
      siblings: words(fields[2]),
      terminal: key === undefined || value === undefined ? undefined : { key, value },
    };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CodedError<ProofErrorCode>("PROOF_MALFORMED", `not a proof: ${error.message}`, {}, error);
  }
};
