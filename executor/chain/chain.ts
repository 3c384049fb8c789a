import type { StateManagerInterface } from "@ethereumjs/common";
import type { Acceptance } from "../evm/transition.ts";
import type { Gas, L2BlockNumber, Wei } from "../foundation/brand.ts";
import type { Bytes, Hex } from "../foundation/bytes.ts";
import type { Block, BlockTally } from "../protocol/block.ts";
import type { ChainStateErrorCode } from "../protocol/chain-state.ts";
import type { BlockAttributes, Position } from "../protocol/origin.ts";
import type { ChainParameters } from "../protocol/parameters.ts";
import type { Log, Receipt } from "../protocol/receipt.ts";
import type {
  ChainTransaction,
  DecodedTransaction,
  InboxEnvelope,
  Refusal,
  RefusalCode,
} from "../protocol/transaction.ts";
import type { TreeProof } from "../state/proof.ts";
import type { StateGround } from "../state/world.ts";
import type { ChainBase } from "./base.ts";
import type { KeptUnits } from "./kept-units.ts";

/**
 * Whoever orders did not take a valid transaction, seeing what it used: it does not pay for its bytes on L1. Offer it again
 * with the tip that POOL_DATA_FEE tells.
 */
export type DeclinedCode = "TX_DECLINED";

export type AddResult =
  | { readonly included: true; readonly transaction: ChainTransaction; readonly receipt: Receipt }
  /** TX_DECLINED: a valid one, which `accept` did not accept. */
  | { readonly included: false; readonly code: RefusalCode | DeclinedCode; readonly message: string };

/** `position`: where derivation goes on, if known. `expected`: hash of the block that it must be. */
export type SealOptions = { readonly position?: Position; readonly expected?: Hex };

/** The one open block. Only one builder exists at a time. */
export type BlockBuilder = {
  readonly number: L2BlockNumber;
  readonly timestamp: bigint;
  readonly baseFeePerGas: Wei;
  readonly gasLimit: Gas;
  readonly gasUsed: Gas;
  /** Gas that L1's time still pays for. */
  readonly budget: Gas;
  /**
   * Executes one envelope as derivation does: one that was posted and is refused takes its price from the budget. An error of the node itself (MODEL_MISSING, MODEL_DATA_MISSING) rejects: abort the builder.
   */
  add(envelope: InboxEnvelope): Promise<AddResult>;
  /** The same as whoever orders does: a refusal leaves no trace, since it will not be posted. */
  offer(envelope: Bytes, accept?: Acceptance): Promise<AddResult>;
  /**
   * Computes roots and header, writes everything in ONE synced batch, moves the head. CHAIN_OTHER_BLOCK when it came out
   * as another block than `expected`: nothing is written, the block is dropped.
   */
  seal(options?: SealOptions): Promise<{ readonly block: Block; readonly receipts: readonly Receipt[] }>;
  /** Drops the block. */
  abort(): void;
};

/** A block that is executed again, beside the chain. */
export type BlockReplay = {
  readonly number: L2BlockNumber;
  readonly timestamp: bigint;
  readonly baseFeePerGas: Wei;
  /** As of now. */
  readonly tally: BlockTally;
  /** As `BlockBuilder.add`. */
  add(envelope: InboxEnvelope): Promise<AddResult>;
  /** The state's root as of now. STATE_PRUNED. */
  stateRoot(): Bytes;
  /** The block of what was added. */
  finish(): Block;
};

/** `hash`: of the block that these are the units of. */
export type ExecutedUnits = { readonly number: L2BlockNumber; readonly hash: Hex; readonly units: KeptUnits };

export type Heads = { readonly unsafe: L2BlockNumber; readonly safe: L2BlockNumber; readonly finalized: L2BlockNumber };

export type ChainErrorCode =
  /** A block is being built, or this builder's block is sealed or dropped. Finish one before the next begins. */
  | "CHAIN_BUSY"
  /** L1's time does not pay for another block yet. Wait: the budget of gas grows with every L1 block. */
  | "CHAIN_BUDGET"
  /** State is not kept so far back. Give --keep-states more, and begin with an empty data directory. */
  | "CHAIN_ROLLBACK_TOO_DEEP"
  /** The data directory belongs to a chain of another genesis. Give the right --rollup, or an empty directory. */
  | "CHAIN_GENESIS_MISMATCH"
  /** Execution gave another block than was expected: nothing is written. The caller decides what follows. */
  | "CHAIN_OTHER_BLOCK"
  /**
   * The store holds what is no chain: state and blocks disagree, or a record cannot be read. Check the disk, and begin
   * with an empty data directory.
   */
  | "CHAIN_CORRUPT"
  | ChainStateErrorCode;

export type ChainEvents = {
  /** A block became the head. */
  head(block: Block, receipts: readonly Receipt[]): void;
  /** Blocks above `to` (exclusive) were removed; newest first. */
  rollback(removed: readonly { block: Block; receipts: readonly Receipt[] }[], to: L2BlockNumber): void;
  /** The safe or finalized head moved. */
  heads(heads: Heads): void;
};

/** Keeps states from a block on until it is moved or released. */
export type StateHold = {
  /** What lies before is no longer needed. What was pruned meanwhile does not come back. */
  move(to: bigint): void;
  release(): void;
};

/** The chain of one node: executes, stores, serves. Hex addresses are lower case. */
export type Chain = {
  readonly parameters: ChainParameters;
  readonly genesisHash: Hex;
  /**
   * The block that it begins with, where that is not genesis. Of this one only the header is here, of those before
   * nothing but genesis.
   */
  readonly base: ChainBase | undefined;
  readonly head: Block;
  readonly heads: Heads;
  /** Position after the safe head: where derivation goes on. */
  readonly position: Position;
  /** Serialises writers: the sequencer's builder, the follower and rollbacks each run inside it. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  /**
   * The stateless rules on an envelope: the transaction, or why it is none. What passed is remembered, so that a sender
   * is recovered once, whoever asks first.
   */
  decode(envelope: Bytes): DecodedTransaction | Refusal;
  /** Opens a block on the head. CHAIN_BUSY when one is open, CHAIN_BUDGET when the budget does not pay for it. Writes the EIP-2935 and L1Block slots. */
  begin(attributes: BlockAttributes): Promise<BlockBuilder>;
  /**
   * Removes all blocks above `number`. CHAIN_ROLLBACK_TOO_DEEP below the oldest kept state, which is never above the
   * finalized head.
   */
  rollback(number: L2BlockNumber): Promise<void>;
  /** Records that L1 holds the chain up to `number` and derivation goes on at `position`. */
  setSafe(number: L2BlockNumber, position: Position): Promise<void>;
  setFinalized(number: L2BlockNumber): Promise<void>;
  /** States from block `from` on stay, however many blocks that is. Without a hold those from the finalized head on do. */
  hold(from: L2BlockNumber): StateHold;
  /** Oldest block whose state is held, or final. */
  readonly retained: L2BlockNumber;

  blockByNumber(number: L2BlockNumber): Block | undefined;
  blockByHash(hash: Hex): Block | undefined;
  receipts(number: L2BlockNumber): readonly Receipt[] | undefined;
  /** Position of a transaction in the chain. */
  locate(transaction: Hex): { readonly number: L2BlockNumber; readonly index: number } | undefined;

  /** State after block `number`: a private overlay. STATE_PRUNED when it is no longer kept. */
  stateAt(number: L2BlockNumber): StateManagerInterface;
  /** The tree after block `number`, for machines that run above it. STATE_PRUNED, then and later. */
  ground(number: L2BlockNumber): StateGround;
  prove(number: L2BlockNumber, keys: readonly Bytes[]): readonly TreeProof[];
  /**
   * Runs a message on the state after `number` (block context: the next block), without effect. CALL_TIMEOUT, CALL_LIMIT.
   * `since`: when its time began to run, by `performance.now()`, for calls that share one limit.
   */
  call(message: CallMessage, number: L2BlockNumber, since?: number): Promise<CallResult>;
  /** Begins a block on `parent` again, without effect on the chain. STATE_PRUNED. */
  replay(parent: bigint, attributes: BlockAttributes): Promise<BlockReplay>;
  /** What the units of a block came to, if that was kept. */
  keptUnits(number: L2BlockNumber): KeptUnits | undefined;
  /**
   * Keeps what the units of safe blocks came to as long as states are held that claims about them begin with. What is not,
   * or no longer, the chain's is passed over.
   */
  keepUnits(blocks: readonly ExecutedUnits[]): Promise<void>;
  /** Which of these would be transactions of a block on `parent`, without effect. STATE_PRUNED. */
  rehearse(
    parent: bigint,
    attributes: BlockAttributes,
    envelopes: readonly InboxEnvelope[],
  ): Promise<readonly boolean[]>;

  on<E extends keyof ChainEvents>(event: E, listener: ChainEvents[E]): () => void;
  stop(): Promise<void>;
};

export type CallMessage = {
  readonly from?: Hex;
  readonly to?: Hex;
  readonly gas?: bigint;
  readonly gasPrice?: bigint;
  readonly value?: bigint;
  readonly data?: Bytes;
  readonly accessList?: ChainTransaction["accessList"];
  readonly authorizationList?: ChainTransaction["authorizationList"];
  /** geth's state overrides. */
  readonly overrides?: Readonly<
    Record<
      Hex,
      {
        readonly balance?: bigint;
        readonly nonce?: bigint;
        readonly code?: Bytes;
        readonly state?: Readonly<Record<Hex, Hex>>;
        readonly stateDiff?: Readonly<Record<Hex, Hex>>;
      }
    >
  >;
};

/** `gasUsed` includes intrinsic gas and is after refunds; `error`: "revert", "out of gas" ... in geth's words. */
export type CallResult = {
  readonly ok: boolean;
  readonly data: Bytes;
  readonly gasUsed: Gas;
  readonly error?: string;
  readonly logs: readonly Log[];
};
