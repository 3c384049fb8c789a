import { CodedError } from "../foundation/errors.ts";

/** Rule sets of L2's EVM that this code has, oldest first; each contains those before it. */
export const FORKS = ["cancun", "prague", "osaka"] as const;

export type Fork = (typeof FORKS)[number];

export type ForkErrorCode =
  /** The block's fork is not in this version: the node goes no further. Install the version that has it, and restart. */
  | "FORK_UNKNOWN"
  /** Forks begin in another order than theirs. Correct `forks` in the rollup file. */
  | "FORK_ORDER"
  /** The rollup file gives blocks that the node holds other rules than they were made by. Give the chain's own file. */
  | "FORK_CHANGED";

/**
 * L2 timestamp, in seconds, from which a fork's rules hold, by its name. A name may be one that this code does not have:
 * then its rules end there.
 */
export type ForkSchedule = Readonly<Record<string, bigint>>;

/** One fork of a schedule. `isKnown`: this code has its rules, and those of all before it. */
export type ScheduledFork = { readonly name: string; readonly from: bigint; readonly isKnown: boolean };

const isFork = (name: string): name is Fork => (FORKS as readonly string[]).includes(name);

/** What is not known is newer than all that is. */
const rankOf = (name: string): number => (isFork(name) ? FORKS.indexOf(name) : FORKS.length);

/**
 * The forks that a chain has one after the other, in order of time: the oldest from genesis on; of those that begin at once
 * the newest, which contains the others.
 */
export const scheduledForks = (schedule: ForkSchedule): readonly ScheduledFork[] => {
  const sorted = Object.entries({ ...schedule, [FORKS[0]]: 0n }).sort(([a, from], [b, other]) =>
    from < other ? -1 : from > other ? 1 : rankOf(a) - rankOf(b),
  );
  const steps = sorted.filter(([, from], i) => sorted[i + 1]?.[1] !== from);
  const end = steps.findIndex(([name]) => !isFork(name));
  return steps.map(([name, from], i) => ({ name, from, isKnown: end === -1 || i < end }));
};

/** Where the rules that this code has end; undefined when they do not. */
export const unknownFork = (schedule: ForkSchedule): ScheduledFork | undefined =>
  scheduledForks(schedule).find(({ isKnown }) => !isKnown);

/** FORK_ORDER: of two forks that this code has, the older begins after the newer. */
export const requireForkOrder = (schedule: ForkSchedule): void => {
  const known = FORKS.filter((fork) => schedule[fork] !== undefined);
  for (const [i, fork] of known.entries()) {
    const before = known[i - 1];
    if (before !== undefined && (schedule[before] as bigint) > (schedule[fork] as bigint))
      throw new CodedError<ForkErrorCode>("FORK_ORDER", `${fork} begins before ${before}, which it contains`, { fork });
  }
};

/** The rules of a block of this timestamp: the newest fork whose time has come, or the oldest. FORK_UNKNOWN. */
export const forkAt = (schedule: ForkSchedule, timestamp: bigint): Fork => {
  const end = unknownFork(schedule);
  if (end !== undefined && end.from <= timestamp)
    throw new CodedError<ForkErrorCode>(
      "FORK_UNKNOWN",
      `the rules of fork ${end.name}, in force from L2 time ${end.from} on, are not in this version: install one that has them`,
      { fork: end.name, from: end.from },
    );
  return FORKS.findLast((fork) => (schedule[fork] ?? timestamp + 1n) <= timestamp) ?? FORKS[0];
};

/** FORK_CHANGED: up to a block's timestamp the two schedules have different rules. */
export const requireSamePast = (held: ForkSchedule, given: ForkSchedule, timestamp: bigint): void => {
  const past = (schedule: ForkSchedule): string =>
    JSON.stringify(
      scheduledForks(schedule)
        .filter(({ from }) => from <= timestamp)
        .map(({ name, from }) => [name, String(from)]),
    );
  if (past(held) !== past(given))
    throw new CodedError<ForkErrorCode>(
      "FORK_CHANGED",
      `up to time ${timestamp} the blocks held were made by the rules ${past(held)}, and ${past(given)} are given`,
      { held: past(held), given: past(given) },
    );
};

/** Whether the rules of one fork contain those of another. */
export const includes = (fork: Fork, other: Fork): boolean => FORKS.indexOf(fork) >= FORKS.indexOf(other);
