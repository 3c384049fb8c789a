import { formatEther } from "viem";
import {
  type Bytes,
  COLUMN,
  concat,
  type KeyValueStore,
  type Telemetry,
  toHex,
  uintBE,
  type Wei,
  type Write,
} from "../executor/index.ts";
import { createSpendingMetrics } from "./spending-metrics.ts";

export type SpendingOptions = {
  /** Wei of any 24 hours; without it there is no bound. */
  readonly cap: Wei | undefined;
};

/** What a transaction came to. */
export type Paid = { settle(wei: Wei): Promise<void> };

/**
 * What the account spent in the last 24 hours of L1's clock: gas, and stakes as they are sent, whether they come back or
 * not. What is reserved for a transaction counts until it is known what that took, over restarts too.
 */
export type Spending = {
  readonly cap: Wei | undefined;
  /** Wei in the 24 hours before `now`, in seconds. */
  spent(now: bigint): Wei;
  /** Wei that may still be spent; undefined: any amount. */
  left(now: bigint): Wei | undefined;
  /** Counts a transaction that is about to be signed. */
  reserve(wei: Wei, now: bigint): Promise<Paid>;
};

const DAY = 86_400n;
const KEYS = Uint8Array.of(COLUMN.spending);
const KEYS_END = Uint8Array.of(COLUMN.spending + 1);
const keyOf = (at: bigint, index: number): Bytes => concat(KEYS, uintBE(at, 8), uintBE(index, 4));

type Entry = { readonly key: Bytes; readonly at: bigint; wei: bigint };

export const createSpending = (
  { store, registry }: { readonly store: KeyValueStore } & Pick<Telemetry, "registry">,
  { cap }: SpendingOptions,
): Spending => {
  const { spentGauge, capGauge } = createSpendingMetrics(registry);
  capGauge.set(cap === undefined ? Number.POSITIVE_INFINITY : Number(formatEther(cap)));
  const entries: Entry[] = [...store.scan({ gte: KEYS, lt: KEYS_END })].map(([key, value]) => ({
    key,
    at: new DataView(key.buffer, key.byteOffset).getBigUint64(1),
    wei: BigInt(toHex(value)),
  }));
  /** INVARIANT: no two entries have one key, also when they are of one second. */
  let index = entries.reduce(
    (most, { key }) => Math.max(most, new DataView(key.buffer, key.byteOffset).getUint32(9)),
    -1,
  );

  const put = ({ key, wei }: Entry): Write => ({ type: "put", key, value: uintBE(wei, 16) });
  const spent = (now: bigint): bigint => entries.reduce((sum, { at, wei }) => (at + DAY > now ? sum + wei : sum), 0n);

  return {
    cap,
    spent,
    left(now) {
      if (cap === undefined) return undefined;
      const left = cap - spent(now);
      return left > 0n ? left : 0n;
    },
    async reserve(wei, now) {
      const old = entries.filter(({ at }) => at + DAY <= now);
      const entry: Entry = { key: keyOf(now, ++index), at: now, wei };
      await store.write([...old.map(({ key }): Write => ({ type: "del", key })), put(entry)]);
      for (const one of old) entries.splice(entries.indexOf(one), 1);
      entries.push(entry);
      spentGauge.set(Number(formatEther(spent(now))));
      return {
        async settle(actual) {
          entry.wei = actual;
          spentGauge.set(Number(formatEther(spent(now))));
          await store.write([put(entry)]);
        },
      };
    },
  };
};
