import { RocksLevel } from "@nxtedition/rocksdb";
import { type Bytes, concat } from "../foundation/bytes.ts";
import { CodedError, messageOf } from "../foundation/errors.ts";
import type { KeyValueStore, Range, StoreErrorCode, Write } from "./key-value-store.ts";

/** Rows that one step of a scan reads. */
const PAGE = 256;

export type RocksOptions = {
  /** Bytes of the cache of uncompressed blocks. */
  readonly cacheSize?: number;
  /** Bytes of writes held in memory before they go to sorted files. */
  readonly memtableBudget?: number;
};

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;

const failure = (error: unknown, directory: string): CodedError<StoreErrorCode> => {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = codeOf(cause);
  if (code === "LEVEL_LOCKED")
    return new CodedError("STORE_LOCKED", `another process has ${directory} open: stop it first`, { directory }, cause);
  if (code === "LEVEL_CORRUPTION")
    return new CodedError("STORE_CORRUPT", `${directory}: ${messageOf(cause)}`, { directory }, cause);
  return new CodedError("STORE_IO", `${directory}: ${messageOf(cause)}`, { directory }, cause);
};

/**
 * RocksDB in `directory`, created when missing. Only a batch of the binding passes `sync` on to RocksDB (a single put
 * does not), and it runs on the calling thread: one write-ahead-log sync for each `write`.
 */
export const openRocksStore = async (directory: string, options: RocksOptions = {}): Promise<KeyValueStore> => {
  const { cacheSize = 64 * 2 ** 20, memtableBudget = 128 * 2 ** 20 } = options;
  const database = new RocksLevel(directory, {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
    createIfMissing: true,
    cacheSize,
    memtableMemoryBudget: memtableBudget,
    walCompression: false,
  });
  try {
    await database.open();
  } catch (error) {
    throw failure(error, directory);
  }
  let syncs = 0;
  let closing: Promise<void> | undefined;

  /** The binding reads freed memory when it is used after `close`: every call is guarded. */
  const guarded = <T>(work: () => T): T => {
    if (closing !== undefined) throw new CodedError<StoreErrorCode>("STORE_CLOSED", `${directory} is closed`);
    try {
      return work();
    } catch (error) {
      throw error instanceof CodedError ? error : failure(error, directory);
    }
  };

  function* scan({ gte, lt, limit = Number.POSITIVE_INFINITY, reverse = false }: Range) {
    let low: Bytes = gte;
    let high: Bytes = lt;
    let left = limit;
    while (left > 0) {
      const size = Math.min(left, PAGE);
      const { rows } = guarded(() =>
        database.querySync({
          gte: low,
          lt: high,
          limit: size,
          reverse,
          keyEncoding: "buffer",
          valueEncoding: "buffer",
        }),
      );
      for (let i = 0; i < rows.length; i += 2) yield [rows[i] as Bytes, rows[i + 1] as Bytes] as const;
      const last = rows.at(-2);
      if (last === undefined || rows.length < 2 * size) return;
      left -= size;
      if (reverse) high = last;
      else low = concat(last, Uint8Array.of(0));
    }
  }

  return {
    get syncs() {
      return syncs;
    },
    get: (key) => guarded(() => database._getManySync([key], { valueEncoding: "buffer" })[0]),
    scan: (range) => guarded(() => scan(range)),
    async write(batch: readonly Write[]) {
      guarded(() => {
        const pending = database._chainedBatch();
        try {
          for (const entry of batch) {
            if (entry.type === "put") pending._put(entry.key, entry.value);
            else pending._del(entry.key);
          }
          pending._writeSync({ sync: true });
        } finally {
          pending._closeSync();
        }
        syncs++;
      });
    },
    close() {
      closing ??= database.close().catch((error: unknown) => {
        throw failure(error, directory);
      });
      return closing;
    },
  };
};
