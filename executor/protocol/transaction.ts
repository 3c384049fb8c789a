import type { Address } from "@ethereumjs/util";
import type { Bytes, Hex } from "../foundation/bytes.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { TAG, tagByte } from "../foundation/tags.ts";

export type ChainTransaction = {
  readonly hash: Hex;
  readonly envelope: Bytes;
  /** 0 legacy, 1 EIP-2930, 2 EIP-1559, 0x7e deposit. */
  readonly type: number;
  readonly from: Hex;
  readonly to: Hex | undefined;
  readonly nonce: bigint;
  readonly gasLimit: bigint;
  readonly value: bigint;
  readonly data: Bytes;
  /** Legacy and 2930. */
  readonly gasPrice?: bigint;
  readonly maxFeePerGas?: bigint;
  readonly maxPriorityFeePerGas?: bigint;
  readonly accessList?: readonly { readonly address: Hex; readonly storageKeys: readonly Hex[] }[];
  readonly chainId?: bigint;
  readonly signature?: { readonly v: bigint; readonly r: bigint; readonly s: bigint };
  readonly deposit?: { readonly sourceHash: Hex; readonly mint: bigint };
};

/** Why a transaction is not in a block. Consensus: every one of these is a no-op, so which is found first changes nothing. */
export type RefusalCode =
  | "TX_MALFORMED"
  | "TX_TYPE"
  | "TX_CHAIN_ID"
  | "TX_SIGNATURE"
  | "TX_INITCODE_SIZE"
  | "TX_GAS_CAP"
  | "TX_INTRINSIC_GAS"
  | "TX_TIP_CAP"
  | "TX_FEE_CAP"
  | "TX_BLOCK_GAS"
  | "TX_SENDER_CODE"
  | "TX_NONCE_LOW"
  | "TX_NONCE_HIGH"
  | "TX_BALANCE"
  | "TX_DECLARED_GAS";

/** A well-formed, signed transaction whose static rules hold, and what executing it needs. */
export type DecodedTransaction = {
  readonly transaction: ChainTransaction;
  readonly sender: Address;
  readonly target: Address | undefined;
  readonly intrinsicGas: bigint;
};

export type Refusal = { readonly code: RefusalCode; readonly message: string };

/** An envelope as derivation hands it over. `delayed`: from the delayed queue, with its declared gas and kind. */
export type InboxEnvelope = {
  readonly bytes: Bytes;
  readonly delayed?: { readonly kind: "deposit" | "raw"; readonly gas: bigint };
};

/** Leaf of transactionsRoot: `K(0x53 ++ K(envelope))`. `hash`: K(envelope), Ethereum's transaction hash. */
export const transactionLeaf = (hash: Bytes): Bytes => keccakOf(tagByte(TAG.transaction), hash);
