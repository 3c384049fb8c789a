import { type Bytes, type Hex, toHex } from "../foundation/bytes.ts";
import { keccak256 } from "../foundation/keccak.ts";
import { encodeRlp, rlpUint } from "../foundation/rlp.ts";

/** Address of the contract that an account's transaction with this nonce creates. */
export const createAddress = (sender: Bytes, nonce: bigint): Hex =>
  toHex(keccak256(encodeRlp([sender, rlpUint(nonce)])).subarray(12));
