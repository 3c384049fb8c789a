import { createKeccak } from "hash-wasm";
import type { Bytes } from "./bytes.ts";

const hasher = await createKeccak(256);

/** Keccak-256 (Ethereum's padding) in WebAssembly. Synchronous: the module is compiled when this file is loaded. */
export const keccak256 = (bytes: Bytes): Bytes => hasher.init().update(bytes).digest("binary");

/** `K` of the specifications: keccak-256 of the concatenation. */
export const keccakOf = (...parts: readonly Bytes[]): Bytes => {
  hasher.init();
  for (const part of parts) hasher.update(part);
  return hasher.digest("binary");
};
