import type { Bytes } from "../foundation/bytes.ts";

/** One change of a batch. */
export type Write =
  | { readonly type: "put"; readonly key: Bytes; readonly value: Bytes }
  | { readonly type: "del"; readonly key: Bytes };

/** Keys in `[gte, lt)`, ascending unless `reverse`, at most `limit`. */
export type Range = { readonly gte: Bytes; readonly lt: Bytes; readonly limit?: number; readonly reverse?: boolean };

export type StoreErrorCode =
  /** The store is closed. A fault of the caller, or the node is stopping. */
  | "STORE_CLOSED"
  /** Another process has the data directory open. Stop it first, or give another --data-dir. */
  | "STORE_LOCKED"
  /** The database cannot be read. Check the disk, and begin with an empty data directory. */
  | "STORE_CORRUPT"
  /** The disk cannot be read or written: see the cause. Check space, permissions and disk, and start again. */
  | "STORE_IO";

/**
 * An ordered map of byte strings. Reads are synchronous and see every write that was acknowledged.
 * `write` is atomic; when its promise resolves the batch is on disk (one sync) and survives kill -9.
 * Errors: STORE_CLOSED after `close`, STORE_LOCKED when another process has it, STORE_CORRUPT, STORE_IO.
 */
export type KeyValueStore = {
  get(key: Bytes): Bytes | undefined;
  scan(range: Range): Iterable<readonly [key: Bytes, value: Bytes]>;
  write(batch: readonly Write[]): Promise<void>;
  /** Number of synced batches so far. */
  readonly syncs: number;
  close(): Promise<void>;
};

/** First byte of every key: who owns it. One table, no value twice. */
export const COLUMN = {
  meta: 0x00,
  account: 0x01,
  slot: 0x02,
  code: 0x03,
  treeNode: 0x04,
  staleNodes: 0x05,
  undo: 0x06,
  /** What was under a flat key before a version changed it. */
  history: 0x07,
  /** A version's flat entries by the keys of their leaves, for whoever begins with it. */
  snapshotEntry: 0x08,
  /** Where the piece of a node begins and ends among them, or the piece itself. */
  snapshotPiece: 0x09,
  block: 0x10,
  blockByHash: 0x11,
  receipts: 0x12,
  transaction: 0x13,
  /** What the units of a block came to, for claims and disputes. */
  units: 0x14,
  artifact: 0x20,
  modelIndex: 0x21,
  l1Cursor: 0x30,
  inboxRecord: 0x31,
  delayedMessage: 0x32,
  modelChunk: 0x33,
  batchByHash: 0x34,
  /** Chunk hashes of artifacts that are not whole. */
  manifest: 0x35,
  depositByHash: 0x36,
  /** Blobs of batches by versioned hash. */
  blob: 0x37,
  /** Where L1 has a blob that is a chunk of a model. */
  blobPosting: 0x38,
  /** Deposits by the hashes that their events on L1 give them. */
  depositByEvent: 0x39,
  batcher: 0x40,
  claim: 0x41,
  /** What a challenger spent, by time. */
  spending: 0x42,
  blockSeal: 0x50,
  evidence: 0x51,
  peering: 0x52,
} as const;
