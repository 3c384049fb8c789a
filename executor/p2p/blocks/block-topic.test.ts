import assert from "node:assert/strict";
import { before, test } from "node:test";
import { openChain, telemetry } from "../../chain/chain.fixture.ts";
import type { Chain } from "../../chain/chain.ts";
import { hashBlockHeader } from "../../protocol/block.ts";
import { createMemoryStore } from "../../store/memory-store.ts";
import type { Verdict } from "../network/network.ts";
import { createBlockTopic, MAX_AHEAD } from "./block-topic.ts";
import { createEvidence } from "./evidence.ts";
import { createSealStore } from "./seal-store.ts";
import { NOW, OTHER_KEY, openSealer, SEQUENCER, type Sealer, sealBlock, withSeal } from "./sealed.fixture.ts";
import { encodeSealedBlock, type SealedBlock } from "./sealed-block.ts";
import { createWitness } from "./witness.ts";

let sealer: Sealer;
let genesisHash: Chain["genesisHash"];
let one: SealedBlock;
let two: SealedBlock;
let oneAgain: SealedBlock;
let oneRebuilt: SealedBlock;
let twoRebuilt: SealedBlock;
before(async () => {
  sealer = await openSealer();
  genesisHash = sealer.chain.genesisHash;
  await sealer.build({ value: 7n });
  await sealer.back(0n);
  oneAgain = await sealer.build({ value: 3n });
  await sealer.back(0n);
  oneRebuilt = await sealer.build({ value: 4n, revision: 1n });
  twoRebuilt = await sealer.build({ value: 4n, revision: 1n });
  await sealer.back(0n);
  one = await sealer.build();
  two = await sealer.build();
});

const ACCEPTED: Verdict = { accept: true };
const IGNORED: Verdict = { accept: false };
const blamed = (misbehaviour: string) => ({ accept: false, misbehaviour });

const listen = async (chain?: Chain) => {
  const store = createMemoryStore();
  const seals = createSealStore(store);
  const evidence = createEvidence(store);
  const now = { ms: Number(NOW) * 1000 };
  const clock = () => now.ms;
  const witness = createWitness(
    { ...telemetry(), seals, evidence },
    { genesisHash, isSigner: (account) => account === SEQUENCER, clock, l1Advances: () => 0 },
  );
  const components = { ...telemetry(), chain: chain ?? (await openChain()), witness, evidence };
  const heard: SealedBlock[] = [];
  const topic = createBlockTopic(components, { clock, onBlock: (block) => heard.push(block) });
  const hear = (block: SealedBlock | Uint8Array) =>
    topic.validate(block instanceof Uint8Array ? block : encodeSealedBlock(block), "peer");
  return { hear, heard, now, evidence };
};

test("the sequencer's blocks are passed on once, in any order", async () => {
  const { hear, heard } = await listen();
  assert.deepEqual(hear(two), ACCEPTED);
  assert.deepEqual(hear(one), ACCEPTED);
  assert.deepEqual(hear(one), IGNORED);
  assert.deepEqual(
    heard.map(({ hash }) => hash),
    [two.hash, one.hash],
  );
  // The same block with another time of sealing, signed again, is no news.
  const again = sealBlock(genesisHash, sealer.chain.blockByNumber(2n) as never, { sealedAt: 5n });
  assert.deepEqual(hear(again), IGNORED);
});

test("what nobody can have meant is held against whoever sent it", async () => {
  const { hear, heard, evidence } = await listen();
  assert.deepEqual(hear(Uint8Array.of(1, 2, 3)), blamed("malformed"));
  assert.deepEqual(hear(sealBlock(genesisHash, sealer.chain.head, { key: OTHER_KEY })), blamed("signature"));
  assert.deepEqual(hear(withSeal(one, { revision: 9n })), blamed("signature"));
  assert.deepEqual(hear({ ...one, envelopes: two.envelopes }), blamed("body"));
  assert.deepEqual(heard, []);
  assert.deepEqual(evidence.records, []);
  assert.deepEqual(hear(one), ACCEPTED);
});

test("whoever makes up a block pays for it, whatever height and time it names, and whatever was heard before", async () => {
  const { hear, now } = await listen({
    ...sealer.chain,
    head: sealer.chain.head,
    heads: { unsafe: 2n, safe: 1n, finalized: 0n },
  });
  assert.deepEqual(hear(two), ACCEPTED);
  for (const block of [one, two]) {
    assert.deepEqual(hear(withSeal(block, { revision: 9n })), blamed("signature"));
    assert.deepEqual(hear({ ...block, envelopes: [] }), blamed("body"));
  }
  now.ms += 3_600_000;
  assert.deepEqual(hear(withSeal(two, { revision: 9n })), blamed("signature"));
  now.ms -= 7_200_000;
  assert.deepEqual(hear({ ...two, envelopes: [] }), blamed("body"));
});

test("time: a block may be thirty seconds ahead, and is no news after ten minutes; clocks are nobody's fault", async () => {
  const { hear, now } = await listen();
  const at = Number(one.header.timestamp) * 1000;
  now.ms = at - 31_000;
  assert.deepEqual(hear(one), IGNORED);
  now.ms = at + 601_000;
  assert.deepEqual(hear(one), IGNORED);
  now.ms = at - 30_000;
  assert.deepEqual(hear(one), ACCEPTED);
  now.ms = at + 600_000;
  assert.deepEqual(hear(two), ACCEPTED);
});

test("heights that L1 holds, and far ones, are of no use", async () => {
  const { chain } = sealer;
  const { hear } = await listen({
    ...chain,
    head: chain.head,
    heads: { unsafe: 2n, safe: 1n, finalized: 0n },
  });
  assert.deepEqual(hear(one), IGNORED);
  assert.deepEqual(hear(two), ACCEPTED);
  const header = { ...two.header, number: 2n + MAX_AHEAD + 1n };
  const far = sealBlock(genesisHash, { ...chain.head, header, hash: hashBlockHeader(header) });
  const { hear: hearFar } = await listen(chain);
  assert.deepEqual(hearFar(far), IGNORED);
});

test("a block whose parent is another than this node's is not passed on", async () => {
  const { chain } = sealer;
  const { hear } = await listen(chain);
  assert.deepEqual(hear(twoRebuilt), IGNORED);
  const fresh = await listen(chain);
  // With the parent that takes the old one's place it is.
  assert.deepEqual(fresh.hear(one), ACCEPTED);
  assert.deepEqual(fresh.hear(oneRebuilt), ACCEPTED);
  assert.deepEqual(fresh.hear(twoRebuilt), ACCEPTED);
  assert.deepEqual(
    fresh.heard.map(({ hash }) => hash),
    [one.hash, oneRebuilt.hash, twoRebuilt.hash],
  );
  assert.equal(fresh.evidence.halted, false);
});

test("both sides of an equivocation go on to others; the second is not followed, nor is anything after it", async () => {
  const { hear, heard, evidence } = await listen();
  assert.deepEqual(hear(one), ACCEPTED);
  assert.deepEqual(hear(oneAgain), ACCEPTED);
  assert.deepEqual(
    heard.map(({ hash }) => hash),
    [one.hash],
  );
  assert.equal(evidence.halted, true);
  assert.deepEqual(hear(two), IGNORED);
  await evidence.resume();
  assert.deepEqual(hear(oneAgain), IGNORED);
  assert.deepEqual(hear(two), ACCEPTED);
  assert.equal(evidence.halted, false);
});
