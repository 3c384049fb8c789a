import type { Address } from "@ethereumjs/util";
import type { Bytes, Hex } from "../foundation/bytes.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { TAG, tagByte } from "../foundation/tags.ts";

/** A signed wish that an account's code be another's (EIP-7702). `chainId` 0: on every chain. */
export type Authorization = {
  readonly chainId: bigint;
  /** Whose code is run; zeros: no code any more. */
  readonly address: Hex;
  readonly nonce: bigint;
  readonly yParity: bigint;
  readonly r: bigint;
  readonly s: bigint;
};

export type ChainTransaction = {
  readonly hash: Hex;
  readonly envelope: Bytes;
  /** 0 legacy, 1 EIP-2930, 2 EIP-1559, 4 EIP-7702, 0x7e deposit. */
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
  /** EIP-7702; at least one. */
  readonly authorizationList?: readonly Authorization[];
  readonly chainId?: bigint;
  readonly signature?: { readonly v: bigint; readonly r: bigint; readonly s: bigint };
  readonly deposit?: { readonly sourceHash: Hex; readonly mint: bigint };
};

/** Why a transaction is not in a block. Consensus: every one of these is a no-op, so which is found first changes nothing. */
export type RefusalCode =
  /** The envelope is no transaction: wrong length, RLP or fields. Encode it again. */
  | "TX_MALFORMED"
  /** Transactions of this type are not supported: send type 0, 1, 2 or, from Prague on, 4. Deposits come from L1 only. */
  | "TX_TYPE"
  /** Signed for another chain. Sign it for this one. */
  | "TX_CHAIN_ID"
  /** The signature is not one: v, r or s is out of range, or no key gives it. Sign again. */
  | "TX_SIGNATURE"
  /** The init code is longer than 49,152 bytes. Deploy less at once. */
  | "TX_INITCODE_SIZE"
  /** The gas limit is above what one transaction may ask for, 2^24. Split the work. */
  | "TX_GAS_CAP"
  /** The gas limit does not pay for the transaction's own bytes, or their least price (EIP-7623). Raise it. */
  | "TX_INTRINSIC_GAS"
  /** The tip cap is above the fee cap. Lower the one or raise the other. */
  | "TX_TIP_CAP"
  /** The fee cap is below the block's base fee. Raise it, or wait. */
  | "TX_FEE_CAP"
  /** The gas limit does not fit into the block, or into any. Lower it, or wait for the next block. */
  | "TX_BLOCK_GAS"
  /** The sender is a contract. Only accounts without code, or with a delegation (EIP-7702), send transactions. */
  | "TX_SENDER_CODE"
  /** The account has used this nonce. Sign with its next one. */
  | "TX_NONCE_LOW"
  /** Transactions of lower nonces are missing. Send those first. */
  | "TX_NONCE_HIGH"
  /** The account cannot pay the most that it and what waits before it may cost. Send it ether, or offer less. */
  | "TX_BALANCE"
  /**
   * The gas limit is above the gas that was declared on L1 for a forced transaction. Declare as much as it asks for.
   */
  | "TX_DECLARED_GAS";

/** A well-formed, signed transaction whose static rules hold, and what executing it needs. */
export type DecodedTransaction = {
  readonly transaction: ChainTransaction;
  readonly sender: Address;
  readonly target: Address | undefined;
  readonly intrinsicGas: bigint;
  /** What it takes at least from Prague on (EIP-7623); zero for a deposit, whose bytes L1 metered. */
  readonly floorGas: bigint;
};

export type Refusal = { readonly code: RefusalCode; readonly message: string };

/** An envelope as derivation hands it over. `delayed`: from the delayed queue, with its declared gas and kind. */
export type InboxEnvelope = {
  readonly bytes: Bytes;
  readonly delayed?: { readonly kind: "deposit" | "raw"; readonly gas: bigint };
};

/** Leaf of transactionsRoot: `K(0x53 ++ K(envelope))`. `hash`: K(envelope), Ethereum's transaction hash. */
export const transactionLeaf = (hash: Bytes): Bytes => keccakOf(tagByte(TAG.transaction), hash);
