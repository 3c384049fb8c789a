import { CodedError, messageOf, sleep } from "../executor/index.ts";

export type BackgroundErrorCode =
  /** Work that a look needs is still being done. Nothing is to be done: a look begins when it has come. */
  "CHALLENGER_COMPUTING";

const LATE = Symbol("late");

/** The code, and what there is to say; never a stack. */
export const reasonOf = (error: unknown): string =>
  error instanceof CodedError ? `${error.code}: ${error.message}` : messageOf(error);

/**
 * Work that may take longer than a look waits: what has not come by then goes on, one piece of work of a name at a time, and
 * `onLate` says when it has come after all.
 */
export const createBackground = ({ onLate, signal }: { readonly onLate: () => void; readonly signal: AbortSignal }) => {
  const running = new Map<string, Promise<unknown>>();
  return {
    get count() {
      return running.size;
    },
    isRunning: (name: string) => running.has(name),
    /** CHALLENGER_COMPUTING when it, or what was begun before under this name, is not done in time; else as `work` does. */
    async within<T>(patienceMs: number, name: string, work: () => Promise<T>): Promise<T> {
      const before = running.get(name);
      const task = (before ?? work()) as Promise<T>;
      if (before === undefined) {
        running.set(name, task);
        const done = () => void running.delete(name);
        task.then(done, done);
      }
      const timer = new AbortController();
      const late = sleep(patienceMs, AbortSignal.any([timer.signal, signal])).then(() => LATE);
      try {
        const outcome = await Promise.race([task, late]);
        // What was begun before is about an older state: it only brought to hand what the next look needs.
        if (outcome !== LATE && before === undefined) return outcome as T;
      } finally {
        timer.abort();
      }
      if (running.has(name)) task.then(onLate, onLate);
      else onLate();
      throw new CodedError<BackgroundErrorCode>("CHALLENGER_COMPUTING", `${name} is still being worked on`, { name });
    },
  };
};
export type Background = ReturnType<typeof createBackground>;
