import type { ChainTransaction } from "../../executor/index.ts";
import type { DataFees } from "./data-fees.ts";
import { type Entry, effectiveTip, standingOf } from "./entry.ts";
import { createHeap } from "./heap.ts";
import type { SenderQueue } from "./sender-queue.ts";

/** The order of one block: the highest effective tip first, then the earliest arrival; nonces of a sender in order. */
export type Selection = {
  /** The next transaction, or undefined when none is left. Its sender rests until `advance`. */
  next(): ChainTransaction | undefined;
  /** The last transaction of this sender is in the block: its follower may come. */
  advance(transaction: ChainTransaction): void;
  /** From now on only those that surely pay for their data, whatever gas they use. */
  restrict(): void;
};

type Candidate = { readonly entry: Entry; readonly tip: bigint };

/** Sees replacements and removals that happen while it is used; not new senders. */
export const createSelection = (
  senders: { readonly all: Iterable<SenderQueue>; get(sender: string): SenderQueue | undefined },
  { baseFee, fees }: { readonly baseFee: bigint; readonly fees: DataFees },
): Selection => {
  const heap = createHeap<Candidate>((a, b) => (a.tip !== b.tip ? a.tip > b.tip : a.entry.sequence < b.entry.sequence));
  const offer = (entry: Entry | undefined) => {
    if (entry === undefined) return;
    const tip = effectiveTip(entry, baseFee);
    if (standingOf(entry, tip, fees) !== "not") heap.push({ entry, tip });
  };
  let restricted = false;
  for (const sender of senders.all) offer(sender.at(sender.nonce));

  return {
    next() {
      for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
        const { transaction } = top.entry;
        const current = senders.get(transaction.from)?.at(transaction.nonce);
        if (current !== top.entry) offer(current);
        else if (!restricted || standingOf(top.entry, top.tip, fees) === "surely") return transaction;
      }
      return undefined;
    },
    advance({ from, nonce }) {
      offer(senders.get(from)?.at(nonce + 1n));
    },
    restrict() {
      restricted = true;
    },
  };
};
