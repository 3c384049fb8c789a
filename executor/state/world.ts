import type { StateManagerInterface } from "@ethereumjs/common";
import type { Bytes } from "../foundation/bytes.ts";
import type { Write } from "../store/key-value-store.ts";
import type { AccountRecord } from "./account.ts";
import type { StateFork } from "./fork.ts";
import type { NodeSource } from "./node-cache.ts";
import type { Ref } from "./node-codec.ts";
import type { StateReader } from "./overlay.ts";
import type { TreeProof } from "./proof.ts";

/** A new version of the state: on disk once `writes` are written, visible once `accept` is called (after the write). */
export type SealedState = {
  readonly root: Bytes;
  readonly version: number;
  readonly writes: readonly Write[];
  accept(): void;
};

/** One committed version as nodes: for whoever keeps versions of his own above it. */
export type StateGround = { readonly root: Ref; readonly nodes: NodeSource; readonly reader: StateReader };

/** One account with its slots, all bytes: for dumps and rebuilds. */
export type DumpedAccount = {
  readonly address: Bytes;
  readonly account: AccountRecord;
  readonly slots: readonly (readonly [slot: Bytes, value: Bytes])[];
};

/**
 * The state of one chain: the committed version and the one writer above it. A version is a block number.
 * Readers see committed versions only, whatever the writer does meanwhile.
 */
export type WorldState = {
  /** Committed version; -1 before genesis. */
  readonly version: number;
  readonly root: Bytes;
  /** Oldest version that `view`, `prove` and `revertTo` still serve. */
  readonly oldest: number;
  /**
   * Versions from this one on are kept, however many there are, until another is named. What was pruned is gone. Before
   * it is called only `keep` bounds what is pruned.
   */
  retain(from: number): void;
  /** The single writer, for the engine. */
  readonly manager: StateManagerInterface;
  /** Root and writes of all pending changes as version + 1. STATE_OPEN_CHECKPOINT when a checkpoint is open. */
  seal(): SealedState;
  /** Drops pending changes of the writer, and what was sealed and not accepted. */
  discard(): void;
  /** The committed state as it was at `version`, and the writes that make it the head again. STATE_PRUNED. */
  revertTo(version: number): SealedState;
  /** A private overlay on the committed state at `version`: for eth_call; writes never leave it. STATE_PRUNED. */
  view(version: number): StateManagerInterface;
  /** A private state on the committed one at `version` that has roots of its own. STATE_PRUNED. */
  fork(version: number): StateFork;
  /** The tree of the committed state at `version` and what its leaves stand for. STATE_PRUNED, then and later. */
  ground(version: number): StateGround;
  /** Proofs against the root at `version`. STATE_PRUNED. */
  prove(version: number, keys: readonly Bytes[]): readonly TreeProof[];
  /** Root at `version`. STATE_PRUNED. */
  rootAt(version: number): Bytes;
  /** Flat keys (latin1 strings) in a range that changed above `version`, in order, at most so many. */
  changedKeys(version: number, range: readonly [from: string, end: string], limit: number): readonly string[];
  /** All accounts and slots of the committed version, by address. */
  dump(): Iterable<DumpedAccount>;
};

export type WorldStateOptions = {
  /** Versions below the head that stay readable, provable and revertible at least. */
  readonly keep?: number;
  /** Entries of the caches of committed accounts, slots, tree nodes and codes. */
  readonly accountCache?: number;
  readonly slotCache?: number;
  readonly nodeCache?: number;
  readonly codeCache?: number;
};
