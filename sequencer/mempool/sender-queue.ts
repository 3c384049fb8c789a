import type { Hex } from "../../executor/index.ts";
import type { Entry } from "./entry.ts";

/** The waiting transactions of one sender, by nonce. */
export const createSenderQueue = (sender: Hex) => {
  const entries = new Map<bigint, Entry>();
  let nonce = 0n;
  let next = 0n;
  let cost = 0n;

  /** Moves `next` over what stands there without a gap. Returns what became ready. */
  const extend = (): Entry[] => {
    const from = next;
    while (entries.has(next)) next++;
    return between(from, next);
  };
  const between = (from: bigint, to: bigint): Entry[] => {
    const found: Entry[] = [];
    for (let at = from; at < to; at++) {
      const entry = entries.get(at);
      if (entry !== undefined) found.push(entry);
    }
    return found;
  };

  return {
    sender,
    /** Nonce and balance in the chain, and the pool's version when they were read. */
    balance: 0n,
    version: -1,
    /** Its code is another's, whom anybody may call (EIP-7702). */
    isDelegated: false,
    /** Nonce in the chain. */
    get nonce(): bigint {
      return nonce;
    },
    /** First nonce that is neither in the chain nor ready. */
    get next(): bigint {
      return next;
    },
    /** The most that all of them together can take. */
    get cost(): bigint {
      return cost;
    },
    get size(): number {
      return entries.size;
    },
    get queued(): number {
      return entries.size - Number(next - nonce);
    },
    at: (at: bigint): Entry | undefined => entries.get(at),
    all: (): Entry[] => [...entries.values()].sort((a, b) => (a.transaction.nonce < b.transaction.nonce ? -1 : 1)),
    /** Puts an entry where there is none. Returns those whose readiness changes. */
    put(entry: Entry): Entry[] {
      entries.set(entry.transaction.nonce, entry);
      cost += entry.cost;
      return entry.transaction.nonce === next ? extend() : [];
    },
    /** Takes an entry out. Returns the others whose readiness changes. */
    take(entry: Entry): Entry[] {
      if (entries.get(entry.transaction.nonce) !== entry) return [];
      entries.delete(entry.transaction.nonce);
      cost -= entry.cost;
      const at = entry.transaction.nonce;
      if (at < nonce || at >= next) return [];
      const followers = between(at + 1n, next);
      next = at;
      return followers;
    },
    /** The chain's nonce is now `to`. Returns the entries below it, to be taken out, and those whose readiness changes. */
    advance(to: bigint): { readonly stale: readonly Entry[]; readonly changed: readonly Entry[] } {
      if (to === nonce) return { stale: [], changed: [] };
      const stale: Entry[] = [];
      // The walk is as long as what is dropped, or as the queue, whichever is less.
      if (to > nonce && to - nonce <= BigInt(entries.size)) stale.push(...between(nonce, to));
      else if (to > nonce) for (const [at, entry] of entries) if (at < to) stale.push(entry);
      for (const entry of stale) {
        entries.delete(entry.transaction.nonce);
        cost -= entry.cost;
      }
      const [before, end] = [nonce, next];
      nonce = to;
      if (to >= before) {
        if (next < to) next = to;
        return { stale, changed: extend() };
      }
      next = to;
      while (entries.has(next)) next++;
      // Contiguous down to the new nonce: the old ones stay ready. Else those above the gap are not any more.
      return { stale, changed: next >= end ? between(to, before) : [...between(to, next), ...between(before, end)] };
    },
  };
};
export type SenderQueue = ReturnType<typeof createSenderQueue>;
