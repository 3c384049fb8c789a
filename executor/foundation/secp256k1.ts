import secp256k1 from "secp256k1";
import { type Bytes, concat, EMPTY_BYTES } from "./bytes.ts";
import { keccak256 } from "./keccak.ts";

/** Order of the group. */
export const SECP256K1_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** Uncompressed public key without its prefix, 64 bytes. Throws when no key has signed so. `r` and `s`: at most 32 bytes. */
export const recoverPublicKey = (hash: Bytes, parity: number, r: Bytes, s: Bytes): Bytes => {
  const signature = new Uint8Array(64);
  signature.set(r, 32 - r.length);
  signature.set(s, 64 - s.length);
  return secp256k1.ecdsaRecover(signature, parity, hash, false).subarray(1);
};

/** 20 bytes, or empty when the signature fits no key. */
export const recoverAddress = (hash: Bytes, parity: number, r: Bytes, s: Bytes): Bytes => {
  try {
    return keccak256(recoverPublicKey(hash, parity, r, s)).subarray(12);
  } catch {
    return EMPTY_BYTES;
  }
};

/** r ++ s ++ parity, 65 bytes, low s. `key`: 32 bytes. */
export const signDigest = (digest: Bytes, key: Bytes): Bytes => {
  const { signature, recid } = secp256k1.ecdsaSign(digest, key);
  return concat(signature, Uint8Array.of(recid));
};
