import { RLP } from "@ethereumjs/rlp";
import {
  type Bytes,
  concat,
  fromHex,
  type Hex,
  keccak256,
  keccakOf,
  toHex,
  uintBE,
  word,
  ZERO_32,
} from "../../executor/index.ts";

/** Kinds on the wire. */
export const MESSAGE_KIND = { deposit: 0, raw: 1 } as const;
export type MessageKind = keyof typeof MESSAGE_KIND;

/** Accumulator of the empty queue. */
export const EMPTY_ACCUMULATOR: Bytes = ZERO_32;

/** `K(previous ++ u8 kind ++ u64 gas ++ K(envelope))`. */
export const accumulate = (
  previous: Bytes,
  message: { readonly kind: MessageKind; readonly gas: bigint; readonly envelope: Bytes },
): Bytes =>
  keccakOf(previous, Uint8Array.of(MESSAGE_KIND[message.kind]), uintBE(message.gas, 8), keccak256(message.envelope));

/** What a deposit says, without what the inbox adds. `to` undefined: creation. */
export type DepositMessage = {
  readonly from: Hex;
  readonly to: Hex | undefined;
  readonly mint: bigint;
  readonly value: bigint;
  readonly gas: bigint;
  readonly data: Bytes;
};

/** `keccak256(abi.encode(uint256 0, keccak256(abi.encode(inbox, index))))`: no two deposits share it. */
export const depositSourceHash = (inbox: Hex, index: bigint): Bytes =>
  keccakOf(ZERO_32, keccakOf(word(fromHex(inbox)), uintBE(index, 32)));

/** `0x7e ++ rlp([sourceHash, from, to, mint, value, gas, isSystem = 0, data])`: twin of the inbox's encoder. */
export const encodeDeposit = (inbox: Hex, index: bigint, deposit: DepositMessage): Bytes =>
  concat(
    Uint8Array.of(0x7e),
    RLP.encode([
      depositSourceHash(inbox, index),
      fromHex(deposit.from),
      deposit.to === undefined ? new Uint8Array(0) : fromHex(deposit.to),
      deposit.mint,
      deposit.value,
      deposit.gas,
      0n,
      deposit.data,
    ]),
  );

const ALIAS_OFFSET = 0x1111000000000000000000000000000000001111n;

/** Sender on L2 of an L1 contract. */
export const aliasOf = (l1: Hex): Hex => toHex(uintBE((BigInt(l1) + ALIAS_OFFSET) % 2n ** 160n, 20));
