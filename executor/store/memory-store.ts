import { type Bytes, concat } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import type { KeyValueStore, Range, StoreErrorCode, Write } from "./key-value-store.ts";

/** Keys of one bucket: it is split in two when it grows past this. */
const BUCKET = 1024;

const toText = (key: Bytes): string => Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");

/** A sorted list of strings in buckets: insertion and deletion move at most one bucket. */
const createSortedKeys = () => {
  const buckets: string[][] = [];

  /** Index of the bucket that holds `key`, or would. */
  const bucketOf = (key: string): number => {
    let low = 0;
    let high = buckets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((buckets[middle]?.[0] as string) <= key) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  };

  /** Index of the first key of the bucket that is not below `key`. */
  const lowerBound = (bucket: readonly string[], key: string): number => {
    let low = 0;
    let high = bucket.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((bucket[middle] as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  return {
    add(key: string): void {
      const at = bucketOf(key);
      const bucket = buckets[at];
      if (bucket === undefined) {
        buckets.push([key]);
        return;
      }
      bucket.splice(lowerBound(bucket, key), 0, key);
      if (bucket.length > BUCKET) buckets.splice(at + 1, 0, bucket.splice(BUCKET / 2));
    },
    remove(key: string): void {
      const at = bucketOf(key);
      const bucket = buckets[at];
      if (bucket === undefined) return;
      const position = lowerBound(bucket, key);
      if (bucket[position] !== key) return;
      bucket.splice(position, 1);
      if (bucket.length === 0) buckets.splice(at, 1);
    },
    /** First key not below `key`. */
    ceiling(key: string): string | undefined {
      const at = bucketOf(key);
      const bucket = buckets[at];
      if (bucket === undefined) return undefined;
      return bucket[lowerBound(bucket, key)] ?? buckets[at + 1]?.[0];
    },
    /** Last key below `key`. */
    below(key: string): string | undefined {
      const at = bucketOf(key);
      const bucket = buckets[at];
      if (bucket === undefined) return undefined;
      return bucket[lowerBound(bucket, key) - 1] ?? buckets[at - 1]?.at(-1);
    },
  };
};

/** A store without a disk: nothing survives `close`. */
export const createMemoryStore = (): KeyValueStore => {
  const values = new Map<string, Bytes>();
  const keys = createSortedKeys();
  let syncs = 0;
  let closed = false;

  const assertOpen = (): void => {
    if (closed) throw new CodedError<StoreErrorCode>("STORE_CLOSED", "the store is closed");
  };

  function* scan({ gte, lt, limit = Number.POSITIVE_INFINITY, reverse = false }: Range) {
    const first = toText(gte);
    const end = toText(lt);
    let key = reverse ? keys.below(end) : keys.ceiling(first);
    for (let count = 0; count < limit && key !== undefined && key >= first && key < end; count++) {
      assertOpen();
      // The caller may write between two steps: the next key is looked up anew.
      const value = values.get(key);
      if (value !== undefined) yield [new Uint8Array(Buffer.from(key, "latin1")), value] as const;
      key = reverse ? keys.below(key) : keys.ceiling(`${key}\0`);
    }
  }

  return {
    get syncs() {
      return syncs;
    },
    get(key) {
      assertOpen();
      return values.get(toText(key));
    },
    scan(range) {
      assertOpen();
      return scan(range);
    },
    async write(batch: readonly Write[]) {
      assertOpen();
      for (const entry of batch) {
        const key = toText(entry.key);
        if (entry.type === "put") {
          if (!values.has(key)) keys.add(key);
          values.set(key, concat(entry.value));
        } else if (values.delete(key)) {
          keys.remove(key);
        }
      }
      syncs++;
    },
    async close() {
      closed = true;
      values.clear();
    },
  };
};
