import type { PublicClient } from "viem";
import { type BlockRange, changed, claimRegistry, createLogWindows, type LogWindows } from "../bridge/index.ts";
import { fromHex, type Hex, keccakOf, toHex } from "../executor/index.ts";
import type { RivalRoot } from "./game/view.ts";

/** A claim as its event tells it. */
export type MadeClaim = {
  readonly id: Hex;
  readonly parent: Hex;
  readonly node: Hex;
  /** Hash of the claimed state. */
  readonly endState: Hex;
  /** Inbox records that claims on it must derive. */
  readonly limitBatch: bigint;
  readonly staker: Hex;
  readonly l1Block: bigint;
};

/** The root of a level below a claim's. */
type MadeRoot = RivalRoot & { readonly context: Hex; readonly staker: Hex };

/** The registry's own list: every claim and every root, and what became of each, as far as L1 was read. */
export type ClaimBook = {
  /** Reads on to this block. What L1 changed since is read again. CLAIMS_L1_CHANGED; rejects when L1 gives no logs. */
  sync(head: { readonly number: bigint }): Promise<void>;
  /** Rises whenever something that was told is taken back. */
  readonly retractions: number;
  claim(id: Hex): MadeClaim | undefined;
  /** Claims on one claim, oldest first. */
  on(parent: Hex): readonly MadeClaim[];
  /** Roots of a level's context below level 0. */
  in(context: Hex): readonly RivalRoot[];
  /** The claim on this one that was confirmed. */
  winnerOn(parent: Hex): Hex | undefined;
  isForfeited(id: Hex): boolean;
  /** Whether a root's stake is still there. */
  isHeld(root: Hex): boolean;
  /** Claims of which neither they nor what they stand on is decided, oldest first. */
  undecided(): Iterable<MadeClaim>;
  /** Claims on a claim that lost, and on such, which nothing can decide any more. */
  orphans(): Iterable<MadeClaim>;
  /** Whether a stake of one of these accounts in a level below is undecided, or one that was lost to them not yet taken. */
  isPendingBelow(isServed: (staker: Hex) => boolean): boolean;
  /** Drops what happened before. */
  forget(beginning: Beginning): void;
};

/** A confirmed claim, before which nothing is open and no stake undecided, and the L1 block in which it was made. */
export type Beginning = { readonly id: Hex; readonly l1Block: bigint };

export type ClaimBookOptions = {
  /** The contract. */
  readonly registry: Hex;
  /** Asked once, by the first `sync`. */
  readonly beginning: () => Promise<Beginning>;
  readonly windows?: LogWindows;
};

const NAMES = [
  "ClaimProposed",
  "ClaimConfirmed",
  "ClaimForfeited",
  "LevelOpened",
  "LevelSettled",
  "StakeLost",
] as const;
const EVENTS = claimRegistry.abi.filter(
  (item): item is Extract<(typeof claimRegistry.abi)[number], { type: "event"; name: (typeof NAMES)[number] }> =>
    item.type === "event" && (NAMES as readonly string[]).includes(item.name),
);

/**
 * L1 blocks below the head that are read again each time: a provider of many nodes may answer from one that has not seen
 * the newest blocks, without saying so.
 */
const REREAD = 64n;
/** Blocks by which a reorg is found. Below the oldest everything is read again. */
const MOST_CHECKPOINTS = 256;

type Checkpoint = { readonly number: bigint; readonly hash: Hex };
type Entry = { readonly at: string; readonly l1Block: bigint; readonly note: (pages: Pages) => void };

const createPages = (first: Hex) => ({
  first,
  claims: new Map<Hex, MadeClaim>(),
  byParent: new Map<Hex, MadeClaim[]>(),
  roots: new Map<Hex, MadeRoot>(),
  byContext: new Map<Hex, MadeRoot[]>(),
  winners: new Map<Hex, Hex>(),
  winnersOn: new Map<Hex, Hex>(),
  forfeited: new Set<Hex>(),
  released: new Set<Hex>(),
  undecided: new Map<Hex, MadeClaim>(),
  orphans: new Map<Hex, MadeClaim>(),
});
type Pages = ReturnType<typeof createPages>;

const push = <Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void => {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
};

/** A claim is decided by its context; what stands on a loser is lost with it. */
const decide = ({ claims, byParent, undecided, orphans, winnersOn }: Pages, winner: Hex): void => {
  const parent = claims.get(winner)?.parent;
  if (parent === undefined) return;
  winnersOn.set(parent, winner);
  const lost: MadeClaim[] = [];
  for (const claim of byParent.get(parent) ?? []) {
    undecided.delete(claim.id);
    if (claim.id !== winner) lost.push(claim);
  }
  for (let below = lost.pop(); below !== undefined; below = lost.pop())
    for (const claim of byParent.get(below.id) ?? []) {
      undecided.delete(claim.id);
      orphans.set(claim.id, claim);
      lost.push(claim);
    }
};

const lower = (hex: Hex): Hex => hex.toLowerCase() as Hex;

type Logs = Awaited<ReturnType<typeof readLogs>>;
const readLogs = (client: PublicClient, address: Hex, range: BlockRange) =>
  client.getLogs({ address, events: EVENTS, strict: true, ...range });

/** What an event adds to the pages. */
const noteOf = (log: Logs[number]): Entry["note"] => {
  switch (log.eventName) {
    case "ClaimProposed": {
      const { id, parent, node, endState, limitBatch, staker } = log.args;
      const hash = toHex(keccakOf(fromHex(endState)));
      const claim = { id, parent, node, endState: hash, limitBatch, staker: lower(staker), l1Block: log.blockNumber };
      return ({ first, claims, byParent, undecided }) => {
        // What stands on older claims is decided with them.
        if (id !== first && parent !== first && !claims.has(parent)) return;
        claims.set(id, claim);
        push(byParent, parent, claim);
        if (id !== first) undecided.set(id, claim);
      };
    }
    case "LevelOpened": {
      const { sub, ctx, node, staker } = log.args;
      const root = { edge: sub, node, context: ctx, staker: lower(staker) };
      return ({ roots, byContext }) => {
        roots.set(sub, root);
        push(byContext, ctx, root);
      };
    }
    case "ClaimConfirmed":
      return (pages) => decide(pages, log.args.id);
    case "ClaimForfeited":
      return ({ forfeited, released, orphans }) => {
        forfeited.add(log.args.id);
        released.add(log.args.id);
        orphans.delete(log.args.id);
      };
    case "LevelSettled":
      return ({ winners, released }) => {
        winners.set(log.args.ctx, log.args.edge);
        released.add(log.args.edge);
      };
    case "StakeLost":
      return ({ released }) => void released.add(log.args.edge);
  }
};

const entryOf = (log: Logs[number]): Entry => ({
  at: `${log.blockHash} ${log.logIndex}`,
  l1Block: log.blockNumber,
  note: noteOf(log),
});

/** Index of the first entry that is not before an L1 block. */
const placeOf = (entries: readonly Entry[], l1Block: bigint): number => {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((entries[middle] as Entry).l1Block < l1Block) low = middle + 1;
    else high = middle;
  }
  return low;
};

export const createClaimBook = (
  client: PublicClient,
  { registry, beginning, windows = createLogWindows() }: ClaimBookOptions,
): ClaimBook => {
  let first: Beginning | undefined;
  let entries: readonly Entry[] = [];
  let pages = createPages("0x");
  let checkpoints: Checkpoint[] = [];
  let retractions = 0;

  const bind = (next: readonly Entry[]): void => {
    const isAppended = next.length >= entries.length && entries.every(({ at }, i) => next[i]?.at === at);
    if (isAppended && next.length === entries.length) return;
    if (!isAppended) {
      pages = createPages(pages.first);
      retractions++;
    }
    for (const { note } of isAppended ? next.slice(entries.length) : next) note(pages);
    entries = next;
  };

  const hashAt = async (blockNumber: bigint): Promise<Hex | undefined> => {
    try {
      return (await client.getBlock({ blockNumber })).hash;
    } catch (error) {
      if (error instanceof Error && error.name === "BlockNotFoundError") return undefined;
      throw error;
    }
  };

  /** The newest block below which nothing has changed. */
  const base = async (): Promise<Checkpoint | undefined> => {
    for (let newest = checkpoints.at(-1); newest !== undefined; newest = checkpoints.at(-1)) {
      if ((await hashAt(newest.number)) === newest.hash) return newest;
      checkpoints.pop();
    }
    return undefined;
  };

  return {
    async sync({ number: head }) {
      if (first === undefined) {
        first = await beginning();
        pages = createPages(first.id);
      }
      const from = await base();
      const known = from === undefined ? first.l1Block : from.number + 1n;
      const still = head - REREAD;
      // What is read no more begins anew only now and then: it takes queries of its own.
      const settled = still - known >= REREAD ? still : known - 1n;
      const read = async (range: BlockRange) => {
        const hash = range.toBlock <= settled ? await hashAt(range.toBlock) : undefined;
        const logs = await readLogs(client, registry, range);
        return { range, hash, found: logs.map(entryOf) };
      };
      for (const range of [
        { fromBlock: known, toBlock: settled },
        { fromBlock: settled + 1n, toBlock: head },
      ])
        for await (const { range: window, hash, found } of windows.forwards(range, read)) {
          const here = hash && { number: window.toBlock, hash };
          // INVARIANT: what was read lies on one history, which is still there.
          for (const check of [from, here])
            if (check && (await hashAt(check.number)) !== check.hash) throw changed("L1 reorganised");
          const before = entries.slice(0, placeOf(entries, window.fromBlock));
          const after = entries.slice(placeOf(entries, window.toBlock + 1n));
          bind([...before, ...found, ...after]);
          if (here) checkpoints = [...checkpoints, here].slice(-MOST_CHECKPOINTS);
        }
      bind(entries.slice(0, placeOf(entries, head + 1n)));
    },
    get retractions() {
      return retractions;
    },
    claim: (id) => pages.claims.get(id),
    on: (parent) => pages.byParent.get(parent) ?? [],
    in: (context) => pages.byContext.get(context) ?? [],
    winnerOn: (parent) => pages.winnersOn.get(parent),
    isForfeited: (id) => pages.forfeited.has(id),
    isHeld: (root) => (pages.claims.has(root) || pages.roots.has(root)) && !pages.released.has(root),
    undecided: () => pages.undecided.values(),
    orphans: () => pages.orphans.values(),
    isPendingBelow(isServed) {
      for (const [context, roots] of pages.byContext) {
        const held = roots.filter(({ edge }) => !pages.released.has(edge));
        if (held.length === 0) continue;
        const winner = roots.find(({ edge }) => edge === pages.winners.get(context));
        if (winner === undefined ? held.some(({ staker }) => isServed(staker)) : isServed(winner.staker)) return true;
      }
      return false;
    },
    forget(beginning) {
      if (first === undefined || beginning.l1Block <= first.l1Block) return;
      first = beginning;
      pages = createPages(beginning.id);
      const kept = entries.slice(placeOf(entries, beginning.l1Block));
      entries = [];
      bind(kept);
      checkpoints = checkpoints.filter(({ number }) => number >= beginning.l1Block);
    },
  };
};
