import type { Bytes } from "../../executor/index.ts";

/** Bytes of which hardly any is zero, as compressed or signed data are; always the same. */
export const denseBytes = (length: number): Bytes => {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = 0x9e3779b9;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
};
