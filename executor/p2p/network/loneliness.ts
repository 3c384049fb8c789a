import type { Logger } from "pino";
import { sleep } from "../../foundation/service.ts";

/** Milliseconds without any peer before it is said, and before it is said again. */
export const LONELY_MS = 30_000;
export const LONELY_AGAIN_MS = 5 * 60_000;
const LOOK_MS = 5_000;

export type LonelinessOptions = {
  /** Where the node was told to find others; without any it may well be alone. */
  readonly bootnodes: readonly string[];
  readonly logger: Logger;
  readonly signal: AbortSignal;
  peers(): number;
};

/** Says when a node that was told whom to meet meets nobody. Ends with the signal. */
export const watchLoneliness = async ({ bootnodes, logger, signal, peers }: LonelinessOptions): Promise<void> => {
  if (bootnodes.length === 0) return;
  let alone = 0;
  let due = LONELY_MS;
  for (;;) {
    await sleep(LOOK_MS, signal);
    if (signal.aborted) return;
    if (peers() > 0) {
      alone = 0;
      due = LONELY_MS;
      continue;
    }
    alone += LOOK_MS;
    if (alone < due) continue;
    logger.warn({ bootnodes, seconds: alone / 1_000 }, "no peer: none of the bootnodes can be met");
    due = alone + LONELY_AGAIN_MS;
  }
};
