import { CodedError } from "./errors.ts";

export type GateErrorCode =
  /** Too many wait for their turn already. Try again later. */
  "GATE_FULL";

/** At most `running` works at once, the others in order of arrival. GATE_FULL when `waiting` wait already. */
export const createGate = ({ running, waiting }: { readonly running: number; readonly waiting: number }) => {
  const queue: (() => void)[] = [];
  let active = 0;

  const enter = (signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    if (active < running) {
      active++;
      return Promise.resolve();
    }
    if (queue.length >= waiting)
      throw new CodedError<GateErrorCode>("GATE_FULL", `${waiting} wait for their turn already`, { waiting });
    return new Promise((resolve, reject) => {
      const leave = () => {
        queue.splice(queue.indexOf(admit), 1);
        reject(signal.reason);
      };
      const admit = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      queue.push(admit);
      signal.addEventListener("abort", leave, { once: true });
    });
  };

  return async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    await enter(signal);
    try {
      return await work();
    } finally {
      // Who leaves hands its place over.
      const next = queue.shift();
      if (next === undefined) active--;
      else next();
    }
  };
};
