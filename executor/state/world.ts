import type { StateManagerInterface } from "@ethereumjs/common";
import type { Bytes } from "../foundation/bytes.ts";
import type { Write } from "../store/key-value-store.ts";

/** A new version of the state: on disk once `writes` are written, visible once `accept` is called (after the write). */
export type SealedState = {
  readonly root: Bytes;
  readonly version: number;
  readonly writes: readonly Write[];
  accept(): void;
};

/** Membership or absence of one key in the state tree. */
export type TreeProof = {
  /** Depth of the terminal, in bits. */
  readonly depth: number;
  /** Bit i (most significant first) is set iff the sibling at depth i + 1 is not empty. 32 bytes. */
  readonly bitmap: Bytes;
  /** Non-empty siblings, deepest first. */
  readonly siblings: readonly Bytes[];
  /** The leaf at the terminal (the key's own, or another's), or undefined where the subtree is empty. */
  readonly terminal: { readonly key: Bytes; readonly value: Bytes } | undefined;
};

export type WorldStateErrorCode = "STATE_PRUNED" | "STATE_OPEN_CHECKPOINT" | "STATE_CORRUPT" | "STATE_READ_ONLY";

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
  /** The single writer, for the engine. */
  readonly manager: StateManagerInterface;
  /** Root and writes of all pending changes as version + 1. STATE_OPEN_CHECKPOINT when a checkpoint is open. */
  seal(): SealedState;
  /** Drops pending changes of the writer. */
  discard(): void;
  /** The committed state as it was at `version`, and the writes that make it the head again. STATE_PRUNED. */
  revertTo(version: number): SealedState;
  /** A private overlay on the committed state at `version`: for eth_call; writes never leave it. STATE_PRUNED. */
  view(version: number): StateManagerInterface;
  /** Proofs against the root at `version`. STATE_PRUNED. */
  prove(version: number, keys: readonly Bytes[]): readonly TreeProof[];
};
