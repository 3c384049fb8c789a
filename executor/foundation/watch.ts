import { sleep } from "./service.ts";

export type WatchOptions = {
  /** One look. Its failure is told, and it is taken again by itself. */
  readonly look: () => Promise<void>;
  readonly onFailure: (error: unknown, failed: number) => void;
  /** Between two looks, at least; doubled with each failure, up to `maxBackoffMs`. */
  readonly pollMs: number;
  readonly maxBackoffMs: number;
  readonly signal: AbortSignal;
};

/** Looks whenever it is roused, one look at a time. */
export type Watch = {
  rouse(): void;
  start(): void;
  /** Resolves when no look is under way any more; the signal ends it. */
  ended(): Promise<void>;
};

export const createWatch = ({ look, onFailure, pollMs, maxBackoffMs, signal }: WatchOptions): Watch => {
  let running: Promise<void> | undefined;
  let wake: () => void = () => undefined;
  let isRoused = true;
  const rouse = (): void => {
    isRoused = true;
    wake();
  };
  const run = async (): Promise<void> => {
    for (let failed = 0; !signal.aborted; ) {
      isRoused = false;
      try {
        await look();
        failed = 0;
      } catch (error) {
        if (signal.aborted) return;
        failed++;
        isRoused = true;
        onFailure(error, failed);
      }
      await sleep(Math.min(pollMs * 2 ** Math.min(failed, 16), Math.max(maxBackoffMs, pollMs)), signal);
      if (!isRoused && !signal.aborted)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  };
  signal.addEventListener("abort", () => wake(), { once: true });
  return {
    rouse,
    start() {
      running ??= run();
    },
    ended: async () => running,
  };
};
