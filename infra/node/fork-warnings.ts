import type { Logger } from "pino";
import type { L1Source } from "../../bridge/index.ts";
import { type ForkSchedule, unknownFork } from "../../executor/index.ts";

const [DAY, HOUR] = [86_400n, 3_600n];
/** Seconds before the fork at which it is told again. */
const AT = [30n * DAY, 7n * DAY, DAY, HOUR, 0n];

/**
 * Tells of a fork that this version does not have: as soon as L1's time is known, and again as that comes near. A block may
 * be ahead of L1 by the chain's maximum drift.
 */
export const warnOfForks = (
  logger: Logger,
  schedule: ForkSchedule,
  l1: { readonly head: Pick<NonNullable<L1Source["head"]>, "timestamp"> | undefined } & Pick<L1Source, "onAdvance">,
): void => {
  const fork = unknownFork(schedule);
  if (fork === undefined) return;
  let before: bigint | undefined;
  const look = (): void => {
    if (l1.head === undefined) return;
    const left = fork.from - l1.head.timestamp;
    if (before === undefined || AT.some((mark) => before !== undefined && before > mark && left <= mark)) {
      const what = { fork: fork.name, from: fork.from, seconds: left };
      if (left > 0n)
        logger.warn(
          what,
          "the rules of a fork ahead are not in this version: install one that has them before it begins",
        );
      else logger.error(what, "a fork has begun whose rules are not in this version: the node goes no further");
    }
    before = left;
  };
  look();
  l1.onAdvance(look);
};
