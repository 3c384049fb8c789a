import type { Bytes, Hex } from "../../foundation/bytes.ts";
import type { Protocol } from "../network/network.ts";

/**
 * Everything that nodes give each other by content: the asker knows the hash from L1, so a wrong byte shows at once.
 * A model is a tree of two levels: its content hash is the hash of its manifest, and the manifest is the hashes of its
 * chunks in order. The manifest is every chunk's proof.
 */
export type ContentKind = "manifest" | "chunk" | "batch";

/** What this node can give. Undefined: it does not have it. */
export type ContentProvider = (kind: ContentKind, hash: Hex) => Bytes | undefined;

/** Hashes in one request. */
export const MAX_HASHES = 64;

/** `rlp([u8 kind, [hash …]])`; the answers are in the same order, an empty one where there is nothing. */
export const CONTENT_PROTOCOL: Protocol = {
  name: "content/1",
  maxRequestBytes: 8 + 33 * MAX_HASHES + 8,
  maxAnswerBytes: 2 ** 17,
  maxAnswers: MAX_HASHES,
  stallMs: 5_000,
  rate: { requests: 50, requestBurst: 100, bytes: 32 * 2 ** 20, byteBurst: 64 * 2 ** 20 },
};

export type FetchOptions = {
  readonly signal?: AbortSignal;
  /** Keeps a piece as soon as its hash was checked, so that a fetch that breaks off goes on where it was. */
  keep(hash: Hex, bytes: Bytes): Promise<void>;
};

/** Asks the peers for content. */
export type ContentExchange = {
  /**
   * Fetches pieces from all peers at once, each piece from whoever has it and is quick. Answers the hashes that no peer
   * gave. A peer whose piece is wrong is dropped, one that stalls loses its share to the others.
   */
  fetch(kind: ContentKind, hashes: readonly Hex[], options: FetchOptions): Promise<readonly Hex[]>;
};
