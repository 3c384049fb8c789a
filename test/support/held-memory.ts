import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** KiB that are in use after garbage was collected. What weak references free takes a turn of the loop, and another round. */
const held = async (): Promise<number> => {
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1024;
};

/** KiB that each run of `work` leaves in memory, over `count` runs after the first have filled what is filled once. */
export const heldByEach = async (work: () => Promise<unknown>, count: number): Promise<number> => {
  for (let i = 0; i < 100; i++) await work();
  const before = await held();
  for (let i = 0; i < count; i++) await work();
  return ((await held()) - before) / count;
};
