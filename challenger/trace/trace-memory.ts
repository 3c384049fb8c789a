import { createHeldTrees, createLock, type HeldTrees, type UnitTrace } from "../../executor/index.ts";

/** What all traces of a process hold between questions, and what they compute: however many are asked about. */
export type TraceMemory = {
  /** Trees of tensors. */
  readonly trees: HeldTrees;
  /** One run after the other: each holds more while it lasts than what it leaves. */
  run<Value>(work: () => Promise<Value>): Promise<Value>;
  /** A unit was asked about. Those for which that is longest ago are forgotten, where all hold more than they may. */
  touch(unit: UnitTrace): void;
};

/** `words`: of memory that units hold in all, the one that was asked last aside; `bytes`: of trees of tensors. */
export type TraceMemoryOptions = { readonly words?: number; readonly bytes?: number };

/** Some 200 MiB and 256 MiB. */
const DEFAULTS = { words: 2 ** 19, bytes: 2 ** 28 };

export const createTraceMemory = (options: TraceMemoryOptions = {}): TraceMemory => {
  const { words: most, bytes } = { ...DEFAULTS, ...options };
  /** By when they were asked, the newest last. */
  const held = new Set<UnitTrace>();
  return {
    trees: createHeldTrees(bytes),
    run: createLock(),
    touch(unit) {
      held.delete(unit);
      held.add(unit);
      let words = 0;
      for (const one of held) if (one !== unit) words += one.words;
      for (const one of held) {
        if (words <= most || one === unit) break;
        words -= one.words;
        one.forget();
        held.delete(one);
      }
    },
  };
};
