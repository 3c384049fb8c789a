import type { Chain } from "../chain/chain.ts";
import { fromHex, type Hex } from "../foundation/bytes.ts";
import type { Block } from "../protocol/block.ts";
import { bloomHas } from "../protocol/bloom.ts";
import type { Log, Receipt } from "../protocol/receipt.ts";
import { findBlock, receiptsOf, requireHere, requireNumber } from "./block-lookup.ts";
import { invalidParams, limitExceeded, serverError } from "./errors.ts";
import { formatLog, type Json } from "./format.ts";
import { LATEST, type LogCriteria, type LogFilter } from "./schemas.ts";

const MAX_BLOCK_RANGE = 100_000n;
const MAX_LOGS = 10_000;
/** Blocks between two turns of the event loop. */
const STRIDE = 256n;

/** What a log must match: any of the addresses, and at each position any of the topics; undefined is a wildcard. */
export type Criteria = {
  readonly addresses: ReadonlySet<Hex> | undefined;
  readonly topics: readonly (ReadonlySet<Hex> | undefined)[];
};

const setOf = (value: Hex | readonly Hex[] | null | undefined): ReadonlySet<Hex> | undefined => {
  if (value === null || value === undefined) return undefined;
  const set = new Set(typeof value === "string" ? [value] : value);
  return set.size === 0 ? undefined : set;
};

export const criteriaOf = (filter: LogCriteria): Criteria => ({
  addresses: setOf(filter.address),
  topics: (filter.topics ?? []).map(setOf),
});

const matches = (log: Log, { addresses, topics }: Criteria): boolean =>
  (addresses === undefined || addresses.has(log.address)) &&
  topics.length <= log.topics.length &&
  topics.every((set, i) => set === undefined || set.has(log.topics[i] as Hex));

/** A test of a header's bloom: false means that no log of the block matches. */
export const bloomTest = ({ addresses, topics }: Criteria): ((bloom: Hex) => boolean) => {
  const groups = [addresses, ...topics].filter((set) => set !== undefined).map((set) => [...set].map(fromHex));
  return (bloom) => {
    if (groups.length === 0) return true;
    const bytes = fromHex(bloom);
    return groups.every((group) => group.some((value) => bloomHas(bytes, value)));
  };
};

/** The matching logs of one block, formatted. */
export const logsOfBlock = (
  block: Block,
  receipts: readonly Receipt[],
  criteria: Criteria,
  removed = false,
): Json[] => {
  const found: Json[] = [];
  let logIndex = 0;
  receipts.forEach((receipt, transaction) => {
    for (const log of receipt.logs) {
      if (matches(log, criteria)) found.push(formatLog(log, { block, transaction, logIndex }, removed));
      logIndex++;
    }
  });
  return found;
};

const rangeOf = (chain: Chain, filter: LogFilter): readonly [from: bigint, to: bigint] => {
  const head = chain.head.header.number;
  const edge = (id: LogFilter["fromBlock"]): bigint => {
    if (id?.kind === "number" && id.number > head) throw invalidParams("block range extends beyond current head block");
    return requireNumber(chain, id ?? LATEST);
  };
  const [from, to] = [edge(filter.fromBlock), edge(filter.toBlock)];
  if (from > to) throw invalidParams("invalid block range params");
  if (to - from >= MAX_BLOCK_RANGE) throw limitExceeded(`block range is wider than ${MAX_BLOCK_RANGE} blocks`);
  return [from, to];
};

/** eth_getLogs: bounded in blocks and in results; lets the event loop turn. */
export const queryLogs = async (chain: Chain, filter: LogFilter): Promise<Json[]> => {
  const criteria = criteriaOf(filter);
  if (filter.blockHash != null) {
    const block = findBlock(chain, { kind: "hash", hash: filter.blockHash });
    if (block === undefined) throw serverError("unknown block");
    return logsOfBlock(block, receiptsOf(chain, block), criteria);
  }
  const [from, to] = rangeOf(chain, filter);
  // Genesis has no logs: of all blocks before a snapshot the newest is the one to miss.
  const first = chain.base?.block.header.number;
  if (first !== undefined && from <= first && to > 0n) requireHere(chain, first);
  const mayMatch = bloomTest(criteria);
  const found: Json[] = [];
  for (let number = from; number <= to; number++) {
    if (number !== from && (number - from) % STRIDE === 0n) await new Promise((resolve) => setImmediate(resolve));
    const block = chain.blockByNumber(number);
    // A rollback during the query ends it at the new head.
    if (block === undefined) break;
    if (block.transactions.length === 0 || !mayMatch(block.header.logsBloom)) continue;
    found.push(...logsOfBlock(block, receiptsOf(chain, block), criteria));
    if (found.length > MAX_LOGS) throw limitExceeded(`query returned more than ${MAX_LOGS} results`);
  }
  return found;
};
