import { appendCall, batchInbox } from "../../bridge/index.ts";
import { encodeBatch } from "../../executor/index.ts";
import type { Stage } from "./stage.ts";

/** What a sequencer pays least for: a batch of blocks of nothing, on L1 when this resolves. It takes all messages. */
export const flood = async ({ anvil, deployment }: Pick<Stage, "anvil" | "deployment">, blocks: number) => {
  const { client } = anvil;
  const inbox = { address: deployment.contracts.batchInbox, abi: batchInbox.abi } as const;
  const [index, delayedEnd, head] = await Promise.all([
    client.readContract({ ...inbox, functionName: "recordCount" }),
    client.readContract({ ...inbox, functionName: "messageCount" }),
    client.getBlock(),
  ]);
  const delayedAccumulator = await client.readContract({
    ...inbox,
    functionName: "accumulatorAt",
    args: [delayedEnd],
  });
  const { number, timestamp } = head;
  const data = encodeBatch(Array.from({ length: blocks }, () => ({ timestamp, envelopes: [] })));
  const origin = { number, timestamp };
  const call = appendCall(inbox.address, { index, origin, delayedEnd, delayedAccumulator, data });
  const wallet = anvil.wallet(SEQUENCER);
  const hash = await wallet.sendTransaction({ to: call.to, data: call.data, gas: call.gas });
  await client.waitForTransactionReceipt({ hash });
};

const SEQUENCER = 1;
