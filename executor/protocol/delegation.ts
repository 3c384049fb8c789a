import { type Bytes, concat } from "../foundation/bytes.ts";

/** An account that delegates to another has a code of these and the other's address (EIP-7702). */
const PREFIX = Uint8Array.of(0xef, 0x01, 0x00);
export const DELEGATION_BYTES = 23;

/** What an account's code becomes; empty where `address` is zeros: it delegates no more. */
export const delegationTo = (address: Bytes): Bytes =>
  address.every((byte) => byte === 0) ? new Uint8Array(0) : concat(PREFIX, address);

/** Whose code runs for the account of this code; undefined: its own. */
export const delegateOf = (code: Bytes): Bytes | undefined =>
  code.length === DELEGATION_BYTES && PREFIX.every((byte, i) => code[i] === byte)
    ? code.subarray(PREFIX.length)
    : undefined;

/** Given back for an authorization of an account that exists: its price is that of a new one. */
export const AUTHORIZATION_REFUND = 12_500n;
