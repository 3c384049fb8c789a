import { once } from "node:events";
import type { TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import { type Anvil, l1At } from "../anvil.ts";
import type { L1Fork } from "../l1-replay.ts";

/** The node alone. */
export const runVmL1 = async (fork: L1Fork): Promise<{ readonly url: string; stop(): Promise<unknown> }> => {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: fork });
  const [url] = (await once(worker, "message")) as [string];
  return { url, stop: () => worker.terminate() };
};

/**
 * An L1 of its own under the gas table of a fork, which anvil may not have: @ethereumjs/vm behind JSON-RPC, with anvil's
 * accounts and those of its methods that are used here. It mines when a transaction arrives, until `manual` is called.
 */
export const startVmL1 = async (t: Pick<TestContext, "after">, fork: L1Fork): Promise<Anvil> => {
  const { url, stop } = await runVmL1(fork);
  t.after(stop);
  return l1At(url);
};
