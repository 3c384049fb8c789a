import { randomBytes } from "node:crypto";
import type { Hex } from "../foundation/bytes.ts";
import type { Block } from "../protocol/block.ts";
import type { Receipt } from "../protocol/receipt.ts";
import type { Backend } from "./backend.ts";
import { limitExceeded, serverError } from "./errors.ts";
import type { Json } from "./format.ts";
import { bloomTest, type Criteria, criteriaOf, logsOfBlock } from "./log-filter.ts";
import type { LogFilter } from "./schemas.ts";

/** Filters that are polled: each keeps what happened since the last poll, and is forgotten when nobody asks. */

export type FilterOptions = {
  /** Milliseconds without a poll after which a filter is gone. */
  readonly lifetimeMs?: number;
  readonly maxFilters?: number;
  /** Entries that one filter may hold; a filter that nobody empties is dropped. */
  readonly maxEntries?: number;
  /** Clock in milliseconds. */
  readonly now?: () => number;
};

type Filter = {
  polled: number;
  entries: (Json | Hex)[];
} & (
  | {
      readonly kind: "logs";
      readonly source: LogFilter;
      readonly criteria: Criteria;
      mayMatch: (bloom: Hex) => boolean;
    }
  | { readonly kind: "blocks" | "transactions" }
);

const notFound = () => serverError("filter not found");

export const createFilters = (
  { chain, pool }: Backend,
  { lifetimeMs = 300_000, maxFilters = 1_024, maxEntries = 10_000, now = () => performance.now() }: FilterOptions = {},
) => {
  const filters = new Map<Hex, Filter>();

  /** Filters stand in the order of their last poll: the expired ones come first. */
  const expire = () => {
    for (const [id, filter] of filters) {
      if (now() - filter.polled <= lifetimeMs) break;
      filters.delete(id);
    }
  };

  const push = (id: Hex, filter: Filter, entries: readonly (Json | Hex)[]) => {
    if (filter.entries.length + entries.length > maxEntries) filters.delete(id);
    else filter.entries.push(...entries);
  };

  const onBlock = (block: Block, receipts: readonly Receipt[], removed: boolean) => {
    expire();
    for (const [id, filter] of filters) {
      if (filter.kind === "blocks" && !removed) push(id, filter, [block.hash]);
      if (
        filter.kind === "logs" &&
        inRange(filter.source, block.header.number) &&
        filter.mayMatch(block.header.logsBloom)
      )
        push(id, filter, logsOfBlock(block, receipts, filter.criteria, removed));
    }
  };

  const unsubscribe = [
    chain.on("head", (block, receipts) => onBlock(block, receipts, false)),
    chain.on("rollback", (removed) => {
      for (const { block, receipts } of removed) onBlock(block, receipts, true);
    }),
    pool?.onPending((transaction) => {
      expire();
      for (const [id, filter] of filters) if (filter.kind === "transactions") push(id, filter, [transaction.hash]);
    }),
  ];

  const add = (filter: Filter): Hex => {
    expire();
    if (filters.size >= maxFilters) throw limitExceeded(`too many filters: at most ${maxFilters}`);
    const id: Hex = `0x${(BigInt(`0x${randomBytes(16).toString("hex")}`) | (1n << 127n)).toString(16)}`;
    filters.set(id, filter);
    return id;
  };

  const find = (id: Hex): Filter => {
    expire();
    const filter = filters.get(id);
    if (filter === undefined) throw notFound();
    filter.polled = now();
    filters.delete(id);
    filters.set(id, filter);
    return filter;
  };

  return {
    get size(): number {
      return filters.size;
    },
    addLogs(source: LogFilter): Hex {
      const criteria = criteriaOf(source);
      return add({ kind: "logs", source, criteria, mayMatch: bloomTest(criteria), polled: now(), entries: [] });
    },
    addBlocks: (): Hex => add({ kind: "blocks", polled: now(), entries: [] }),
    addTransactions: (): Hex => add({ kind: "transactions", polled: now(), entries: [] }),
    /** What happened since the last call. */
    changes(id: Hex): readonly (Json | Hex)[] {
      const filter = find(id);
      const { entries } = filter;
      filter.entries = [];
      return entries;
    },
    /** The criteria of a log filter. */
    logFilter(id: Hex): LogFilter {
      const filter = find(id);
      if (filter.kind !== "logs") throw notFound();
      return filter.source;
    },
    remove: (id: Hex): boolean => filters.delete(id),
    stop() {
      for (const off of unsubscribe) off?.();
      filters.clear();
    },
  };
};
export type Filters = ReturnType<typeof createFilters>;

/** Whether new blocks of this number concern a filter with numbers as its edges. */
const inRange = ({ fromBlock, toBlock }: LogFilter, number: bigint): boolean =>
  (fromBlock?.kind !== "number" || number >= fromBlock.number) &&
  (toBlock?.kind !== "number" || number <= toBlock.number);
