import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { frontierRoot } from "../foundation/merkle.ts";
import { type ChainState, chainStateAt, hashChainState, type StateBetween } from "../protocol/chain-state.ts";
import type { Position } from "../protocol/origin.ts";
import type { Inbox } from "../protocol/unit.ts";
import { openChain } from "./chain.fixture.ts";
import type { Chain } from "./chain.ts";
import { CONTRACTS, deriveRandomBatches } from "./units.fixture.ts";
import { unitsFrom } from "./units.ts";

const GENESIS: Position = { batch: 0n, cursor: 0, delayed: 0n };
const BATCHES = 8;

const collect = async (
  components: { readonly chain: Chain; readonly inbox: Inbox },
  start: StateBetween,
  limit: bigint,
): Promise<ChainState[]> => {
  const states: ChainState[] = [];
  for await (const state of unitsFrom(components, start, limit)) states.push(state);
  return states;
};

const fails = (code: string) => (error: unknown) => error instanceof CodedError && error.code === code;

test("the state after a block's end is what its header says, and every unit is counted", async (t) => {
  let noOps = 0;
  for (const seed of [1, 2, 3]) {
    const { chain, inbox, units } = await deriveRandomBatches(seed, BATCHES);
    const start = chainStateAt(chain, 0n, GENESIS);
    const states = await collect({ chain, inbox }, start, BigInt(BATCHES));
    assert.equal(
      states.length,
      units.reduce((sum, count) => sum + count, 0),
    );
    let before: ChainState = start;
    for (const state of states) {
      if (state.phase === "between" && before.phase === "open") {
        const block = chain.blockByNumber(state.number);
        assert.ok(block !== undefined);
        const { header } = block;
        assert.equal(toHex(state.parentHash), block.hash);
        assert.equal(toHex(state.stateRoot), header.stateRoot);
        assert.equal(toHex(frontierRoot(state.transactions)), header.transactionsRoot);
        assert.equal(toHex(frontierRoot(state.receipts)), header.receiptsRoot);
        assert.equal(toHex(state.bloom), header.logsBloom);
        assert.deepEqual(
          [state.gasUsed, state.gasLimit, state.budget, state.baseFee, state.timestamp],
          [header.gasUsed, header.gasLimit, header.budget, header.baseFeePerGas, header.timestamp],
        );
        assert.deepEqual({ ...before, phase: "between", parentHash: state.parentHash }, state);
      }
      if (state.phase === "open" && before.phase === "between") {
        assert.deepEqual(state.parentHash, fromHex(chain.blockByNumber(before.number)?.hash ?? "0x"));
        assert.deepEqual([state.gasUsed, state.transactions.count, state.receipts.count], [0n, 0, 0]);
        assert.notDeepEqual(state.stateRoot, before.stateRoot);
      }
      if (state.phase === "open" && before.phase === "open" && state.transactions.count === before.transactions.count) {
        const { position, budget } = state;
        assert.deepEqual({ ...before, position, budget }, state, "a no-op moves the position alone, at its price");
        const { refusal } = chain.parameters.budget;
        const wasMessage = position.delayed > before.position.delayed;
        assert.equal(before.budget - budget, wasMessage ? 0n : refusal);
        noOps++;
      }
      before = state;
    }
    assert.deepEqual(before.position, chain.position);
    assert.equal(before.number, chain.head.header.number);
  }
  t.diagnostic(`${noOps} no-ops`);
  assert.ok(noOps > 20);
});

test("the root after a transaction is that of the block which ends there", async () => {
  const { chain, inbox, blocks } = await deriveRandomBatches(4, 3 * BATCHES);
  const states = await collect({ chain, inbox }, chainStateAt(chain, 0n, GENESIS), 3n * BigInt(BATCHES));
  const other = await openChain({ alloc: CONTRACTS });
  let compared = 0;
  for (let number = 1n; number <= chain.head.header.number; number++) {
    const { attributes, envelopes } = blocks[Number(number) - 1] as (typeof blocks)[number];
    for (let length = 0; length <= envelopes.length; length++) {
      const builder = await other.begin(attributes);
      let count = 0;
      for (const envelope of envelopes.slice(0, length)) if ((await builder.add(envelope)).included) count++;
      const { header } = (await builder.seal()).block;
      const state = states.find((s) => s.number === number && s.phase === "open" && s.transactions.count === count);
      assert.ok(state !== undefined);
      assert.equal(toHex(state.stateRoot), header.stateRoot);
      assert.equal(toHex(frontierRoot(state.receipts)), header.receiptsRoot);
      assert.equal(toHex(state.bloom), header.logsBloom);
      if (length < envelopes.length) await other.rollback(number - 1n);
      compared++;
    }
  }
  assert.equal(other.head.hash, chain.head.hash);
  assert.ok(compared > 30);
});

test("leaves do not depend on where a range is cut", async () => {
  const { chain, inbox } = await deriveRandomBatches(5, BATCHES);
  const limit = BigInt(BATCHES);
  const whole = await collect({ chain, inbox }, chainStateAt(chain, 0n, GENESIS), limit);
  const hashes = whole.map((state) => toHex(hashChainState(state)));
  assert.equal(new Set(hashes).size, hashes.length, "no two states are equal");
  let cuts = 0;
  for (const [i, state] of whole.entries()) {
    if (state.phase === "open") continue;
    const again = chainStateAt(chain, state.number, state.position);
    assert.deepEqual(again, state);
    const rest = await collect({ chain, inbox }, again, limit);
    assert.deepEqual(
      rest.map((next) => toHex(hashChainState(next))),
      hashes.slice(i + 1),
    );
    cuts++;
  }
  assert.ok(cuts > BATCHES);
  const part = await collect({ chain, inbox }, chainStateAt(chain, 0n, GENESIS), 3n);
  assert.deepEqual(part, whole.slice(0, part.length));
  assert.deepEqual(part.at(-1)?.position.batch, 3n);
});

test("nothing is shown of what this node has not derived from L1", async () => {
  const { chain, inbox, records } = await deriveRandomBatches(6, BATCHES);
  const start = chainStateAt(chain, 0n, GENESIS);
  const limit = BigInt(BATCHES);
  await assert.rejects(collect({ chain, inbox }, start, limit + 1n), fails("UNITS_INBOX_GAP"));
  const deaf: Inbox = { ...inbox, message: () => undefined };
  await assert.rejects(collect({ chain, inbox: deaf }, start, limit), fails("UNITS_INBOX_GAP"));
  const later: Inbox = {
    ...inbox,
    record: (i) => {
      const record = records[Number(i)];
      return record && { ...record, origin: { ...record.origin, number: record.origin.number + 1n } };
    },
  };
  await assert.rejects(collect({ chain, inbox: later }, start, limit), fails("UNITS_OTHER_BLOCK"));
  await chain.setSafe(chain.head.header.number - 1n, chain.position);
  await assert.rejects(collect({ chain, inbox }, start, limit), fails("UNITS_NOT_SAFE"));
  assert.throws(() => chainStateAt(chain, chain.head.header.number + 1n, GENESIS), fails("CHAIN_UNKNOWN_BLOCK"));
});
