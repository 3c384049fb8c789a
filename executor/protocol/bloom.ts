import { type Bytes, fromHex } from "../foundation/bytes.ts";
import { keccak256 } from "../foundation/keccak.ts";

export const BLOOM_BYTES = 256;

/** Sets the three bits of a value in Ethereum's 2048-bit filter. */
export const addToBloom = (bloom: Bytes, value: Bytes): void => {
  const hash = keccak256(value);
  for (let i = 0; i < 6; i += 2) {
    const bit = (((hash[i] as number) << 8) | (hash[i + 1] as number)) & 2047;
    const at = BLOOM_BYTES - 1 - (bit >> 3);
    bloom[at] = (bloom[at] as number) | (1 << (bit & 7));
  }
};

/** Addresses and topics of logs. */
export const bloomOf = (logs: readonly { readonly address: string; readonly topics: readonly string[] }[]): Bytes => {
  const bloom = new Uint8Array(BLOOM_BYTES);
  for (const { address, topics } of logs) {
    addToBloom(bloom, fromHex(address));
    for (const topic of topics) addToBloom(bloom, fromHex(topic));
  }
  return bloom;
};

/** May the filter hold this address or topic? */
export const bloomHas = (bloom: Bytes, value: Bytes): boolean => {
  const single = new Uint8Array(BLOOM_BYTES);
  addToBloom(single, value);
  return single.every((bits, i) => (bits & (bloom[i] as number)) === bits);
};
