import type { BatchPlace, L1Source } from "../../bridge/index.ts";
import { type Chain, type Hex, rulesAt } from "../../executor/index.ts";

/** Delayed messages from `start` on that one batch can take: what they declare fits one block. */
export const messagesFrom = (l1: L1Source, start: bigint, blockGasLimit: bigint): bigint => {
  let end = start;
  for (let gas = 0n; end < l1.messageCount; end++) {
    gas += l1.message(end)?.gas ?? 0n;
    if (gas > blockGasLimit) break;
  }
  return end;
};

/** Where L1 would take a batch on the block of hash `at`, the newest that was read. Undefined before that. */
export const placeNow = (
  l1: L1Source,
  chain: Pick<Chain, "parameters" | "position" | "head">,
): (BatchPlace & { readonly at: Hex }) | undefined => {
  const { head, recordCount: index } = l1;
  const before = index === 0n ? undefined : l1.record(index - 1n);
  const start = before?.delayedEnd ?? chain.position.delayed;
  const { blockGasLimit } = rulesAt(chain.parameters, chain.head.header.timestamp);
  const delayedEnd = messagesFrom(l1, start, blockGasLimit);
  const delayedAccumulator = l1.accumulator(delayedEnd);
  if (head === undefined || delayedAccumulator === undefined) return undefined;
  const later = (a: bigint, b = 0n) => (a > b ? a : b);
  const origin = {
    number: later(head.number, before?.origin.number),
    timestamp: later(head.timestamp, before?.origin.timestamp),
  };
  return { index, origin, delayedEnd, delayedAccumulator, at: head.hash };
};
