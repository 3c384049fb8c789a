import assert from "node:assert/strict";
import { test } from "node:test";
import { GENESIS_PLACE, gameHash, levelBase } from "../../bridge/index.ts";
import { createChainTrace, createExecution, createTraceMemory, LEVEL, type Trace } from "../../challenger/index.ts";
import { holdTrace } from "../../challenger/trace/trace.fixture.ts";
import { ETHER, openChain, sign, withoutModels } from "../../executor/chain/chain.fixture.ts";
import {
  ADDRESS,
  type Bytes,
  type ClaimId,
  type CommittedBlob,
  chainStateAt,
  commitBlob,
  concat,
  createGenesis,
  DEVNET_PARAMETERS,
  decodeBlobs,
  encodeBlobs,
  fromHex,
  type Hex,
  hashChainState,
  keccakOf,
  modelRecordOf,
  programId,
  recordSlot,
  runReference,
  toHex,
  type UnitSource,
  uintBE,
  utf8,
} from "../../executor/index.ts";
import { deriveBatches, MEDIA, type Medium } from "../../executor/machine/machine.fixture.ts";
import { deployLeafRules } from "../support/leaf-rules.ts";
import { createRandom, randomInput, randomProgram } from "../support/random-program.ts";

const HEIGHTS = [6, 25] as const;
const { signal } = new AbortController();

const program = randomProgram(createRandom(12));
const id = programId(program);
const models = {
  ...withoutModels,
  run: async (_: Hex, input: Bytes) => runReference(program, input).output,
  program: async () => program,
  artifact: () => Promise.reject(new Error("there is no artifact")),
};

/** A chain in which one transaction calls the model. */
const deriveInference = async (medium: Medium) => {
  const { gas, inputBytes, outputBytes, operators } = modelRecordOf(program);
  const packed =
    (gas << 192n) | (BigInt(inputBytes) << 160n) | (BigInt(outputBytes) << 128n) | (BigInt(operators) << 96n) | 1n;
  const { alloc } = createGenesis(DEVNET_PARAMETERS, {});
  const registry = alloc[ADDRESS.modelRegistry];
  const storage = { [toHex(recordSlot(fromHex(id)))]: toHex(uintBE(packed, 32)) };
  const chain = await openChain({ alloc: { [ADDRESS.modelRegistry]: { ...registry, storage } }, models });
  const data = toHex(concat(fromHex(id), randomInput(createRandom(5), program)));
  const envelopes = [
    await sign({ nonce: 0, to: `0x${"77".repeat(20)}`, value: ETHER }),
    await sign({ nonce: 1, to: ADDRESS.infer, data, gas: 10_000_000n }),
  ];
  const blobs: CommittedBlob[] = [];
  const spoil = (data: Bytes): Bytes => (medium === "blobs" ? decodeBlobs(encodeBlobs(data)) : data);
  const inbox = await deriveBatches(chain, [{ blocks: [envelopes] }], spoil);
  const { data: posted, origin, delayedEnd } = inbox.record(0n) as NonNullable<ReturnType<typeof inbox.record>>;
  if (medium === "blobs") blobs.push(...(await Promise.all(encodeBlobs(posted).map(commitBlob))));
  const hashes = blobs.map(({ hash }) => hash);
  const record = { medium, data: posted, origin, delayedEnd, hashes: hashes.map((hash) => fromHex(hash)) };
  return {
    chain,
    source: { record: (index: bigint) => (index === 0n ? record : undefined), message: inbox.message } as UnitSource,
    inbox,
    blobs: { hashes: () => hashes, blob: (hash: Hex) => blobs.find((one) => one.hash === hash)?.bytes },
    judge: await deployLeafRules({ height1: HEIGHTS[1], most2: 18, most3: 29 }, { records: [record], messages: [] }),
  };
};

const leafOfKind = async (trace: Trace, kind: string, from = 0): Promise<number> => {
  for (let position = from; position < 2_000; position++)
    if ((await trace.leafKind(position)).kind === kind) return position;
  throw new Error(`no leaf to ${kind}`);
};

const GAME = {
  l1ChainId: 31337n,
  registry: `0x${"a1".repeat(20)}` as const,
  parent: toHex(keccakOf(utf8("the parent"))) as ClaimId,
  limitBatch: 1n,
  lineage: toHex(keccakOf(utf8("the inbox"))),
};
/** Units: begin, two transactions, end, skip. */
const CALL = 2;

/** The claim about all that was derived. */
const openClaim = async (
  { chain, inbox, source, blobs }: Awaited<ReturnType<typeof deriveInference>>,
  memory = createTraceMemory(),
) => {
  const start = hashChainState(chainStateAt(chain, 0n, GENESIS_PLACE.position));
  const execution = await createExecution({ chain, inbox: source, models, blobs, memory }, HEIGHTS[1]);
  const from = { game: GAME, from: GENESIS_PLACE, start, heights: HEIGHTS };
  return { start, claim: createChainTrace({ chain, inbox, execution }, from, signal) };
};

test("from a claim down to an element of a model, every level ends in the leaf above it", async () => {
  const origin = gameHash(GAME);
  for (const medium of MEDIA) {
    const derived = await deriveInference(medium);
    const { judge } = derived;
    const { start, claim } = await openClaim(derived);
    const unit = await claim.below(CALL);
    const leafOfUnit = await claim.node(0, CALL);
    const infer = await leafOfKind(unit, "refine");
    const last = 2 ** unit.height - 1;
    const padding = await firstPadding(unit, leafOfUnit);
    assert.ok(infer < padding);
    const ordinary = [0, 1, infer - 1, infer + 1, padding - 1];
    await holdTrace(unit, {
      origin: levelBase(origin, start),
      judge,
      positions: [...ordinary, infer, padding, padding + 1, (padding + last) >> 1, last],
      leaf: leafOfUnit,
    });
    const inference = await unit.below(infer);
    const finish = program.operators.length;
    const above = keccakOf(utf8("the leaf of level 1"));
    await holdTrace(inference, {
      origin: above,
      judge,
      positions: [0, finish - 1, finish, 2 ** inference.height - 1],
      leaf: await unit.node(0, infer),
    });
    for (let operator = 0; operator < finish; operator++) {
      const tensor = await inference.below(operator);
      assert.ok(tensor.level >= LEVEL.tensor);
      await holdTrace(tensor, {
        origin: above,
        judge,
        positions: [0, 2 ** tensor.height - 1],
        above: { trace: inference, operator, origin: above },
      });
    }
  }
});

/** The first leaf that is padding: the one behind the first that equals the last. */
const firstPadding = async (unit: Trace, end: Bytes): Promise<number> => {
  let position = 0;
  while (toHex(await unit.node(0, position)) !== toHex(end)) position++;
  return position + 1;
};

test("a unit that the chain sees otherwise has no tree", async () => {
  const { chain, source, blobs } = await deriveInference("calldata");
  const execution = await createExecution({ chain, inbox: source, models, blobs }, HEIGHTS[1]);
  const pre = chainStateAt(chain, 0n, GENESIS_PLACE.position);
  const other = { ...pre, timestamp: pre.timestamp + 1n };
  await assert.rejects(execution({ pre: other, place: GENESIS_PLACE }, signal), { code: "TRACE_CONTRADICTED" });
});

test("traces that hold next to nothing between questions answer as those that hold everything", async () => {
  const derived = await deriveInference("calldata");
  const unit = await (await openClaim(derived)).claim.below(CALL);
  const { claim } = await openClaim(derived, createTraceMemory({ words: 0, bytes: 0 }));
  // Each question to one makes the other forget.
  const units = [await claim.below(CALL), await claim.below(CALL)] as const;
  const infer = await leafOfKind(unit, "refine");
  for (const position of [infer + 1, 3, infer, 70, 1, 0])
    for (const forgetful of units)
      for (const height of [0, 3, 7])
        assert.deepEqual(
          [await forgetful.node(height, position >> height), await forgetful.evidence(position)],
          [await unit.node(height, position >> height), await unit.evidence(position)],
        );
  const inference = await unit.below(infer);
  for (const forgetful of [await units[0].below(infer), await units[1].below(infer)])
    for (const operator of [program.operators.length - 1, 0]) {
      const [one, other] = [await inference.below(operator), await forgetful.below(operator)];
      assert.deepEqual([other.height, await other.node(0, 0)], [one.height, await one.node(0, 0)]);
      assert.deepEqual(await forgetful.evidence(operator), await inference.evidence(operator));
    }
});
