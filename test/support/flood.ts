import { appendCall, batchInbox, depositCall } from "../../bridge/index.ts";
import { type Bytes, concat, DEVNET_PARAMETERS, encodeBatch, fromHex, type Hex } from "../../executor/index.ts";
import { l2Account, type Stage } from "./stage.ts";

const SEQUENCER = 1;

type OnL1 = Pick<Stage, "anvil" | "deployment">;

/** A hostile sequencer's batch, on L1 when this resolves. It takes all messages. */
const post = async (
  { anvil, deployment }: OnL1,
  dataAt: (timestamp: bigint) => Bytes | Promise<Bytes>,
): Promise<void> => {
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
  const data = await dataAt(timestamp);
  const origin = { number, timestamp };
  const call = appendCall(inbox.address, { index, origin, delayedEnd, delayedAccumulator, data });
  const wallet = anvil.wallet(SEQUENCER);
  const hash = await wallet.sendTransaction({ to: call.to, data: call.data });
  await client.waitForTransactionReceipt({ hash });
};

const blockOf = (timestamp: bigint, envelopes: readonly Bytes[]) => ({ timestamp, envelopes });
const emptyBlocks = (timestamp: bigint, blocks: number): Bytes =>
  encodeBatch(Array.from({ length: blocks }, () => blockOf(timestamp, [])));

/** What a sequencer pays least for: a batch of blocks of nothing. */
export const flood = (stage: OnL1, blocks: number): Promise<void> =>
  post(stage, (timestamp) => emptyBlocks(timestamp, blocks));

/** Runs until its gas is gone: JUMPDEST, PUSH1 0, JUMP. */
const LOOP: Hex = "0x5b600056";
const LOOPS = 3;
const LOOP_GAS = 400_000n;
const loops = (first: number): Promise<Bytes[]> =>
  Promise.all(
    Array.from({ length: LOOPS }, async (_, i) =>
      fromHex(
        await l2Account(4).signTransaction({
          type: "eip1559",
          chainId: Number(DEVNET_PARAMETERS.chainId),
          nonce: first + i,
          gas: LOOP_GAS,
          data: LOOP,
          maxFeePerGas: 10n ** 10n,
          maxPriorityFeePerGas: 0n,
        }),
      ),
    ),
  );

/** Envelopes of one byte, which use up a whole budget, and more. */
const PAST_BUDGET = Number(DEVNET_PARAMETERS.budget.cap / DEVNET_PARAMETERS.budget.refusal) + 200;
const DEPOSITS = 12;

export type Flood = {
  /** Units that one batch is derived in, at most. */
  readonly units: number;
  /** Puts it on L1; its batch is in the newest block. `loops`: transactions of this kind that L2 has had before. */
  post(stage: OnL1, loops: number): Promise<void>;
};

/** What a hostile sequencer and hostile users can post for little. */
export const FLOODS = {
  garbage: {
    // What belongs to no block is passed over to the batch's end.
    units: 2,
    post: (stage) => post(stage, () => new Uint8Array(20_000).map((_, i) => (i * 151 + 7) & 255)),
  },
  "zero bytes": {
    units: 2,
    post: (stage) => post(stage, () => new Uint8Array(90_000)),
  },
  "garbage in a block": {
    units: 503,
    post: (stage) =>
      post(stage, (timestamp) =>
        encodeBatch([blockOf(timestamp, Array(500).fill(Uint8Array.of(2, 0xff, 0xee)) as Bytes[])]),
      ),
  },
  "empty blocks": { units: 801, post: (stage) => flood(stage, 400) },
  loops: {
    units: LOOPS + 3,
    post: (stage, first) => post(stage, async (timestamp) => encodeBatch([blockOf(timestamp, await loops(first))])),
  },
  "an exhausted budget": {
    // What is left of the batch, blocks among it, is passed over in one.
    units: PAST_BUDGET,
    post: (stage, first) =>
      post(stage, async (timestamp) =>
        concat(
          encodeBatch([blockOf(timestamp, Array(PAST_BUDGET).fill(Uint8Array.of(0)) as Bytes[])]),
          encodeBatch([blockOf(timestamp, await loops(first))]),
          emptyBlocks(timestamp, 200),
        ),
      ),
  },
  deposits: {
    // Those of a batch that a reorg took are taken by the next.
    units: 2 * DEPOSITS + 3,
    async post(stage) {
      const { anvil, deployment } = stage;
      const wallet = anvil.wallet(8);
      const to = l2Account(1).address;
      const deposit = { to: to.toLowerCase() as Hex, mint: 1n, value: 1n, gas: 100_000n, data: new Uint8Array(0) };
      for (let i = 0; i < DEPOSITS; i++) {
        const call = depositCall(deployment.contracts.portal, deposit);
        const hash = await wallet.sendTransaction({ to: call.to, data: call.data, value: call.value ?? 0n });
        await anvil.client.waitForTransactionReceipt({ hash });
      }
      await post(stage, () => new Uint8Array(0));
    },
  },
} as const satisfies Record<string, Flood>;
