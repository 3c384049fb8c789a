import { CodedError } from "../foundation/errors.ts";
import type { Pace } from "../foundation/pace.ts";

export type CallErrorCode =
  /** A call or an estimate took longer than --call-timeout-ms. Ask for less, or raise the limit. */
  | "CALL_TIMEOUT"
  /** Too many calls wait already. Ask again later, or ask another node. */
  | "CALL_LIMIT";

export type CallTurnsOptions = {
  /** A call that takes longer is ended. */
  readonly timeoutMs?: number;
  /** Time that all calls together take before the event loop has its turn. */
  readonly sliceMs?: number;
  /** Calls in the making at once; each holds a state of its own. */
  readonly running?: number;
  /** Calls that wait to begin. More are refused. */
  readonly waiting?: number;
};

const secondsOf = (ms: number): string => `${ms / 1000}s`;

/**
 * Lets calls run beside everything else that the node does: they take turns, one slice in one turn of the event loop, in
 * the order in which they ask. CALL_TIMEOUT, CALL_LIMIT.
 */
export const createCallTurns = (options: CallTurnsOptions = {}) => {
  const { timeoutMs = 5_000, sliceMs = 8, running = 32, waiting = 1_024 } = options;
  /** Begin and resume calls, oldest first. */
  const doors: (() => void)[] = [];
  const paused: (() => void)[] = [];
  let active = 0;
  let scheduled = false;
  let sliceEnd = 0;

  const advance = (): void => {
    scheduled = false;
    sliceEnd = performance.now() + sliceMs;
    paused.shift()?.();
    schedule();
  };
  const schedule = (): void => {
    if (scheduled || paused.length === 0) return;
    scheduled = true;
    setImmediate(advance);
  };
  const turn = (): Promise<void> =>
    new Promise((resolve) => {
      paused.push(resolve);
      schedule();
    });

  const enter = async (): Promise<void> => {
    if (active < running) active++;
    else if (doors.length >= waiting)
      throw new CodedError<CallErrorCode>("CALL_LIMIT", `${waiting} calls wait already`, { waiting });
    // Who leaves hands its place over.
    else await new Promise<void>((resolve) => doors.push(resolve));
  };
  const leave = (): void => {
    const next = doors.shift();
    if (next === undefined) active--;
    else next();
  };

  return {
    /** `since`: when the time of this call began to run, by `performance.now()`. */
    async run<T>(since: number, work: (pace: Pace) => Promise<T>): Promise<T> {
      const late = () =>
        new CodedError<CallErrorCode>("CALL_TIMEOUT", `execution aborted (timeout = ${secondsOf(timeoutMs)})`, {
          timeoutMs,
        });
      const pause = (): Promise<void> | undefined => {
        const now = performance.now();
        if (now - since > timeoutMs) throw late();
        return now < sliceEnd ? undefined : turn();
      };
      const within = <T>(waited: Promise<T>): Promise<T> =>
        new Promise((resolve, reject) => {
          const timer = setTimeout(() => reject(late()), Math.max(0, since + timeoutMs - performance.now()));
          waited.then(resolve, reject).finally(() => clearTimeout(timer));
        });
      await enter();
      try {
        await pause();
        return await work({ pause, within });
      } finally {
        leave();
      }
    },
  };
};
