import assert from "node:assert/strict";
import { test } from "node:test";
import { claimedRange, GENESIS_PLACE, gameHash, type Place, statesOf } from "../../bridge/index.ts";
import { type ClaimedGame, createChainTrace, createExecution } from "../../challenger/index.ts";
import { holdTrace } from "../../challenger/trace/trace.fixture.ts";
import { withoutModels } from "../../executor/chain/chain.fixture.ts";
import { deriveRandomBatches } from "../../executor/chain/units.fixture.ts";
import {
  type ChainState,
  type ClaimId,
  hashChainState,
  keccakOf,
  toHex,
  type UnitSource,
  utf8,
} from "../../executor/index.ts";
import { deployLeafRules } from "../support/leaf-rules.ts";

const HEIGHT_1 = 25;
const BATCHES = 8n;
const derived = deriveRandomBatches(5, Number(BATCHES));

/** Judged beside an inbox that holds what the chain was derived from. */
const rules = derived.then(({ inbox, records }) => {
  const messages = Array.from({ length: Number(records.at(-1)?.delayedEnd ?? 0n) }, (_, i) => inbox.message(BigInt(i)));
  return deployLeafRules(
    { height1: HEIGHT_1, most2: 18, most3: 29 },
    {
      records: records.map((record) => ({ ...record, medium: "calldata", hashes: [] })),
      messages: messages.filter((message) => message !== undefined),
    },
  );
});

const placesOf = async (): Promise<readonly { readonly state: ChainState; readonly place: Place }[]> => {
  const places = [];
  for await (const placed of statesOf(await derived, GENESIS_PLACE, BATCHES)) places.push(placed);
  return places;
};

/** The claim on a parent that ends after `first` units, up to a batch. */
const gameFrom = async (first: number, limitBatch: bigint, height: number): Promise<ClaimedGame> => {
  const { state, place } = (await placesOf())[first] as { readonly state: ChainState; readonly place: Place };
  const parent = toHex(keccakOf(utf8("the parent"))) as ClaimId;
  const registry = `0x${"a1".repeat(20)}` as const;
  const lineage = toHex(keccakOf(utf8("the inbox")));
  const game = { l1ChainId: 31337n, registry, parent, limitBatch, lineage };
  return { game, from: place, start: hashChainState(state), heights: [height, HEIGHT_1] };
};

const unitsOf = async () => {
  const { chain, inbox } = await derived;
  const source: UnitSource = {
    record(index) {
      const record = inbox.record(index);
      return record === undefined ? undefined : { ...record, medium: "calldata" };
    },
    message: (index) => inbox.message(index),
  };
  return createExecution(
    { chain, inbox: source, models: withoutPrograms, blobs: { hashes: () => [], blob: () => undefined } },
    HEIGHT_1,
  );
};
const withoutPrograms = {
  ...withoutModels,
  program: () => Promise.reject(new Error("there is no model")),
  artifact: () => Promise.reject(new Error("there is no artifact")),
};
const notAsked = () => Promise.reject(new Error("not asked for"));

const { signal } = new AbortController();

test("the tree is the one that is claimed, wherever the range begins and ends", async () => {
  const { chain, inbox } = await derived;
  const units = (await placesOf()).length - 1;
  for (const [first, limit, height] of [
    [0, BATCHES, 10],
    [0, BATCHES, 3],
    [1, 3n, 10],
    [units >> 1, BATCHES, 10],
    [units, BATCHES, 4],
  ] as const) {
    const claim = await gameFrom(first, limit, height);
    const range = await claimedRange({ chain, inbox }, claim.from, { limit, height, signal });
    const trace = createChainTrace({ chain, inbox, execution: await unitsOf() }, claim, signal);
    const label = `from ${first} to batch ${limit}`;
    assert.equal(toHex(await trace.node(height, 0)), toHex(range.root), label);
    const last = 2 ** height - 1;
    const positions = [0, range.units >> 1, range.units - 1, range.units, (range.units + last) >> 1, last];
    await holdTrace(trace, {
      origin: gameHash(claim.game),
      judge: await rules,
      positions: [...new Set(positions)].filter((position) => position >= 0 && position <= last),
    });
    if (range.units === 0) continue;
    for (const position of new Set([0, range.units - 1])) {
      const unit = await trace.below(position);
      assert.deepEqual(unit.start, await trace.pre(position));
      const end = 2 ** HEIGHT_1 - 1;
      await holdTrace(unit, {
        origin: keccakOf(utf8("the unit")),
        judge: await rules,
        positions: [0, end >> 1, end],
        leaf: await trace.node(0, position),
      });
    }
  }
});

test("a range that begins with another state is not walked", async () => {
  const claim = await gameFrom(2, BATCHES, 10);
  const { chain, inbox } = await derived;
  const other = { ...claim, start: keccakOf(utf8("another state")) };
  const trace = createChainTrace({ chain, inbox, execution: notAsked }, other, signal);
  await assert.rejects(trace.node(0, 0), { code: "TRACE_CHAIN_MOVED" });
});

test("what L1 changed under a tree is noticed when a state is shown", async () => {
  const claim = await gameFrom(0, BATCHES, 10);
  const { chain, inbox } = await derived;
  let dropped = 0n;
  const changing = { ...inbox, record: (index: bigint) => inbox.record(index - dropped < 0n ? 0n : index - dropped) };
  const trace = createChainTrace({ chain, inbox: changing, execution: notAsked }, claim, signal);
  await trace.node(0, 0);
  dropped = 1n;
  await assert.rejects(trace.evidence(40), (error: { readonly code?: string }) =>
    ["TRACE_CHAIN_MOVED", "UNITS_OTHER_BLOCK"].includes(error.code ?? ""),
  );
});

test("nothing is said while data is missing", async () => {
  const claim = await gameFrom(0, BATCHES, 10);
  const { chain, inbox } = await derived;
  const gap = { ...inbox, record: (index: bigint) => (index === 4n ? undefined : inbox.record(index)) };
  const trace = createChainTrace({ chain, inbox: gap, execution: notAsked }, claim, signal);
  for (const ask of [() => trace.node(10, 0), () => trace.pre(1), () => trace.leafKind(0), () => trace.evidence(0)])
    await assert.rejects(ask, { code: "UNITS_INBOX_GAP" });
});
