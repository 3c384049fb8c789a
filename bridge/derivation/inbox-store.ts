import {
  type Bytes,
  COLUMN,
  CodedError,
  concat,
  decodeBlobs,
  EMPTY_BYTES,
  equalBytes,
  fromHex,
  type Gas,
  type Hex,
  type KeyValueStore,
  keccak256,
  keccakOf,
  type L1BlockNumber,
  type MessageIndex,
  type Origin,
  type RecordIndex,
  toHex,
  uintBE,
  type Write,
  ZERO_32,
} from "../../executor/index.ts";
import type { BlobArchive } from "./blob-archive.ts";
import { EMPTY_ACCUMULATOR, type MessageKind } from "./messages.ts";

export type InboxStoreErrorCode =
  /** The disk has lost a blob that was stored. Check the disk, and begin with an empty data directory. */
  "INBOX_CORRUPT";

/** An L1 block as far as derivation knows it. */
export type L1Block = { readonly number: L1BlockNumber; readonly hash: Hex; readonly timestamp: bigint };

/** Kinds as the inbox writes them. */
export const RECORD_KIND = { calldata: 0, blobs: 1, forced: 2 } as const;
export type RecordKind = keyof typeof RECORD_KIND;
const KINDS = ["calldata", "blobs", "forced"] as const satisfies readonly RecordKind[];
/** Undefined for a kind that is not known here. */
export const recordKindOf = (wire: number): RecordKind | undefined => KINDS[wire];

export type InboxRecord = {
  readonly index: RecordIndex;
  readonly kind: RecordKind;
  /** Hash of the bytes; of the blobs' versioned hashes for a batch in blobs. */
  readonly dataHash: Hex;
  readonly origin: Origin;
  readonly delayedEnd: MessageIndex;
  /** Number of the L1 block that holds it. */
  readonly l1Block: L1BlockNumber;
  /** Hash over this record, its messages, and all before: equal lineages mean equal chains. */
  readonly lineage: Hex;
  /** Versioned hashes of a batch in blobs, in order. */
  readonly blobHashes: readonly Hex[];
  /** Read when it is asked for. */
  readonly data: Bytes;
};
/** What is stored of a record: the bytes of blobs are in the archive. */
export type NewRecord = Omit<InboxRecord, "data"> & { readonly data?: Bytes };

export type DelayedMessage = {
  readonly index: MessageIndex;
  readonly kind: MessageKind;
  readonly gas: Gas;
  readonly envelope: Bytes;
  /** After this message. */
  readonly accumulator: Hex;
  readonly l1Block: L1BlockNumber;
  /** When L1 queued it, in seconds. */
  readonly timestamp: bigint;
  /** What the OP Stack's tools take for a deposit's hash on L2: of where its event is on L1. */
  readonly eventHash: Hex | undefined;
};

/** How far L1 has been read. `finalized`: L1 number. */
export type InboxCursor = {
  readonly head: L1Block;
  readonly recordCount: RecordIndex;
  readonly messageCount: bigint;
  readonly finalized: bigint;
};

/** As L1's inbox computes it; before the first record it is the zero word. */
export const lineageOf = (
  previous: Bytes,
  record: Pick<InboxRecord, "kind" | "dataHash" | "origin" | "delayedEnd">,
  accumulator: Bytes,
): Bytes =>
  keccakOf(
    previous,
    Uint8Array.of(RECORD_KIND[record.kind]),
    fromHex(record.dataHash),
    uintBE(record.origin.number, 8),
    uintBE(record.origin.timestamp, 8),
    uintBE(record.delayedEnd, 8),
    accumulator,
  );

const CURSOR_KEY = Uint8Array.of(COLUMN.l1Cursor, 0x00);
const FIRST_KEY = Uint8Array.of(COLUMN.l1Cursor, 0x03);
const DEPLOYMENT_KEY = Uint8Array.of(COLUMN.l1Cursor, 0x02);
const checkpointKey = (number: bigint) => concat(Uint8Array.of(COLUMN.l1Cursor, 0x01), uintBE(number, 8));
const recordKey = (index: bigint) => concat(Uint8Array.of(COLUMN.inboxRecord), uintBE(index, 8));
const messageKey = (index: bigint) => concat(Uint8Array.of(COLUMN.delayedMessage), uintBE(index, 8));
/** To the lowest index of a batch with these bytes. */
const batchByHashKey = (dataHash: Hex) => concat(Uint8Array.of(COLUMN.batchByHash), fromHex(dataHash));
/** To the index of the deposit: it is part of the envelope, so no two are equal. */
const depositByHashKey = (envelope: Bytes) => concat(Uint8Array.of(COLUMN.depositByHash), keccak256(envelope));
/** To the index of the deposit. */
const depositByEventKey = (eventHash: Hex) => concat(Uint8Array.of(COLUMN.depositByEvent), fromHex(eventHash));
const chunkKey = (hash: Bytes) => concat(Uint8Array.of(COLUMN.modelChunk), hash);

const postingKey = (hash: Hex) => concat(Uint8Array.of(COLUMN.blobPosting), fromHex(hash));

const encodeRecord = (record: NewRecord): Bytes =>
  concat(
    Uint8Array.of(RECORD_KIND[record.kind]),
    uintBE(record.origin.number, 8),
    uintBE(record.origin.timestamp, 8),
    uintBE(record.delayedEnd, 8),
    uintBE(record.l1Block, 8),
    fromHex(record.dataHash),
    fromHex(record.lineage),
    ...(record.kind === "blobs" ? record.blobHashes.map(fromHex) : [record.data ?? EMPTY_BYTES]),
  );

const viewOf = (bytes: Bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const HASH = 32;
const TAIL = 97;

const hashesIn = (bytes: Bytes): Hex[] =>
  Array.from({ length: bytes.length / HASH }, (_, i) => toHex(bytes.subarray(i * HASH, (i + 1) * HASH)));

const decodeRecord = (index: bigint, bytes: Bytes, dataOf: (blobHashes: readonly Hex[]) => Bytes): InboxRecord => {
  const view = viewOf(bytes);
  const kind = recordKindOf(bytes[0] as number) ?? "calldata";
  const tail = bytes.subarray(TAIL);
  const blobHashes = kind === "blobs" ? hashesIn(tail) : [];
  return {
    index,
    kind,
    origin: { number: view.getBigUint64(1), timestamp: view.getBigUint64(9) },
    delayedEnd: view.getBigUint64(17),
    l1Block: view.getBigUint64(25),
    dataHash: toHex(bytes.subarray(33, 65)),
    lineage: toHex(bytes.subarray(65, TAIL)),
    blobHashes,
    get data() {
      return kind === "blobs" ? dataOf(blobHashes) : tail;
    },
  };
};

const encodeMessage = (message: DelayedMessage): Bytes =>
  concat(
    Uint8Array.of(message.kind === "raw" ? 1 : 0),
    uintBE(message.gas, 8),
    uintBE(message.l1Block, 8),
    uintBE(message.timestamp, 8),
    fromHex(message.accumulator),
    message.eventHash === undefined ? ZERO_32 : fromHex(message.eventHash),
    message.envelope,
  );

const decodeMessage = (index: bigint, bytes: Bytes): DelayedMessage => {
  const view = viewOf(bytes);
  const kind = bytes[0] === 1 ? "raw" : "deposit";
  return {
    index,
    kind,
    gas: view.getBigUint64(1),
    l1Block: view.getBigUint64(9),
    timestamp: view.getBigUint64(17),
    accumulator: toHex(bytes.subarray(25, 57)),
    eventHash: kind === "deposit" ? toHex(bytes.subarray(57, 89)) : undefined,
    envelope: bytes.subarray(89),
  };
};

const encodeCursor = (cursor: InboxCursor): Bytes =>
  concat(
    uintBE(cursor.head.number, 8),
    uintBE(cursor.head.timestamp, 8),
    uintBE(cursor.recordCount, 8),
    uintBE(cursor.messageCount, 8),
    uintBE(cursor.finalized, 8),
    fromHex(cursor.head.hash),
  );

const decodeCursor = (bytes: Bytes): InboxCursor => {
  const view = viewOf(bytes);
  return {
    head: { number: view.getBigUint64(0), timestamp: view.getBigUint64(8), hash: toHex(bytes.subarray(40, 72)) },
    recordCount: view.getBigUint64(16),
    messageCount: view.getBigUint64(24),
    finalized: view.getBigUint64(32),
  };
};

/** What is here of the inbox begins behind so many records and messages; and lineage and accumulator after those. */
export type InboxStart = {
  readonly recordCount: bigint;
  readonly messageCount: bigint;
  readonly lineage: Bytes;
  readonly accumulator: Bytes;
};
const EVERYTHING: InboxStart = {
  recordCount: 0n,
  messageCount: 0n,
  lineage: ZERO_32,
  accumulator: EMPTY_ACCUMULATOR,
};

const encodeStart = ({ recordCount, messageCount, lineage, accumulator }: InboxStart): Bytes =>
  concat(uintBE(recordCount, 8), uintBE(messageCount, 8), accumulator, lineage);
const decodeStart = (bytes: Bytes): InboxStart => ({
  recordCount: viewOf(bytes).getBigUint64(0),
  messageCount: viewOf(bytes).getBigUint64(8),
  accumulator: bytes.subarray(16, 48),
  lineage: bytes.subarray(48, 80),
});

const hasCalldata = ({ kind, data }: NewRecord): boolean =>
  kind === "calldata" && data !== undefined && data.length > 0;

/** Checkpoints kept for finding the common ancestor after a reorg, beside the one that is final. */
const MAX_CHECKPOINTS = 4096;

/** The L1 block that holds a blob, and its timestamp in seconds. */
export type BlobPosting = { readonly l1Block: L1BlockNumber; readonly timestamp: bigint };

/** What one stretch of L1 adds, on top of the block `base`. */
export type InboxChange = {
  readonly base: bigint;
  readonly cursor: InboxCursor;
  /** The archive has the blobs of those in blobs. */
  readonly records: readonly NewRecord[];
  readonly messages: readonly DelayedMessage[];
  readonly chunks: readonly Bytes[];
  readonly chunkHashes: readonly Bytes[];
  readonly blobPostings: ReadonlyMap<Hex, BlobPosting>;
};

/** Everything read from L1, on disk. Reads are synchronous; one write a stretch of L1, so a crash leaves a whole state. */
export const createInboxStore = (store: KeyValueStore, archive: BlobArchive) => {
  const stored = store.get(CURSOR_KEY);
  let cursor = stored === undefined ? undefined : decodeCursor(stored);
  const begun = store.get(FIRST_KEY);
  let first = begun === undefined ? EVERYTHING : decodeStart(begun);

  /** The batch that was read last: derivation asks for it again at each of its blocks. */
  let decoded: { readonly name: string; readonly data: Bytes } | undefined;
  const dataOf = (blobHashes: readonly Hex[]): Bytes => {
    const name = blobHashes.join();
    if (decoded?.name !== name) {
      const blobs = blobHashes.map((hash) => {
        const blob = archive.get(hash);
        if (blob === undefined)
          throw new CodedError<InboxStoreErrorCode>("INBOX_CORRUPT", `the disk has lost blob ${hash}`, { hash });
        return blob;
      });
      decoded = { name, data: decodeBlobs(blobs) };
    }
    return decoded.data;
  };
  const record = (index: bigint): InboxRecord | undefined => {
    const bytes = cursor !== undefined && index < cursor.recordCount ? store.get(recordKey(index)) : undefined;
    return bytes === undefined ? undefined : decodeRecord(index, bytes, dataOf);
  };
  const message = (index: bigint): DelayedMessage | undefined => {
    const bytes = cursor !== undefined && index < cursor.messageCount ? store.get(messageKey(index)) : undefined;
    return bytes === undefined ? undefined : decodeMessage(index, bytes);
  };

  const indexAt = (key: Bytes): bigint | undefined => {
    const bytes = store.get(key);
    return bytes === undefined ? undefined : viewOf(bytes).getBigUint64(0);
  };
  /** The first batch with these bytes in calldata. What an index says is checked: it is only a hint. */
  const batchOf = (dataHash: Hex): InboxRecord | undefined => {
    const index = indexAt(batchByHashKey(dataHash));
    const found = index === undefined ? undefined : record(index);
    return found?.dataHash === dataHash && hasCalldata(found) ? found : undefined;
  };

  /** Takes back records and messages above the base, with what leads to them. */
  const dropAbove = (base: { readonly recordCount: RecordIndex; readonly messageCount: bigint }): Write[] => {
    const writes: Write[] = [];
    for (let i = base.recordCount; i < (cursor?.recordCount ?? 0n); i++) {
      const { dataHash } = record(i) as InboxRecord;
      if (batchOf(dataHash)?.index === i) writes.push({ type: "del", key: batchByHashKey(dataHash) });
      writes.push({ type: "del", key: recordKey(i) });
    }
    for (let i = base.messageCount; i < (cursor?.messageCount ?? 0n); i++) {
      const { kind, envelope, eventHash } = message(i) as DelayedMessage;
      if (kind === "deposit") writes.push({ type: "del", key: depositByHashKey(envelope) });
      if (eventHash !== undefined) writes.push({ type: "del", key: depositByEventKey(eventHash) });
      writes.push({ type: "del", key: messageKey(i) });
    }
    return writes;
  };

  const putRecords = (records: readonly NewRecord[], standing: bigint): Write[] => {
    const writes: Write[] = [];
    // The last first: of equal ones the lowest index is written last and stays.
    for (const added of records.toReversed()) {
      writes.push({ type: "put", key: recordKey(added.index), value: encodeRecord(added) });
      const before = batchOf(added.dataHash);
      if (hasCalldata(added) && (before === undefined || before.index >= standing))
        writes.push({ type: "put", key: batchByHashKey(added.dataHash), value: uintBE(added.index, 8) });
    }
    return writes;
  };

  const putMessages = (messages: readonly DelayedMessage[]): Write[] =>
    messages.flatMap((added): Write[] => {
      const put: Write = { type: "put", key: messageKey(added.index), value: encodeMessage(added) };
      if (added.kind !== "deposit" || added.eventHash === undefined) return [put];
      const keys = [depositByHashKey(added.envelope), depositByEventKey(added.eventHash)];
      return [put, ...keys.map((key): Write => ({ type: "put", key, value: uintBE(added.index, 8) }))];
    });

  return {
    get cursor(): InboxCursor | undefined {
      return cursor;
    },
    record,
    message,
    batchData: (dataHash: Hex): Bytes | undefined => batchOf(dataHash)?.data,
    /** Whether a deposit with exactly this envelope was queued. */
    isDeposit(envelope: Bytes): boolean {
      const index = indexAt(depositByHashKey(envelope));
      const found = index === undefined ? undefined : message(index);
      return found?.kind === "deposit" && equalBytes(found.envelope, envelope);
    },
    /** Hash of the deposit that the OP Stack's tools know by this one. */
    depositOf(eventHash: Hex): Hex | undefined {
      const index = indexAt(depositByEventKey(eventHash));
      const found = index === undefined ? undefined : message(index);
      return found?.eventHash === eventHash ? toHex(keccak256(found.envelope)) : undefined;
    },
    chunk: (hash: Bytes): Bytes | undefined => store.get(chunkKey(hash)),
    /** Where L1 had a chunk in a blob, last. A reorg leaves it: it says where to look, never what is there. */
    blobPosting(hash: Hex): BlobPosting | undefined {
      const bytes = store.get(postingKey(hash));
      if (bytes === undefined) return undefined;
      return { l1Block: viewOf(bytes).getBigUint64(0), timestamp: viewOf(bytes).getBigUint64(8) };
    },
    /** Accumulator after `count` messages. */
    accumulator(count: bigint): Bytes | undefined {
      if (count === first.messageCount) return first.accumulator;
      const last = message(count - 1n);
      return last === undefined ? undefined : fromHex(last.accumulator);
    },
    get first() {
      return first;
    },
    /** Lineage after `count` records. */
    lineage(count: bigint): Bytes | undefined {
      if (count === first.recordCount) return first.lineage;
      const last = record(count - 1n);
      return last === undefined ? undefined : fromHex(last.lineage);
    },
    /** Records and messages that L1 held after block `number`. */
    countsAt(number: L1BlockNumber): { readonly recordCount: RecordIndex; readonly messageCount: bigint } {
      let recordCount = cursor?.recordCount ?? 0n;
      let messageCount = cursor?.messageCount ?? 0n;
      while (recordCount > first.recordCount && (record(recordCount - 1n) as InboxRecord).l1Block > number)
        recordCount--;
      while (messageCount > first.messageCount && (message(messageCount - 1n) as DelayedMessage).l1Block > number)
        messageCount--;
      return { recordCount, messageCount };
    },
    /** Blocks whose hashes are kept, newest first. */
    *checkpoints(): Generator<L1Block> {
      const range = { gte: checkpointKey(0n), lt: Uint8Array.of(COLUMN.l1Cursor, 0x02), reverse: true };
      for (const [key, value] of store.scan(range))
        yield {
          number: viewOf(key).getBigUint64(2),
          timestamp: viewOf(value).getBigUint64(32),
          hash: toHex(value.subarray(0, 32)),
        };
    },
    /** What the state on disk belongs to. */
    get deployment(): Hex | undefined {
      const bytes = store.get(DEPLOYMENT_KEY);
      return bytes === undefined ? undefined : toHex(bytes);
    },
    /** Starts from nothing, just above `head`; records and messages before `start` are passed over. */
    async begin(deployment: Bytes, head: L1Block, start: InboxStart = EVERYTHING): Promise<InboxCursor> {
      const { recordCount, messageCount } = start;
      const empty: InboxCursor = { head, recordCount, messageCount, finalized: 0n };
      await store.write([
        { type: "put", key: DEPLOYMENT_KEY, value: deployment },
        { type: "put", key: FIRST_KEY, value: encodeStart(start) },
        { type: "put", key: CURSOR_KEY, value: encodeCursor(empty) },
        { type: "put", key: checkpointKey(head.number), value: concat(fromHex(head.hash), uintBE(head.timestamp, 8)) },
      ]);
      first = start;
      cursor = empty;
      return empty;
    },
    async apply(change: InboxChange): Promise<void> {
      // Above the base nothing stays: it is written again, or gone.
      const base = this.countsAt(change.base);
      const writes = dropAbove(base);
      const kept: bigint[] = [];
      for (const checkpoint of this.checkpoints())
        if (checkpoint.number > change.base) writes.push({ type: "del", key: checkpointKey(checkpoint.number) });
        else kept.push(checkpoint.number);
      // The newest final block is the oldest that a reorg can lead back to.
      const final = kept.findIndex((number) => number <= change.cursor.finalized);
      const anchor = final < 0 ? kept.length - 1 : final;
      // INVARIANT: the anchor stays, however far back it is: a deeper reorg than the others reach leads to it.
      const surplus = kept.filter((_, i) => i > anchor || (i >= MAX_CHECKPOINTS - 1 && i < anchor));
      for (const number of surplus) writes.push({ type: "del", key: checkpointKey(number) });

      writes.push(...putRecords(change.records, base.recordCount), ...putMessages(change.messages));
      for (const [i, hash] of change.chunkHashes.entries())
        writes.push({ type: "put", key: chunkKey(hash), value: change.chunks[i] ?? EMPTY_BYTES });
      for (const [hash, { l1Block, timestamp }] of change.blobPostings)
        writes.push({ type: "put", key: postingKey(hash), value: concat(uintBE(l1Block, 8), uintBE(timestamp, 8)) });
      const { head } = change.cursor;
      writes.push(
        { type: "put", key: checkpointKey(head.number), value: concat(fromHex(head.hash), uintBE(head.timestamp, 8)) },
        { type: "put", key: CURSOR_KEY, value: encodeCursor(change.cursor) },
      );
      await store.write(writes);
      cursor = change.cursor;
    },
  };
};
