import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createPublicClient, custom, type PublicClient, parseEther } from "viem";
import {
  type Archive,
  createL1ArtifactSource,
  createModelPublisher,
  depositCall,
  depositEnvelope,
  enqueueCall,
} from "../../bridge/index.ts";
import {
  ADDRESS,
  type ArtifactSource,
  type Bytes,
  type Chunk,
  COLUMN,
  calldataChunk,
  commitBlob,
  concat,
  contentHashOf,
  contentOf,
  createAssembly,
  createMemoryStore,
  createModelRuntime,
  decodeBlobs,
  encodeManifest,
  encodeProgram,
  fromHex,
  type Hex,
  hasCode,
  type KeyValueStore,
  keccak256,
  keccakOf,
  MAX_CHUNK_BYTES,
  programId,
  toHex,
} from "../../executor/index.ts";
import { type Anvil, startAnvil } from "../support/anvil.ts";
import {
  batchOf,
  l2Account,
  layOut,
  type Node,
  SEQUENCER,
  startNode,
  startSender,
  telemetry,
  tip,
  transfer,
} from "../support/l2-node.ts";

const USER = 2;
const PUBLISHER = 4;

const originOf = (node: Node) => {
  const { head } = node.source;
  assert.ok(head);
  return { number: head.number, timestamp: head.timestamp };
};

/** L1 of which a test says what it answers. */
const through = (l1: Anvil, answer: (method: string, params: unknown, ask: () => Promise<unknown>) => unknown) =>
  createPublicClient({
    transport: custom(
      {
        request: async ({ method, params }) =>
          answer(method, params, () => l1.client.request({ method, params } as never)),
      },
      { retryCount: 0 },
    ),
    cacheTime: 0,
  }) as PublicClient;

/** L1 that has pruned its transactions. */
const pruned = (l1: Anvil): PublicClient =>
  through(l1, (method, _params, ask) => (method === "eth_getTransactionByHash" ? null : ask()));

const setUp = async (t: TestContext) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  const modelsOn = async () => {
    const store = createMemoryStore();
    const models = await createModelRuntime({ ...telemetry(), store });
    t.after(() => models.stop());
    return { store, models };
  };
  const publish = async (id: Hex, artifact: Bytes): Promise<void> => {
    const { transactor } = startSender(l1, PUBLISHER);
    const { modelRegistry } = layout.contracts;
    const publisher = createModelPublisher({ ...telemetry(), client: l1.client, transactor }, modelRegistry);
    let done = false;
    const published = publisher
      .plan({ id, artifact, name: "" }, "calldata")
      .then((plan) => publisher.publish(plan))
      .finally(() => {
        done = true;
      });
    published.catch(() => undefined);
    while (!done) {
      await transactor.tick();
      await l1.mine();
      await transactor.tick();
    }
    await published;
  };
  return { l1, layout, modelsOn, publish };
};

/** Bytes that are no program, in three chunks. */
const ARTIFACT = Uint8Array.from({ length: 250_000 }, (_, i) => (i * 31 + (i >> 8)) & 255);
const CHUNKS = [0, 1, 2].map((i) => ARTIFACT.subarray(i * MAX_CHUNK_BYTES, (i + 1) * MAX_CHUNK_BYTES));
const LISTED = CHUNKS.map(calldataChunk);
const CONTENT_HASH = contentHashOf(contentOf(LISTED));
const ID: Hex = `0x${"ab".repeat(32)}`;

test("what L1 has pruned comes from an archive, and only with the hash that L1 knows", async (t) => {
  const { l1, layout, modelsOn, publish } = await setUp(t);
  const { store, models } = await modelsOn();
  const sequencer = await startNode(l1, layout, { keepUnsafe: true, store, models });
  await publish(ID, ARTIFACT);
  await sequencer.sync();
  const origin = originOf(sequencer);
  const { block } = await sequencer.build([await transfer(0, 0)], origin);
  await startSender(l1, SEQUENCER).land(batchOf(layout, sequencer, [block], { index: 0n, origin }));
  await sequencer.sync();

  let archive: Archive | undefined;
  const asked: string[] = [];
  const verifier = await startNode(l1, layout, {
    ...(await modelsOn()),
    client: pruned(l1),
    async archive(kind, hash, signal) {
      asked.push(kind);
      return archive?.(kind, hash, signal);
    },
  });
  const fails = async (code: string) => {
    await assert.rejects(verifier.sync(), (error) => hasCode(error, code));
    assert.equal(verifier.chain.heads.safe, 0n);
  };
  await fails("L1_DATA_MISSING");
  archive = async () => new Uint8Array(5);
  await fails("L1_DATA_MISMATCH");
  archive = async (kind, hash) => (kind === "batch" ? sequencer.source.batchData(hash) : models.content(kind, hash));
  asked.length = 0;
  await verifier.sync();
  assert.deepEqual(tip(verifier.chain), tip(sequencer.chain));
  assert.deepEqual(asked.toSorted(), ["batch", "chunk", "chunk", "chunk"]);

  const stranded = await startNode(l1, layout, { client: pruned(l1) });
  await assert.rejects(stranded.sync(), (error) => hasCode(error, "L1_DATA_MISSING"));
  // A transaction that is elsewhere is an L1 that changes: nobody else is asked.
  const changing = await startNode(l1, layout, {
    client: through(l1, async (method, _params, ask) =>
      method === "eth_getTransactionByHash"
        ? { ...((await ask()) as object), blockHash: `0x${"11".repeat(32)}` }
        : ask(),
    ),
    archive: () => assert.fail("the archive is not asked"),
  });
  await assert.rejects(changing.sync(), (error) => hasCode(error, "L1_DATA_MISSING"));
});

test("a batch is found by its hash as long as L1 holds it, whatever L1 reorganises", async (t) => {
  const { l1, layout } = await setUp(t);
  const store = createMemoryStore();
  const node = await startNode(l1, layout, { keepUnsafe: true, store });
  const batcher = startSender(l1, SEQUENCER);
  await node.sync();
  const origin = originOf(node);
  const one = await node.build([await transfer(0, 0)], origin);
  const two = await node.build([await transfer(0, 1)], origin);
  await batcher.land(batchOf(layout, node, [one.block], { index: 0n, origin }));
  // The same bytes again: its envelope is a no-op by then.
  await batcher.land(batchOf(layout, node, [one.block], { index: 1n, origin }));
  await batcher.land(batchOf(layout, node, [two.block], { index: 2n, origin }));
  await node.source.sync();
  const [first, , third] = [0n, 1n, 2n].map((index) => {
    const record = node.source.record(index);
    assert.ok(record);
    assert.deepEqual(node.source.batchData(record.dataHash), record.data);
    assert.deepEqual(toHex(keccak256(record.data)), record.dataHash);
    return record;
  });
  assert.ok(first && third);
  const unknown = toHex(keccakOf(first.data, third.data));
  assert.equal(node.source.batchData(unknown), undefined);

  await l1.reorg(2);
  await node.source.sync();
  assert.equal(node.source.recordCount, 1n);
  assert.deepEqual(node.source.batchData(first.dataHash), first.data);
  assert.equal(node.source.batchData(third.dataHash), undefined);
  // The transactor sends what was lost again by itself.
  await batcher.transactor.tick();
  await l1.mine();
  await node.source.sync();
  assert.equal(node.source.recordCount, 3n);
  assert.deepEqual(node.source.batchData(third.dataHash), third.data);
  // The next life has the index too.
  const again = await startNode(l1, layout, { store });
  assert.deepEqual(again.source.batchData(third.dataHash), third.data);
  assert.deepEqual(again.source.batchData(first.dataHash), first.data);
});

test("a deposit is known by its envelope; none is denied before L1 was read so far", async (t) => {
  const { l1, layout } = await setUp(t);
  const user = startSender(l1, USER);
  const to = l2Account(7).address.toLowerCase() as Hex;
  const node = await startNode(l1, layout);
  const strange = depositEnvelope(layout.contracts.batchInbox, 9n, {
    from: to,
    to,
    mint: 1n,
    value: 1n,
    gas: 100_000n,
    data: new Uint8Array(0),
  });
  assert.equal(node.source.isDeposit(strange, 0n), undefined, "nothing was read");
  await node.source.sync();
  const before = originOf(node).number;
  assert.equal(node.source.isDeposit(strange, before), false);
  assert.equal(node.source.isDeposit(strange, before + 1n), undefined);

  const call = { to, mint: parseEther("2"), value: parseEther("2"), gas: 100_000n, data: new Uint8Array(0) };
  await user.land(
    depositCall(layout.contracts.portal, call),
    enqueueCall(layout.contracts.batchInbox, strange, 50_000n),
  );
  await node.source.sync();
  const envelope = node.source.message(0n)?.envelope;
  assert.ok(envelope);
  const { number } = originOf(node);
  for (const origin of [before, number, number + 100n]) assert.equal(node.source.isDeposit(envelope, origin), true);
  assert.deepEqual(node.source.message(1n)?.envelope, strange);
  assert.equal(node.source.isDeposit(strange, number), false, "anyone queues raw bytes");
  const changed = Uint8Array.from(envelope);
  changed[changed.length - 1] = (changed.at(-1) as number) ^ 1;
  assert.equal(node.source.isDeposit(changed, number), false);

  await l1.reorg(Number(number - before));
  await node.source.sync();
  assert.equal(node.source.messageCount, 0n);
  assert.equal(node.source.isDeposit(envelope, before), false);
});

type ArtifactKeeper = Parameters<ArtifactSource["retrieve"]>[1];

/** Keeps in memory what has the right hash. */
const createKeeper = () => {
  let manifest: readonly Chunk[] | undefined;
  const chunks = new Map<Hex, Bytes>();
  const keeper: ArtifactKeeper = {
    manifest: (contentHash) => (contentHash === CONTENT_HASH ? manifest : undefined),
    hasChunk: ({ hash }) => chunks.has(hash),
    async putManifest(contentHash, bytes) {
      assert.equal(contentHash, CONTENT_HASH);
      assert.deepEqual(bytes, encodeManifest(LISTED));
      manifest = LISTED;
    },
    async putChunk(hash, chunk) {
      assert.equal(toHex(keccak256(chunk)), hash);
      assert.equal(chunks.has(hash), false, "nothing is read twice");
      chunks.set(hash, chunk);
    },
    async putBlob(hash, blob) {
      assert.equal((await commitBlob(blob)).hash, hash);
      assert.equal(chunks.has(hash), false, "nothing is read twice");
      chunks.set(hash, decodeBlobs([blob]));
    },
  };
  return { keeper, chunks };
};

test("an artifact is read again from L1, in windows that L1 allows, and goes on where it broke off", async (t) => {
  const { l1, layout, publish } = await setUp(t);
  await publish(`0x${"cd".repeat(32)}`, Uint8Array.of(1, 2, 3));
  await publish(ID, ARTIFACT);
  await l1.mine(30);
  const { signal } = new AbortController();
  const widths: bigint[] = [];
  let isLost = true;
  const client = through(l1, async (method, params, ask) => {
    if (method === "eth_getLogs") {
      const [{ fromBlock, toBlock }] = params as [{ fromBlock: Hex; toBlock: Hex }];
      widths.push(BigInt(toBlock) - BigInt(fromBlock) + 1n);
      if ((widths.at(-1) as bigint) > 12n) throw new Error("too many blocks");
    }
    const answer = await ask();
    if (method !== "eth_getTransactionByHash" || !isLost) return answer;
    const { input } = answer as { input: Hex };
    return input.includes(toHex(CHUNKS[1] as Bytes).slice(2)) ? null : answer;
  });
  const source = createL1ArtifactSource({ client }, { deployment: layout, window: 40n });
  const { keeper, chunks } = createKeeper();
  await source.retrieve(CONTENT_HASH, keeper, signal);
  assert.equal(chunks.size, 2);
  assert.equal(keeper.hasChunk(LISTED[1] as Chunk), false, "what L1 has pruned is missing, the others are here");
  assert.ok(widths.some((width) => width > 12n) && widths.filter((width) => width <= 10n).length > 3);
  isLost = false;
  await source.retrieve(CONTENT_HASH, keeper, signal);
  assert.deepEqual(concat(...CHUNKS.map((chunk) => chunks.get(toHex(keccak256(chunk))) as Bytes)), ARTIFACT);

  assert.deepEqual(await source.locate?.(ID, signal), [CONTENT_HASH]);
  assert.deepEqual(await source.locate?.(CONTENT_HASH, signal), []);
  await source.retrieve(ID, keeper, signal);
  const aborted = AbortSignal.abort(new Error("broken off"));
  await assert.rejects(source.retrieve(CONTENT_HASH, createKeeper().keeper, aborted), /broken off/);
  const dead = createL1ArtifactSource(
    { client: through(l1, () => Promise.reject(new Error("no L1"))) },
    { deployment: layout },
  );
  await assert.rejects(dead.retrieve(CONTENT_HASH, createKeeper().keeper, signal));
});

/** Gives its only input again: 32 bytes. */
const echo = () => {
  const assembly = createAssembly();
  const x = assembly.input({ dtype: "u8", output: [32], interval: { lo: 0, hi: 255 } });
  const y = assembly.operator({
    kind: "MOVE",
    dtype: "u8",
    output: [32],
    fill: 0,
    operands: [{ ref: x, stride: [1] }],
  });
  const program = assembly.finish({ outputs: [y], meta: new Uint8Array(0) });
  return { id: programId(program), artifact: encodeProgram(program) };
};

test("a node whose disk lost a model takes it from L1 again, for the block that registers it and for calls", async (t) => {
  const { l1, layout, publish } = await setUp(t);
  const model = echo();
  await publish(model.id, model.artifact);
  const open = async (keepUnsafe: boolean, sources: readonly ArtifactSource[]) => {
    const store = createMemoryStore();
    const models = await createModelRuntime({ ...telemetry(), store }, { sources });
    t.after(() => models.stop());
    return { ...(await startNode(l1, layout, { keepUnsafe, store, models })), models };
  };
  const sequencer = await open(true, []);
  await sequencer.sync();
  const origin = originOf(sequencer);
  const { block, receipts } = await sequencer.build(sequencer.delayed(0n, 1n), origin);
  assert.equal(receipts[0]?.status, 1);
  await startSender(l1, SEQUENCER).land(
    batchOf(layout, sequencer, [block], { index: 0n, origin, delayedEnd: 1n, taken: 1 }),
  );
  await sequencer.sync();

  const forget = (store: KeyValueStore) =>
    store.write(
      [COLUMN.artifact, COLUMN.modelChunk].flatMap((column) =>
        [...store.scan({ gte: Uint8Array.of(column), lt: Uint8Array.of(column + 1) })].map(
          ([key]) => ({ type: "del", key }) as const,
        ),
      ),
    );
  const source = createL1ArtifactSource({ client: l1.client }, { deployment: layout });
  const verifier = await open(false, [source]);
  await verifier.source.sync();
  await forget(verifier.store);
  await verifier.follower.sync();
  // Gas of the registration is in the block: it does not depend on what is on disk.
  assert.deepEqual(tip(verifier.chain), tip(sequencer.chain));

  await forget(verifier.store);
  const data = concat(fromHex(model.id), new Uint8Array(32).fill(7));
  const answer = await verifier.chain.call({ to: ADDRESS.infer, data, gas: 1_000_000n }, 1n);
  assert.deepEqual(new Uint8Array(answer.data), new Uint8Array(32).fill(7));
  assert.equal(
    verifier.models.artifactLength(contentHashOf(contentOf([calldataChunk(model.artifact)]))),
    model.artifact.length,
  );
});
