import {
  type Bytes,
  encodeDeposit,
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
export type DepositMessage = Omit<Parameters<typeof encodeDeposit>[0], "sourceHash">;

/** `keccak256(abi.encode(uint256 0, keccak256(abi.encode(inbox, index))))`: no two deposits share it. */
export const depositSourceHash = (inbox: Hex, index: bigint): Bytes =>
  keccakOf(ZERO_32, keccakOf(word(fromHex(inbox)), uintBE(index, 32)));

/** The envelope of delayed message `index`, as the inbox makes it. */
export const depositEnvelope = (inbox: Hex, index: bigint, deposit: DepositMessage): Bytes =>
  encodeDeposit({ ...deposit, sourceHash: toHex(depositSourceHash(inbox, index)) });

/** Where the RLP list of an envelope has its first field, the source hash, after its length of this many bytes. */
const sourceHashAt = (envelope: Bytes): number => 2 + ((envelope[1] as number) - 0xf7) + 1;

/**
 * The hash that tools of the OP Stack compute for a deposit, from the log `TransactionDeposited` at `logIndex` of L1's block
 * `blockHash`: that of its envelope with the source hash `K(u256 0 ++ K(blockHash ++ u256 logIndex))`. The inbox cannot
 * know its block, so the envelope has another.
 */
export const eventHashOf = (
  envelope: Bytes,
  { blockHash, logIndex }: { readonly blockHash: Hex; readonly logIndex: number },
): Hex => {
  const named = envelope.slice();
  named.set(keccakOf(ZERO_32, keccakOf(fromHex(blockHash), uintBE(BigInt(logIndex), 32))), sourceHashAt(envelope));
  return toHex(keccak256(named));
};
