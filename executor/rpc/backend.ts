import type { Chain, ChainTransaction, RefusalCode } from "../chain/chain.ts";
import type { Bytes, Hex } from "../foundation/bytes.ts";
import type { Network } from "../p2p/network/network.ts";
import type { Peering } from "../p2p/peering.ts";

/** Why a pool does not take a transaction, beside the refusals of the chain itself. */
export type PoolErrorCode =
  | "POOL_KNOWN"
  | "POOL_REPLACEMENT_UNDERPRICED"
  | "POOL_UNDERPRICED"
  | "POOL_SENDER_FULL"
  | "POOL_QUEUE_FULL"
  | "POOL_STOPPED";

export type PooledTransaction = {
  readonly transaction: ChainTransaction;
  /** All nonces before it are in the chain or in the pool. */
  readonly ready: boolean;
};

/** Transactions that wait for a block. A node without one serves reads only. */
export type TransactionPool = {
  /** Decodes, checks and keeps one signed transaction. Rejects with a CodedError of `RefusalCode | PoolErrorCode`. */
  submit(envelope: Bytes): Promise<Hex>;
  get(hash: Hex): PooledTransaction | undefined;
  /** Nonce of the sender's next transaction: after those in the chain and the ready ones in the pool. */
  pendingNonce(address: Hex): Promise<bigint>;
  status(): { readonly ready: number; readonly queued: number };
  /** All that waits, by sender and nonce; of one sender when given. */
  content(sender?: Hex): readonly PooledTransaction[];
  /** A transaction became ready. */
  onPending(listener: (transaction: ChainTransaction) => void): () => void;
};

export type SubmitErrorCode = RefusalCode | PoolErrorCode;

/** The node among its peers, as far as the methods ask about it. */
export type Peers = Pick<Peering, "evidence" | "halted" | "resume" | "highest"> & {
  readonly network: Pick<Network, "id" | "addresses" | "peers" | "addPeer" | "removePeer">;
};

/** L1, as far as the node has read it. `finalized`: number. */
export type L1View = {
  readonly head: { readonly number: bigint; readonly hash: Hex; readonly timestamp: bigint } | undefined;
  readonly finalized: bigint;
};

/** What the methods stand on. */
export type Backend = {
  readonly chain: Chain;
  readonly pool?: TransactionPool;
  readonly identity: {
    /** Name, version, platform: the answer of web3_clientVersion. */
    readonly clientVersion: string;
  };
  /** A node without it does not derive. */
  readonly l1?: L1View;
  /** A node without it has no peers. */
  readonly peering?: Peers;
};
