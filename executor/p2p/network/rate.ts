/** Milliseconds since some moment. */
export type Clock = () => number;

/** `burst` at once, `perSecond` for long. */
export type Rate = { readonly perSecond: number; readonly burst: number };

export type Bucket = {
  /** Takes so much if it is there. */
  take(amount: number): boolean;
  /** Takes so much in any case, and answers the milliseconds after which it had been there. */
  owe(amount: number): number;
  /** Whether nothing was taken that has not flowed back. */
  readonly full: boolean;
};

/** A bucket that drips full. */
export const createBucket = ({ perSecond, burst }: Rate, clock: Clock): Bucket => {
  let level = burst;
  let at = clock();
  const refill = () => {
    const now = clock();
    // A clock that is set back takes nothing away.
    level = Math.min(burst, level + (Math.max(0, now - at) * perSecond) / 1_000);
    at = now;
  };
  return {
    take(amount) {
      refill();
      if (level < amount) return false;
      level -= amount;
      return true;
    },
    owe(amount) {
      refill();
      level -= amount;
      return level >= 0 ? 0 : Math.ceil((-level * 1_000) / perSecond);
    },
    get full() {
      refill();
      return level >= burst;
    },
  };
};

export type Buckets = { of(key: string): Bucket; readonly size: number };

/**
 * A bucket for each key. It holds `limit` keys: full buckets are forgotten first, as a new one is the same, then those
 * that were not asked for longest.
 */
export const createBuckets = (rate: Rate, clock: Clock, limit: number): Buckets => {
  const buckets = new Map<string, Bucket>();
  const makeRoom = () => {
    for (const [key, bucket] of buckets) if (bucket.full) buckets.delete(key);
    for (const key of buckets.keys()) {
      if (buckets.size < limit) return;
      buckets.delete(key);
    }
  };
  return {
    of(key) {
      const known = buckets.get(key);
      if (known === undefined && buckets.size >= limit) makeRoom();
      const bucket = known ?? createBucket(rate, clock);
      buckets.delete(key);
      buckets.set(key, bucket);
      return bucket;
    },
    get size() {
      return buckets.size;
    },
  };
};
