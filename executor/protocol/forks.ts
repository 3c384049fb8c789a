/** Rule sets of L2's EVM that this code knows, oldest first; each contains those before it. */
export const FORKS = ["cancun", "prague", "osaka"] as const;

export type Fork = (typeof FORKS)[number];

/** L2 timestamp, in seconds, from which a fork's rules hold, by its name. A name may be one that this code does not know. */
export type ForkSchedule = Readonly<Record<string, bigint>>;

/** The rules of a block of this timestamp: the newest known fork whose time has come, or the oldest. */
export const forkAt = (schedule: ForkSchedule, timestamp: bigint): Fork =>
  FORKS.findLast((fork) => {
    const from = schedule[fork];
    return from !== undefined && from <= timestamp;
  }) ?? FORKS[0];

/** Whether the rules of one fork contain those of another. */
export const includes = (fork: Fork, other: Fork): boolean => FORKS.indexOf(fork) >= FORKS.indexOf(other);
