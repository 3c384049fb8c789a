// Bytes, hashes, trees, errors, services.
export { createBoundedCache } from "./bounded-cache.ts";
export {
  type Bytes,
  concat,
  EMPTY_BYTES,
  equalBytes,
  fromHex,
  type Hex,
  toHex,
  uintBE,
  utf8,
  word,
  ZERO_32,
} from "./bytes.ts";
export { CodedError, hasCode, messageOf } from "./errors.ts";
export { keccak256, keccakOf } from "./keccak.ts";
export { ceilLog2, EMPTY_FRONTIER, innerNode, merkleRoot } from "./merkle.ts";
export {
  appendPadded,
  type PaddedLeaves,
  type PaddedNodes,
  paddedNodes,
  paddedTree,
  paddingWith,
} from "./padded-tree.ts";
export { decodeRlp, encodeRlp, type RlpItem } from "./rlp.ts";
export { signDigest } from "./secp256k1.ts";
export { createLock, createServices, type Service, sleep, type Telemetry } from "./service.ts";
export { TAG, tagByte } from "./tags.ts";
export { createWatch } from "./watch.ts";
