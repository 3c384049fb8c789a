import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createMemoryStore, type Hex } from "../../executor/index.ts";
import { createStage, l2Account, START } from "../support/stage.ts";

const bob = l2Account(7).address.toLowerCase() as Hex;
const BATCH_MS = 1_000;
/** Each component looks so often, as a node is set up; blocks come so often while transactions wait. */
const POLL_MS = 1_000;
const BLOCK_MS = 250;
/** L1's blocks come between two looks at it. */
const PHASE_MS = 500;
const SENDERS = 5;

type Pace = {
  /** Seconds between two L1 blocks, and how many are made. */
  readonly l1: number;
  readonly blocks: number;
  /** Transactions a second. */
  readonly rate: number;
};

/** Runs a sequencer against L1 at this pace, on a clock of its own. Milliseconds from each block to its being safe. */
const delays = async (t: TestContext, { l1, blocks, rate }: Pace) => {
  const stage = await createStage(t);
  let ms = 0;
  const sequencer = await stage.sequencer(createMemoryStore(), {
    producer: { clock: () => START + BigInt(Math.floor(ms / 1_000)), now: () => ms },
    batches: { data: "calldata", intervalMs: BATCH_MS, now: () => ms },
  });
  const { chain, producer, batches } = sequencer;
  await sequencer.follow();
  await stage.anvil.manual();
  // Its clock is that of the pace, however fast the machine mines.
  await stage.anvil.control.setBlockTimestampInterval({ interval: l1 });
  const builtAt: number[] = [];
  const delay: number[] = [];
  const pending: number[] = [];
  let sent = 0;
  const step = async () => {
    for (; sent * 1_000 < ms * rate; sent++)
      await sequencer.send({
        from: sent % SENDERS,
        nonce: Math.floor(sent / SENDERS),
        to: bob,
        value: 1n,
        gas: 21_000n,
      });
    if ((await producer.produce()) !== undefined) builtAt.push(ms);
    if (ms % POLL_MS === 0) {
      await sequencer.follow();
      while (delay.length < Number(chain.heads.safe)) delay.push(ms - (builtAt[delay.length] as number));
      await sequencer.forward();
    }
    if (ms % (l1 * 1_000) === PHASE_MS) {
      await stage.anvil.mine();
      pending.push(batches.pending.length);
    }
  };
  for (; ms < l1 * blocks * 1_000; ms += BLOCK_MS) await step();
  // What is not safe yet has waited so long at least.
  const open = builtAt.slice(delay.length).map((at) => ms - at);
  return { delay, open, pending, records: sequencer.l1.recordCount, halt: batches.halt };
};

const PACES: readonly Pace[] = [
  { l1: 1, blocks: 24, rate: 1 },
  { l1: 1, blocks: 8, rate: 100 },
  { l1: 2, blocks: 16, rate: 10 },
  { l1: 2, blocks: 5, rate: 100 },
  { l1: 12, blocks: 16, rate: 1 },
  { l1: 12, blocks: 3, rate: 100 },
];

for (const pace of PACES)
  test(`safe follows within three L1 blocks and two batches: L1 each ${pace.l1} s, ${pace.rate} a second`, async (t) => {
    const { delay, open, pending, records, halt } = await delays(t, pace);
    const most = Math.max(...delay, ...open);
    t.diagnostic(
      `${delay.length} blocks safe, at most ${most / 1_000} s after they were built, in ${records} batches; ` +
        `at most ${Math.max(...pending)} wait`,
    );
    assert.ok(delay.length > 0);
    assert.ok(most <= 3_000 * pace.l1 + 2 * BATCH_MS, `${most} ms`);
    assert.ok(Math.max(...pending) <= 6, "batches that wait grow instead of piling up");
    assert.equal(halt, undefined);
  });
