import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Bytes, encodeSealedBlock, type SealedBlock, utf8 } from "../../executor/index.ts";
import { awaitHead, connect, hearing, type PeerActor, peerStage, sealTransfer, signBlock } from "../support/peers.ts";
import { createStranger, type Stranger } from "../support/stranger.ts";

/** Messages a second that the flooder offers, in steps of so many milliseconds. */
const RATE = 10_000;
const STEP_MS = 10;
const BLOCKS = 40;
const BLOCK_MS = 50;
/** Milliseconds from a block's sealing until it is the follower's head, at most. */
const BOUND_MS = 1_000;

/** Says what `make` makes at the rate until it is told to stop; comes back as another whenever it is thrown out. */
const flood = async (t: TestContext, target: PeerActor, make: (index: number) => Bytes, signal: AbortSignal) => {
  const tally = { offered: 0, taken: 0, met: 0 };
  let stranger: Stranger | undefined;
  const began = performance.now();
  while (!signal.aborted) {
    const due = Math.floor(((performance.now() - began) * RATE) / 1_000);
    const messages: Bytes[] = [];
    // What the flooder could not make in time it makes up for later, at most a tenth of a second of it.
    tally.offered = Math.max(tally.offered, due - RATE / 10);
    while (tally.offered < due) messages.push(make(tally.offered++));
    if (stranger?.isConnected !== true) {
      await stranger?.stop();
      stranger = await createStranger(t);
      // A host may open so many connections a second, and no more.
      const isMet = await stranger.meet(target).then(
        () => true,
        () => false,
      );
      if (isMet) tally.met++;
    }
    for (let at = 0; at < messages.length; at += 100) {
      const some = messages.slice(at, at + 100);
      if (await stranger.say(...some)) tally.taken += some.length;
    }
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
  await stranger?.stop();
  return tally;
};

/** Messages by their number: `block` is the sequencer's newest, `beside` one of the next height that it did not make. */
type Forge = (block: SealedBlock, beside: SealedBlock) => (index: number) => Bytes;

const FLOODS: readonly (readonly [what: string, forge: Forge, reason: string])[] = [
  ["bytes that are nothing", () => (index) => utf8(`message ${index} is no block`), "malformed"],
  [
    "blocks that nobody signed",
    (_, beside) => (index) =>
      encodeSealedBlock({ ...beside, seal: { ...beside.seal, sealedAt: beside.seal.sealedAt + BigInt(index + 1) } }),
    "signature",
  ],
  [
    "one valid block again and again",
    (block) => {
      const bytes = encodeSealedBlock(block);
      return () => bytes;
    },
    "flood",
  ],
];

for (const [what, forge, reason] of FLOODS)
  test(`blocks are followed while a peer sends ${what}, 10,000 a second`, { timeout: 120_000 }, async (t) => {
    const stage = peerStage(t);
    const sequencer = await stage.sequencer();
    const node = await stage.executor();
    await connect(node, sequencer);
    await hearing(sequencer, [node]);
    const block = signBlock(sequencer.chain, await sequencer.build());
    await awaitHead(node, block);
    const other = await stage.executor();
    await connect(other, node);
    await awaitHead(other, block);
    await other.stop();
    const beside = signBlock(other.chain, await sealTransfer(other.chain, 2n));
    const aborter = new AbortController();
    const flooding = flood(t, node, forge(block, beside), aborter.signal);

    const sealedAt = new Map<string, number>();
    const lags: number[] = [];
    const remove = node.chain.on("head", ({ hash }) => {
      const at = sealedAt.get(hash);
      if (at !== undefined) lags.push(performance.now() - at);
    });
    for (let i = 0; i < BLOCKS; i++) {
      await new Promise((resolve) => setTimeout(resolve, BLOCK_MS));
      const unsubscribe = sequencer.chain.on("head", ({ hash }) => sealedAt.set(hash, performance.now()));
      await sequencer.build();
      unsubscribe();
    }
    while (node.chain.head.hash !== sequencer.chain.head.hash) await new Promise((r) => setTimeout(r, 5));
    remove();
    aborter.abort();
    const { offered, taken, met } = await flooding;
    lags.sort((a, b) => a - b);
    const bans = await node.metric("assay_p2p_bans_total");
    t.diagnostic(
      `${offered} messages offered, ${taken} sent by ${met} peers, ${bans} of them banned; ` +
        `lag p50 ${lags[lags.length >> 1]?.toFixed(0)} ms, max ${lags.at(-1)?.toFixed(0)} ms`,
    );
    assert.equal(lags.length, BLOCKS);
    assert.ok((lags.at(-1) as number) < BOUND_MS);
    assert.ok(bans > 0 && bans >= met - 1);
    assert.ok((await node.metric("assay_p2p_penalties_total", { reason })) > 0);
    assert.equal(await sequencer.metric("assay_p2p_penalties_total"), 0);
    assert.equal(node.peering.network.peers.find(({ id }) => id === sequencer.id)?.score, 0);
  });
