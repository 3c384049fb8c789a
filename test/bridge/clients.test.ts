import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeFunctionData, type Hex } from "viem";
import {
  chunksOf,
  createModelPublisher,
  createTransactor,
  modelRegistry,
  readInbox,
  registrationGas,
} from "../../bridge/index.ts";
import {
  type Bytes,
  calldataChunk,
  concat,
  contentHashOf,
  contentOf,
  encodeProgram,
  hasCode,
  importOnnx,
  programId,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import { account, startAnvil } from "../support/anvil.ts";
import { hooked } from "../support/hooked-client.ts";
import { hugeModel } from "../support/huge-model.ts";
import { GWEI, layOut, startNode, startSender, telemetry } from "../support/l2-node.ts";

const OPERATOR = 3;
const SINK: Hex = "0x00000000000000000000000000000000000051ce";
const pay = (value: bigint) => ({ to: SINK, data: "0x" as Hex, value, gas: 21_000n });
/** A contract that reverts whatever comes. */
const WALL: Hex = "0x0000000000000000000000000000000000000a11";

const settled = async (promise: Promise<unknown>) => {
  const outcome = await Promise.race([
    promise.then(
      () => "resolved",
      () => "rejected",
    ),
    Promise.resolve("waiting"),
  ]);
  return outcome;
};

test("transactions of one account are pipelined in order and confirmed at the depth asked for", async (t) => {
  const l1 = await startAnvil(t);
  await l1.manual();
  const { transactor } = startSender(l1, OPERATOR, { maxPending: 3, maxQueued: 5, confirmations: 2n });
  const sent = [1n, 2n, 3n, 4n, 5n].map((value) => transactor.send(pay(value)));
  await assert.rejects(transactor.send(pay(6n)), (error) => hasCode(error, "TRANSACTOR_FULL"));
  await transactor.tick();
  assert.equal((await l1.mempool()).length, 3);
  await l1.mine();
  assert.equal(await l1.client.getBalance({ address: SINK }), 6n);
  await transactor.tick();
  assert.equal(await settled(sent[0] as Promise<unknown>), "waiting");
  assert.equal(transactor.pending, 5);
  await l1.mine();
  await transactor.tick();
  const first = await (sent[0] as (typeof sent)[number]);
  assert.equal(first.status, "success");
  assert.equal(transactor.pending, 2);
  await l1.mine(2);
  await transactor.tick();
  await Promise.all(sent);
  assert.equal(await l1.client.getBalance({ address: SINK }), 15n);
  assert.equal(await l1.client.getTransactionCount({ address: account(OPERATOR).address }), 5);
});

test("a transaction that waits too long is sent again for more, never above the limit", async (t) => {
  const l1 = await startAnvil(t);
  await l1.manual();
  const { transactor, registry } = startSender(l1, OPERATOR, { patience: 2n, maxFeePerGas: 5n * GWEI, tip: GWEI / 2n });
  const sent = transactor.send(pay(1n));
  await transactor.tick();
  const fees: bigint[] = [];
  for (let i = 0; i < 12; i++) {
    // A block too small for it.
    await l1.control.setBlockGasLimit({ gasLimit: 20_000n });
    await l1.mine();
    await l1.control.setBlockGasLimit({ gasLimit: 30_000_000n });
    await transactor.tick();
    const waiting = await l1.mempool();
    assert.equal(waiting.length, 1);
    fees.push(waiting[0]?.maxFeePerGas ?? 0n);
  }
  assert.ok(new Set(fees).size > 3, `${fees}`);
  assert.ok(
    fees.every((fee, i) => fee <= 5n * GWEI && fee >= (fees[i - 1] ?? 0n)),
    `${fees}`,
  );
  // At the limit it stays as it is.
  const raises = await registry.getSingleMetric("assay_transactor_fee_raises_total")?.get();
  assert.equal(raises?.values[0]?.value, new Set(fees).size - 1);
  await l1.mine();
  await transactor.tick();
  assert.equal((await sent).status, "success");
});

test("a new life replaces what the last one left in the mempool, and finds a nonce that was used meanwhile", async (t) => {
  const l1 = await startAnvil(t);
  await l1.manual();
  const before = startSender(l1, OPERATOR, { tip: 3n * GWEI });
  for (const value of [100n, 200n]) before.transactor.send(pay(value)).catch(() => undefined);
  await before.transactor.tick();
  const { transactor } = startSender(l1, OPERATOR);
  const sent = [1n, 2n, 3n].map((value) => transactor.send(pay(value)));
  // Refused as too cheap a replacement at first, and offered for more until L1 takes it.
  for (let i = 0; i < 12; i++) await transactor.tick();
  await l1.mine();
  await transactor.tick();
  await Promise.all(sent);
  assert.equal(await l1.client.getBalance({ address: SINK }), 6n);

  const late = transactor.send(pay(10n));
  await transactor.tick();
  await l1.dropMempool();
  const stranger = await l1.wallet(OPERATOR).sendTransaction({ ...pay(1000n), nonce: 3 });
  // Until it is sure that no node is behind.
  for (let i = 0; i < 8 && transactor.pending > 0; i++) {
    await l1.mine();
    await transactor.tick();
  }
  assert.equal((await late).status, "success");
  assert.equal((await l1.client.getTransactionReceipt({ hash: stranger })).status, "success");
  assert.equal(await l1.client.getBalance({ address: SINK }), 1016n);
});

test("a node of L1 that is behind makes no second transaction of what is done", async (t) => {
  const l1 = await startAnvil(t);
  await l1.manual();
  const behind = { receipts: false, all: 0 };
  const client = hooked(l1, async (method, params, ask) => {
    if (behind.receipts && method === "eth_getTransactionReceipt") return null;
    if (behind.all === 0) return ask();
    const shown = Number(await l1.client.getBlockNumber({ cacheTime: 0 })) - behind.all;
    const [first, second] = params as [string, string];
    if (method === "eth_getBlockByNumber" && first === "latest")
      return l1.client.request({ method, params: [`0x${shown.toString(16)}`, false] } as never);
    if (method === "eth_getTransactionCount" && second === "latest")
      return l1.client.request({ method, params: [first, `0x${shown.toString(16)}`] } as never);
    return ask();
  });
  const { registry, logger } = telemetry();
  const transactor = createTransactor({ registry, logger, client, account: account(OPERATOR) });
  const sent = [transactor.send(pay(1n)), transactor.send(pay(2n))];
  await transactor.tick();
  await l1.mine();
  // The nonces are used, and whoever is asked for the receipts does not have them yet.
  behind.receipts = true;
  for (let i = 0; i < 2; i++) {
    await transactor.tick();
    await l1.mine();
  }
  behind.receipts = false;
  await transactor.tick();
  for (const { status } of await Promise.all(sent)) assert.equal(status, "success");
  // The head and the nonce are those of a node that has not seen the transactions.
  behind.all = 3;
  const third = transactor.send(pay(4n));
  await transactor.tick();
  assert.equal((await l1.mempool()).length, 1);
  behind.all = 0;
  await l1.mine();
  await transactor.tick();
  assert.equal((await third).status, "success");
  assert.equal(await l1.client.getTransactionCount({ address: account(OPERATOR).address }), 3);
  assert.equal(await l1.client.getBalance({ address: SINK }), 7n);
  const counted = await registry.getSingleMetric("assay_transactor_transactions_total")?.get();
  assert.deepEqual(
    counted?.values.map(({ value }) => value),
    [3],
  );
  await transactor.stop();
});

test("an account that cannot pay waits for money and offers no more for having waited, or is told at once", async (t) => {
  const l1 = await startAnvil(t);
  await l1.manual();
  const { address } = account(OPERATOR);
  await l1.control.setBalance({ address, value: 0n });
  const { transactor, registry } = startSender(l1, OPERATOR, { patience: 2n });
  const sent = [transactor.send(pay(0n)), transactor.send(pay(0n))];
  const { baseFeePerGas } = await l1.client.getBlock();
  await transactor.tick();
  const offered = 2n * (baseFeePerGas ?? 0n) + GWEI;
  for (let i = 0; i < 8; i++) {
    await l1.mine();
    await transactor.tick();
  }
  const raises = await registry.getSingleMetric("assay_transactor_fee_raises_total")?.get();
  assert.equal(raises?.values[0]?.value, 0);
  await l1.control.setBalance({ address, value: 10n ** 18n });
  await transactor.tick();
  await l1.mine();
  await transactor.tick();
  for (const { transactionHash: hash } of await Promise.all(sent))
    assert.equal((await l1.client.getTransaction({ hash })).maxFeePerGas, offered);

  await l1.control.setBalance({ address, value: 0n });
  const hasty = startSender(l1, OPERATOR, { awaitFunds: false });
  const refused = assert.rejects(hasty.transactor.send(pay(0n)), (error) => hasCode(error, "L1_FUNDS"));
  await hasty.transactor.tick();
  await hasty.transactor.tick();
  await refused;
  assert.equal(hasty.transactor.pending, 0);
});

test("a transaction that the mempool lost is sent again", async (t) => {
  const l1 = await startAnvil(t);
  await l1.manual();
  const { transactor } = startSender(l1, OPERATOR);
  const sent = transactor.send(pay(1n));
  await transactor.tick();
  await l1.dropMempool();
  await l1.mine();
  await transactor.tick();
  await l1.mine();
  await transactor.tick();
  assert.equal((await sent).status, "success");
});

test("reverts are told apart from waiting, before and after L1 executes; stopping rejects the rest", async (t) => {
  const l1 = await startAnvil(t);
  await l1.manual();
  await l1.control.setCode({ address: WALL, bytecode: "0x5f5ffd" });
  const { transactor } = startSender(l1, OPERATOR);
  const isRevert = (error: unknown) => hasCode(error, "L1_REVERTED");
  const estimated = assert.rejects(transactor.send({ to: WALL, data: "0x" }), isRevert);
  const executed = assert.rejects(transactor.send({ to: WALL, data: "0x", estimate: async () => 100_000n }), isRevert);
  const after = transactor.send(pay(1n));
  await transactor.tick();
  await estimated;
  await l1.mine();
  await transactor.tick();
  await executed;
  assert.equal((await after).status, "success");
  const open = assert.rejects(transactor.send(pay(1n)), (error) => hasCode(error, "TRANSACTOR_STOPPED"));
  await transactor.stop();
  await open;
  await assert.rejects(transactor.send(pay(1n)), (error) => hasCode(error, "TRANSACTOR_STOPPED"));
});

test("a model is published in chunks, each sent once, and its bytes reach a reader before the message that names it", async (t) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  const sender = startSender(l1, OPERATOR);
  const { logger } = telemetry();
  const publisher = createModelPublisher(
    { logger, client: l1.client, transactor: sender.transactor },
    layout.contracts.modelRegistry,
  );
  const artifact = Uint8Array.from({ length: 250_000 }, (_, i) => (i * 31 + (i >> 8)) & 255);
  const id: Hex = `0x${"ab".repeat(32)}`;
  const chunks = (await chunksOf(artifact, "calldata")).map(({ bytes }) => bytes);
  assert.deepEqual(
    chunks.map(({ length }) => length),
    [98_304, 98_304, 53_392],
  );
  assert.deepEqual(concat(...chunks), artifact);
  // The second chunk is there already, from an attempt that broke off.
  await sender.land({
    to: layout.contracts.modelRegistry,
    data: encodeFunctionData({ abi: modelRegistry.abi, functionName: "post", args: [toHex(chunks[1] as Bytes)] }),
  });
  const run = async (name: string) => {
    const published = publisher.plan({ id, artifact, name }, "calldata").then((plan) => publisher.publish(plan));
    let done = false;
    void published
      .finally(() => {
        done = true;
      })
      .catch(() => undefined);
    while (!done) {
      await sender.transactor.tick();
      await l1.mine();
      await sender.transactor.tick();
    }
    return published;
  };
  const { program } = importOnnx(hugeModel());
  const huge = { id: programId(program), artifact: encodeProgram(program), name: "" };
  await assert.rejects(
    publisher.plan(huge, "calldata"),
    (error) => hasCode(error, "MODEL_UNCALLABLE") && /transaction gas cap/.test(String(error)),
  );
  const first = await run("digits@1.0");
  assert.deepEqual([first.chunks, first.posted], [3, 2]);
  const second = await run("digits@1.0");
  assert.deepEqual([second.chunks, second.posted], [3, 0]);
  await assert.rejects(run("Digits"), (error) => hasCode(error, "L1_REVERTED"));
  assert.equal((await readInbox(l1.client, layout.contracts.batchInbox)).messageCount, 2n);

  const stored: Bytes[] = [];
  let broken = true;
  let visible: bigint | undefined;
  const node = await startNode(l1, layout, {
    window: 1n,
    models: {
      run: async () => undefined,
      admit: () => Promise.reject(new Error("not asked here")),
      stop: async () => undefined,
      async putChunks(pieces) {
        const parts = pieces.filter((piece) => piece instanceof Uint8Array);
        assert.equal(parts.length, pieces.length);
        visible ??= node.source.messageCount;
        if (broken) throw new Error("the disk is full");
        stored.push(concat(...parts));
        return contentHashOf(contentOf(parts.map(calldataChunk)));
      },
    },
  });
  await assert.rejects(node.source.sync());
  // INVARIANT: as long as the bytes are not kept, the message that needs them is not seen.
  assert.equal(node.source.messageCount, 0n);
  broken = false;
  await node.source.sync();
  assert.equal(visible, 0n);
  assert.equal(node.source.messageCount, 2n);
  assert.deepEqual(stored, [artifact, artifact]);
  assert.ok((node.source.message(0n)?.gas ?? 0n) === registrationGas(artifact));
});

test("gas of a registration follows the artifact's size and its names and shapes", () => {
  const artifact = new Uint8Array(96);
  artifact.set(uintBE(320, 4), 44);
  assert.equal(registrationGas(artifact), 300_000n + 24n + 250_000n);
  artifact.set(uintBE(65_536, 4), 44);
  assert.equal(registrationGas(artifact), 2n ** 24n);
  assert.equal(registrationGas(new Uint8Array(3)), 300_002n);
});
