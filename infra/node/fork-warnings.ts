import type { Logger } from "pino";
import { type Chain, unknownFork } from "../../executor/index.ts";

const [DAY, HOUR] = [86_400n, 3_600n];
/** Seconds before the fork at which it is told again. */
const AT = [30n * DAY, 7n * DAY, DAY, HOUR, 0n];

/** Tells of a fork that this version does not have: at once, and again as the chain's time comes near. */
export const warnOfForks = (logger: Logger, chain: Pick<Chain, "head" | "parameters" | "on">): void => {
  const fork = unknownFork(chain.parameters.forks);
  if (fork === undefined) return;
  const leftAt = (timestamp: bigint): bigint => fork.from - timestamp;
  const tell = (left: bigint): void => {
    const what = { fork: fork.name, from: fork.from, seconds: left };
    logger.warn(what, "the rules of a fork ahead are not in this version: install one that has them before it begins");
  };
  let left = leftAt(chain.head.header.timestamp);
  tell(left);
  chain.on("head", ({ header }) => {
    const before = left;
    left = leftAt(header.timestamp);
    if (AT.some((mark) => before > mark && left <= mark)) tell(left);
  });
};
