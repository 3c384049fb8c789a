import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChainState, chainStateAt, encodeChainState } from "../protocol/chain-state.ts";
import type { Position } from "../protocol/origin.ts";
import type { Inbox } from "../protocol/unit.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import type { Chain } from "./chain.ts";
import { deriveRandomBatches } from "./units.fixture.ts";
import { unitsFrom } from "./units.ts";

const GENESIS: Position = { batch: 0n, cursor: 0, delayed: 0n };
const BATCHES = 8;

const walk = async (chain: Chain, inbox: Inbox): Promise<string[]> => {
  const states: ChainState[] = [];
  for await (const state of unitsFrom({ chain, inbox }, chainStateAt(chain, 0n, GENESIS), BigInt(BATCHES)))
    states.push(state);
  return states.map((state) => Buffer.from(encodeChainState(state)).toString("hex"));
};

/** The chain, and the blocks that are executed again on it. */
const watched = (chain: Chain) => {
  const parents: bigint[] = [];
  const replay: Chain["replay"] = (parent, attributes) => {
    parents.push(parent);
    return chain.replay(parent, attributes);
  };
  return { parents, chain: Object.create(chain, { replay: { value: replay } }) as Chain };
};

test("what units came to is executed again once, and told alike ever after", async () => {
  for (const seed of [1, 2, 3, 4]) {
    const derived = await deriveRandomBatches(seed, BATCHES);
    const { inbox } = derived;
    const { chain, parents } = watched(derived.chain);
    const first = await walk(chain, inbox);
    assert.equal(parents.length, Number(chain.head.header.number));
    assert.deepEqual(await walk(chain, inbox), first);
    assert.equal(parents.length, Number(chain.head.header.number), "no block is executed a second time");
  }
});

test("of a walk that was broken off, what it came past is kept", async () => {
  const derived = await deriveRandomBatches(5, BATCHES);
  const { chain, parents } = watched(derived.chain);
  const half = chain.head.header.number / 2n;
  for await (const state of unitsFrom({ chain, inbox: derived.inbox }, chainStateAt(chain, 0n, GENESIS), 8n))
    if (state.number === half && state.phase === "between") break;
  assert.equal(parents.length, Number(half));
  await walk(chain, derived.inbox);
  assert.equal(parents.length, Number(chain.head.header.number));
});

test("where L1 holds something else, the block is executed again", async () => {
  for (const seed of [6, 7, 8]) {
    const derived = await deriveRandomBatches(seed, BATCHES);
    const { chain } = derived;
    const before = await walk(chain, derived.inbox);
    /** A gas of 1 is as little as none: refused as well, but what was kept says so of another message. */
    const inbox: Inbox = {
      record: derived.inbox.record,
      message(index) {
        const message = derived.inbox.message(index);
        return message?.kind === "raw" && message.gas === 0n ? { ...message, gas: 1n } : message;
      },
    };
    const { chain: seen, parents } = watched(chain);
    assert.deepEqual(await walk(seen, inbox), before);
    const changed = derived.blocks.filter(({ envelopes }) =>
      envelopes.some(({ delayed }) => delayed?.kind === "raw" && delayed.gas === 0n),
    );
    assert.equal(parents.length, changed.length);
    assert.ok(changed.length > 0);
  }
});

test("what is kept goes with the block, and with what is at stake", async () => {
  const store = createMemoryStore();
  const derived = await deriveRandomBatches(9, BATCHES, store);
  const { chain, inbox } = derived;
  const head = chain.head.header.number;
  const kept = () => {
    const numbers: bigint[] = [];
    for (let number = 1n; number <= head; number++) if (chain.keptUnits(number) !== undefined) numbers.push(number);
    return numbers;
  };
  const hold = chain.hold(0n);
  await walk(chain, inbox);
  assert.equal(kept().length, Number(head));
  await chain.rollback(head - 2n);
  assert.equal(kept().length, Number(head) - 2, "removed with the blocks");
  hold.move(5n);
  await chain.setFinalized(chain.heads.safe);
  await chain.keepUnits([{ number: head, hash: "0x00", units: { begin: new Uint8Array(32), envelopes: [] } }]);
  await chain.keepUnits([{ number: 1n, hash: "0x00", units: { begin: new Uint8Array(32), envelopes: [] } }]);
  assert.deepEqual([kept()[0], kept().length], [6n, Number(head) - 7], "no claim begins before block 5 any more");
});
