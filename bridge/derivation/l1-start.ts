import type { PublicClient } from "viem";
import type { Hex, Position } from "../../executor/index.ts";
import type { Deployment } from "../clients/deploy.ts";
import { batchInbox } from "../contracts/contracts.gen.ts";

type Start = Pick<Position, "batch" | "delayed">;

const inboxOf = ({ contracts }: Deployment) => ({ address: contracts.batchInbox, abi: batchInbox.abi }) as const;
const least = (...numbers: readonly bigint[]): bigint => numbers.reduce((a, b) => (b < a ? b : a));

/** The L1 block before the first that can hold something of the chain. */
export const beforeDeployment = ({ startBlock }: Pick<Deployment, "startBlock">): bigint =>
  startBlock > 0n ? startBlock - 1n : 0n;

/** The inbox's accumulator after so many messages. */
export const accumulatorAfter = (client: PublicClient, deployment: Deployment, count: bigint): Promise<Hex> =>
  client.readContract({ ...inboxOf(deployment), functionName: "accumulatorAt", args: [count] });

/** The inbox's lineage after so many records. */
export const lineageAfter = (client: PublicClient, deployment: Deployment, count: bigint): Promise<Hex> =>
  client.readContract({ ...inboxOf(deployment), functionName: "lineageAt", args: [count] });

/** The newest of L1 blocks `low` to `high` that is older than a time, or `low`. */
const lastBefore = async (client: PublicClient, time: bigint, low: bigint, high: bigint): Promise<bigint> => {
  let [from, to] = [low, high];
  while (from < to) {
    const middle = (from + to + 1n) / 2n;
    const { timestamp } = await client.getBlock({ blockNumber: middle });
    if (timestamp < time) from = middle;
    else to = middle - 1n;
  }
  return from;
};

/**
 * A final L1 block after which all records and messages from `start` on came. What lies before `start` is final; the
 * contract says of which L1 block the last record tells, and when the first message that waits was queued.
 */
export const blockBefore = async (client: PublicClient, deployment: Deployment, { batch, delayed }: Start) => {
  const inbox = inboxOf(deployment);
  const low = beforeDeployment(deployment);
  const [queued, { number: final }] = await Promise.all([
    client.readContract({ ...inbox, functionName: "messageCount" }),
    client.getBlock({ blockTag: "finalized" }),
  ]);
  let number = low;
  if (batch > 0n) {
    const last = await client.readContract({ ...inbox, functionName: "recordAt", args: [batch - 1n] });
    // INVARIANT: a record is no older than its origin, and the records after it are no older than it.
    number = least(last.l1Number - 1n, final);
  }
  if (delayed < queued && number > low) {
    const waiting = await client.readContract({ ...inbox, functionName: "messageAt", args: [delayed] });
    number = await lastBefore(client, waiting.timestamp, low, number);
  }
  return number > low ? number : low;
};
