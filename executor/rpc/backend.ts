import type { Chain } from "../chain/chain.ts";
import type { L1BlockNumber, L2BlockNumber, RecordIndex, Wei } from "../foundation/brand.ts";
import type { Bytes, Hex } from "../foundation/bytes.ts";
import type { ClaimId, StateHash } from "../foundation/ids.ts";
import type { StateView } from "../machine/describe.ts";
import type { Network } from "../p2p/network/network.ts";
import type { Peering } from "../p2p/peering.ts";
import type { ChainTransaction, RefusalCode } from "../protocol/transaction.ts";

export type PoolErrorCode =
  /** The pool has this transaction already. Nothing is to be done. */
  | "POOL_KNOWN"
  /** A transaction of this nonce waits and offers about as much. Raise both prices by a tenth. */
  | "POOL_REPLACEMENT_UNDERPRICED"
  /** The pool is full of better offers. Offer more, or wait. */
  | "POOL_UNDERPRICED"
  /** Its tip does not pay for its bytes on L1. Offer a higher tip, or wait until L1 is cheaper. */
  | "POOL_DATA_FEE"
  /** Too many transactions of this account wait. Send on when some are in blocks. */
  | "POOL_SENDER_FULL"
  /** The account delegates (EIP-7702), so others may spend what it has: one transaction of it waits at a time. Wait for it. */
  | "POOL_DELEGATED"
  /** The pool is full. Send again later. */
  | "POOL_QUEUE_FULL"
  /** The node is stopping. Send it again when it is back. */
  | "POOL_STOPPED";

export type PooledTransaction = {
  readonly transaction: ChainTransaction;
  /** All nonces before it are in the chain or in the pool. */
  readonly ready: boolean;
};

/** Transactions that wait for a block. A node without one serves reads only. */
export type TransactionPool = {
  /** Decodes, checks and keeps one signed transaction. Rejects with a CodedError of `RefusalCode | PoolErrorCode`, or FORK_UNKNOWN. */
  submit(envelope: Bytes): Promise<Hex>;
  get(hash: Hex): PooledTransaction | undefined;
  /** Nonce of the sender's next transaction: after those in the chain and the ready ones in the pool. */
  pendingNonce(address: Hex): Promise<bigint>;
  status(): { readonly ready: number; readonly queued: number };
  /** All that waits, by sender and nonce; of one sender when given. */
  content(sender?: Hex): readonly PooledTransaction[];
  /** Wei a gas with which an ordinary transaction pays for its bytes on L1 now; 0 where nobody asks for that. */
  readonly ordinaryTip: bigint;
  /** A transaction became ready. */
  onPending(listener: (transaction: ChainTransaction) => void): () => void;
};

export type SubmitErrorCode = RefusalCode | PoolErrorCode;

/** The node among its peers, as far as the methods ask about it. */
export type Peers = Pick<Peering, "evidence" | "halted" | "resume" | "highest"> & {
  readonly network: Pick<Network, "id" | "addresses" | "peers" | "addPeer" | "removePeer">;
};

/** One record of the inbox: the L1 block that it was built on, and the number of the one that holds it. */
export type InboxEntry = {
  readonly origin: { readonly number: L1BlockNumber; readonly timestamp: bigint };
  readonly l1Block: L1BlockNumber;
};

/** L1, as far as the node has read it. `finalized`: number. */
export type L1View = {
  readonly head: { readonly number: L1BlockNumber; readonly hash: Hex; readonly timestamp: bigint } | undefined;
  readonly finalized: L1BlockNumber;
  readonly recordCount: RecordIndex;
  /** Hash of the deposit that the OP Stack's tools know by this one; undefined when there is none. */
  depositOf(eventHash: Hex): Hex | undefined;
  /** Records are in the order of their origins. */
  record(index: RecordIndex): InboxEntry | undefined;
};

export type ClaimsErrorCode =
  /** The node has not read L1 to its head yet. Ask again. */
  | "CLAIMS_NOT_READ"
  /** L1 does not answer, or has another block there now. Ask again; check the node's L1 endpoint. */
  | "CLAIMS_UNREACHABLE"
  /**
   * More claims than a node looks at for one answer stand where the right one is looked for. Ask about a newer block,
   * or read L1 itself.
   */
  | "CLAIMS_TOO_MANY";

/** Open, confirmed, lost to a rival (it, or the one that it stands on), or lost and its bond burned. */
export type ClaimState = "open" | "confirmed" | "rejected" | "forfeited";

/** A claim as L1 holds it. Heights in L1 blocks, times in seconds of L1's clock, the stake in wei. */
export type Claim = {
  readonly id: ClaimId;
  /** Undefined for the chain's first state. */
  readonly parent: ClaimId | undefined;
  readonly state: ClaimState;
  readonly endState: StateHash;
  /** Undefined where the claimed state lies inside a block. */
  readonly outputRoot: Hex | undefined;
  /** Block of the chain that ended last in the claimed state. */
  readonly blockNumber: L2BlockNumber;
  /** Inbox records that claims on this one derive. */
  readonly limitBatch: RecordIndex;
  readonly madeAt: L1BlockNumber;
  readonly createdAt: bigint;
  readonly confirmedAt: bigint | undefined;
  readonly staker: Hex | undefined;
  /** What is still at stake. */
  readonly stake: Wei;
  /** L1 blocks counted for it. */
  readonly timer: bigint;
  /** Whether its time runs: it has no rival. */
  readonly isRunning: boolean;
};

/** What L1's contracts were made with. Periods in L1 blocks, delays in seconds, the bond in wei. */
export type SettlementParameters = {
  readonly period: bigint;
  readonly spacing: bigint;
  readonly bond: Wei;
  readonly proofMaturityDelay: bigint;
  readonly finalityDelay: bigint;
  readonly pauseDuration: bigint;
  readonly guardian: Hex;
  /** Until when withdrawals are paused, or were. */
  readonly pausedUntil: bigint;
};

/** Claims as of the L1 block that the node read last. Everything rejects with a CodedError of `ClaimsErrorCode`. */
export type Claims = {
  /** Undefined when L1 has no such claim. */
  claim(id: Hex): Promise<Claim | undefined>;
  /** At most so many that end between two blocks, newest first. Others are found as their parents. */
  newest(limit: number): Promise<readonly Claim[]>;
  /** The oldest claim that has not lost, is right, and whose state has the block. */
  covering(
    block: L2BlockNumber,
    isRight: (claim: Pick<Claim, "blockNumber" | "outputRoot">) => boolean,
  ): Promise<Claim | undefined>;
  parameters(): Promise<SettlementParameters>;
};

/** A move of the dispute game that the node makes, or wants to make, and the rule by which it does. */
export type DisputeMove = {
  readonly call: string;
  readonly rule: string;
  readonly says: string;
  readonly because: string;
  /** 0 chain, 1 execution, 2 inference, 0x30 + k tensor; null for moves that are about a claim. */
  readonly level: number | null;
  readonly height: number | null;
  /** First leaf below the edge. */
  readonly position: number | null;
};

/** What the node does about the claims on one right claim. Timers and the period in L1 blocks. */
export type DisputeView = {
  readonly parent: Hex;
  /** Null while the node does not know it. */
  readonly right: Hex | null;
  readonly rivals: readonly {
    readonly id: Hex;
    readonly staker: Hex;
    readonly status: string;
    readonly timer: number;
  }[];
  readonly state: "playing" | "waiting" | "settled" | "computing" | "blocked" | "lost";
  /** Why nothing is played. */
  readonly lack: string | null;
  readonly moves: readonly DisputeMove[];
  /** Moves that L1 would refuse now, with the contract's error. */
  readonly refusals: readonly (DisputeMove & { readonly error: string })[];
  readonly period: number;
  /** L1 block of this view. */
  readonly l1Block: number;
};

/** A step of the machine on which claims part. */
export type DisputedStep = {
  /** Of the range, and of the unit. */
  readonly unit: number;
  readonly step: number;
  /** A mnemonic, a phase, or what derivation does; `padding` behind the unit's end. */
  readonly name: string;
  /** The states around it as this node has them; null for padding. */
  readonly before: StateView | null;
  readonly after: StateView | null;
  /** Hash of the state behind it, as this node has it; and as others claim it, as far as L1 saw them say so. */
  readonly computed: Hex;
  readonly claimed: readonly Hex[];
  /** Whether a contract has taken this node's proof. */
  readonly isProven: boolean;
};

/** A claim on L1 that a challenger does not hold for right. */
export type DoubtfulClaim = {
  readonly id: Hex;
  readonly parent: Hex;
  readonly staker: Hex;
  /** In which it was made. */
  readonly l1Block: number;
  /** `unjudged`: the node does not know what is right there; `lost`: L1 confirmed it, and it is wrong. */
  readonly verdict: "wrong" | "unjudged" | "lost";
  /** What keeps the node from judging it, if anything does. */
  readonly lack: string | null;
};

/** What a challenger sent, or in a rehearsal would have sent. Wei in decimal. */
export type ChallengerPlan = {
  readonly moves: readonly DisputeMove[];
  readonly value: string;
  readonly gas: number;
  readonly l1Block: number;
};

/** What a challenger knows at its last look, and what holds it back. Wei in decimal. */
export type ChallengerView = {
  readonly l1Block: number;
  readonly account: Hex;
  /** Of claims that are not decided. */
  readonly claims: { readonly right: number; readonly wrong: number; readonly unjudged: number };
  readonly oldestUnjudgedSeconds: number;
  /** Every claim that is not judged right, oldest first. */
  readonly doubtful: readonly DoubtfulClaim[];
  /** Parts of the look that failed: the others went on. */
  readonly failures: readonly { readonly part: string; readonly error: string }[];
  /** Why moves that were found are not sent. */
  readonly heldBack: string | null;
  readonly isRehearsal: boolean;
  readonly plan: ChallengerPlan | null;
  readonly spending: { readonly spent: string; readonly cap: string | null };
  /** Sources of L1 that must agree. */
  readonly l1Sources: number;
};

/** Who has a role on L1, and who has it next. Times in seconds of L1's clock. */
export type RoleView = { readonly inEffect: Hex; readonly next: { readonly key: Hex; readonly time: number } | null };

/** What of the deployment on L1 can change, and what is announced to. Delays and times in seconds of L1's clock. */
export type SystemView = {
  /** L1 block of this view. */
  readonly l1Block: number;
  /** Null: nothing changes, ever. */
  readonly owner: Hex | null;
  readonly upgradeDelay: number;
  readonly rotationDelay: number;
  readonly batcher: RoleView;
  readonly signer: RoleView;
  readonly guardian: RoleView;
  /** The one in force, and those before it, oldest first. */
  readonly claimRegistry: Hex;
  readonly formerRegistries: readonly Hex[];
  /** Another claim registry that is announced; `time`: from when on it can take over. */
  readonly upgrade: { readonly registry: Hex; readonly time: number } | null;
  /**
   * Of these, the announced one included, those that judge claims otherwise than this node: from which L2 timestamp on, 0 for
   * contracts that are not its version's; and why.
   */
  readonly foreign: readonly { readonly registry: Hex; readonly from: number; readonly why: string }[];
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
  /** `failure`: why derivation stands still, a code and a message. A node without it does not derive. */
  readonly derivation?: { readonly failure: string | undefined };
  /** A node without it does not know L1's contracts. */
  readonly claims?: Claims;
  /** A node without it does not read L1. */
  readonly system?: () => SystemView;
  /** A node without it has no peers. */
  readonly peering?: Peers;
  /** Of a challenger: the disputes at its last look. */
  readonly disputes?: () => readonly DisputeView[];
  /** Of a challenger: the steps of the machine that a dispute, by its parent, has come down to. */
  readonly disputedSteps?: (parent: Hex) => Promise<readonly DisputedStep[]>;
  /** Of a challenger: undefined before its first look. */
  readonly challenger?: () => ChallengerView | undefined;
};
