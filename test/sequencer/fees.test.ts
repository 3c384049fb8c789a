import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { JsonRpcProvider, Wallet } from "ethers";
import { createPublicClient, createWalletClient, defineChain, type Hex, http, parseGwei, toHex } from "viem";
import { chainConfig, publicActionsL2 } from "viem/op-stack";
import {
  createMemoryStore,
  createRpcServer,
  DEVNET_PARAMETERS,
  fromHex,
  hasCode,
  uintBE,
} from "../../executor/index.ts";
import { foundryBinary } from "../../infra/index.ts";
import { createStage, l2Account, type SequencerActor, type Stage, telemetry } from "../support/stage.ts";
import { TOKEN } from "../support/token.ts";

const CHAIN_ID = Number(DEVNET_PARAMETERS.chainId);
const bob = l2Account(7).address;
const CREATION: Hex = `${TOKEN.bytecode}${"00".repeat(32)}`;
const BASE_FEES = ["1", "30", "300"] as const;
const MODES = ["calldata", "blobs"] as const;

/** A chain whose sequencer knows L1 at this base fee. */
const priced = async ({ anvil }: Stage, sequencer: SequencerActor, gwei: string): Promise<void> => {
  await anvil.control.setNextBlockBaseFeePerGas({ baseFeePerGas: parseGwei(gwei) });
  await anvil.mine();
  await sequencer.l1.sync();
  await sequencer.poster.tick();
};

type Request = {
  readonly from?: number;
  readonly nonce: number;
  readonly data?: Hex;
  readonly gas?: bigint;
  readonly tip: bigint;
};
const sign = async ({ from = 0, nonce, data = "0x", gas = 21_000n, tip }: Request) =>
  fromHex(
    await l2Account(from).signTransaction({
      type: "eip1559",
      chainId: CHAIN_ID,
      nonce,
      to: bob,
      data,
      gas,
      maxFeePerGas: tip + parseGwei("2"),
      maxPriorityFeePerGas: tip,
    }),
  );
/** The tip that the pool wants when it refuses; undefined when it takes the transaction. */
const refusal = async (sequencer: SequencerActor, request: Request): Promise<bigint | undefined> => {
  try {
    await sequencer.pool.submit(await sign(request));
    return undefined;
  } catch (error) {
    assert.ok(hasCode(error, "POOL_DATA_FEE"), String(error));
    return (error as unknown as { data: { needed: bigint } }).data.needed;
  }
};

/** What L1 took for batches since a block, in wei. */
const takenByL1 = async ({ anvil, deployment }: Stage, since: bigint): Promise<bigint> => {
  let taken = 0n;
  const head = await anvil.client.getBlockNumber();
  for (let blockNumber = since + 1n; blockNumber <= head; blockNumber++) {
    const { transactions } = await anvil.client.getBlock({ blockNumber, includeTransactions: true });
    for (const { hash, to } of transactions.filter((one) => one.to === deployment.contracts.batchInbox)) {
      assert.ok(to);
      const receipt = await anvil.client.getTransactionReceipt({ hash });
      const { gasUsed, effectiveGasPrice, blobGasUsed = 0n, blobGasPrice = 0n } = receipt;
      taken += gasUsed * effectiveGasPrice + blobGasUsed * blobGasPrice;
    }
  }
  return taken;
};

/** What senders paid above the base fee, in the blocks after one. */
const paidInTips = (sequencer: SequencerActor, since: bigint): bigint => {
  const { chain } = sequencer;
  let paid = 0n;
  for (let number = since + 1n; number <= chain.head.header.number; number++) {
    const fee = chain.blockByNumber(number)?.header.baseFeePerGas ?? 0n;
    for (const { gasUsed, effectiveGasPrice } of chain.receipts(number) ?? [])
      paid += gasUsed * (effectiveGasPrice - fee);
  }
  return paid;
};

for (const data of MODES)
  test(`200 KB cost their senders at least what L1 takes for them, in ${data}`, { timeout: 120_000 }, async (t) => {
    const stage = await createStage(t);
    const sequencer = await stage.sequencer(createMemoryStore(), { batches: { data } });
    await sequencer.follow();
    let nonce = 0;
    for (const gwei of BASE_FEES)
      for (const byte of ["00", "11"]) {
        await priced(stage, sequencer, gwei);
        const [l1, l2] = [await stage.anvil.client.getBlockNumber(), sequencer.chain.head.header.number];
        const gas = byte === "00" ? 690_000n : 2_690_000n;
        const request = { data: `0x${byte.repeat(66_667)}`, gas, nonce } as const;
        const needed = await refusal(sequencer, { ...request, tip: 1n });
        assert.ok(needed !== undefined && needed > 1n);
        assert.ok(await refusal(sequencer, { ...request, tip: (needed * 99n) / 100n }), "no less than was named");
        for (let from = 0; from < 3; from++)
          assert.equal(await refusal(sequencer, { ...request, from, tip: needed }), undefined);
        while ((await sequencer.producer.produce()) !== undefined);
        assert.deepEqual(sequencer.pool.status(), { ready: 0, queued: 0 });
        await stage.anvil.control.setNextBlockBaseFeePerGas({ baseFeePerGas: parseGwei(gwei) });
        for (let i = 0; i < 3; i++) await sequencer.post();
        await sequencer.follower.sync();
        assert.equal(sequencer.chain.heads.safe, sequencer.chain.head.header.number);
        const [paid, taken] = [paidInTips(sequencer, l2), await takenByL1(stage, l1)];
        t.diagnostic(`${gwei} gwei, bytes ${byte}: paid ${(Number(paid) / Number(taken)).toFixed(2)} of what L1 took`);
        assert.ok(taken > 0n && paid >= taken, `${gwei} gwei, bytes ${byte}: ${paid} of ${taken}`);
        nonce++;
      }
  });

test("who declares much gas and uses little gets nothing for it, and is told", async (t) => {
  const stage = await createStage(t);
  const sequencer = await stage.sequencer();
  await sequencer.follow();
  await priced(stage, sequencer, "30");
  const ordinary = sequencer.pool.ordinaryTip;
  // The pool takes the gas limit for what it will use, and so a small tip.
  const request = { nonce: 0, data: `0x${"00".repeat(40_000)}`, gas: 16_000_000n } as const;
  const tip = await refusal(sequencer, { ...request, tip: 0n });
  assert.ok(tip !== undefined && tip < ordinary);
  for (const from of [0, 1]) assert.equal(await refusal(sequencer, { ...request, from, tip }), undefined);
  assert.equal(await refusal(sequencer, { from: 2, nonce: 0, tip: ordinary }), undefined);
  const block = await sequencer.producer.produce();
  const senderOf = (from: number) => l2Account(from).address.toLowerCase();
  assert.deepEqual(
    block?.transactions.map(({ from }) => from),
    [senderOf(2)],
  );
  assert.equal(await sequencer.producer.produce(), undefined);
  await sequencer.producer.produce();
  assert.deepEqual(sequencer.pool.status(), { ready: 0, queued: 0 });
  const needed = await refusal(sequencer, { ...request, tip });
  assert.ok(needed !== undefined && needed > 35n * tip, "by the gas that it used");
  // Nothing of it is left in the state.
  assert.equal(await refusal(sequencer, { nonce: 0, tip: ordinary }), undefined);
  assert.ok(await sequencer.producer.produce());
  await sequencer.post();
  await sequencer.follower.sync();
  const executor = await stage.executor();
  await executor.follow();
  assert.equal(executor.chain.head.hash, sequencer.chain.head.hash);
});

test("what does not pay any more waits until prices fall, or until it offers more", async (t) => {
  const stage = await createStage(t);
  const sequencer = await stage.sequencer();
  await sequencer.follow();
  await priced(stage, sequencer, "1");
  const cheap = sequencer.pool.ordinaryTip;
  for (const from of [0, 1]) assert.equal(await refusal(sequencer, { from, nonce: 0, tip: cheap }), undefined);
  await priced(stage, sequencer, "300");
  const dear = sequencer.pool.ordinaryTip;
  assert.ok(dear > 50n * cheap);
  assert.equal(await sequencer.producer.produce(), undefined);
  assert.equal(await refusal(sequencer, { from: 1, nonce: 0, tip: dear }), undefined, "a replacement");
  assert.equal((await sequencer.producer.produce())?.transactions.length, 1);
  await priced(stage, sequencer, "1");
  assert.equal((await sequencer.producer.produce())?.transactions.length, 1);
  assert.deepEqual(sequencer.pool.status(), { ready: 0, queued: 0 });
});

/** JSON-RPC of a sequencer that builds as transactions come. */
const serve = async (t: TestContext, data: (typeof MODES)[number]) => {
  const stage = await createStage(t);
  const producer = { intervalMs: 20, trailingMs: 100, clock: () => BigInt(Math.floor(Date.now() / 1000)) };
  const sequencer = await stage.sequencer(createMemoryStore(), { batches: { data }, producer });
  await sequencer.follow();
  const backend = { chain: sequencer.chain, pool: sequencer.pool, identity: { clientVersion: "assay/test" } };
  const server = await createRpcServer({ backend, ...telemetry() }, { port: 0 });
  t.after(() => server.stop());
  const chain = defineChain({
    ...chainConfig,
    id: CHAIN_ID,
    name: "Assay",
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [server.url] } },
  });
  const settings = { chain, transport: http(server.url), pollingInterval: 20, cacheTime: 0 } as const;
  return {
    stage,
    sequencer,
    url: server.url,
    reader: createPublicClient(settings).extend(publicActionsL2()),
    wallet: createWalletClient({ ...settings, account: l2Account(0) }),
  };
};

for (const data of MODES)
  test(`viem, ethers and cast pay enough untold, in ${data}`, { timeout: 120_000 }, async (t) => {
    const { stage, sequencer, url, reader, wallet } = await serve(t, data);
    const provider = new JsonRpcProvider(url, undefined, { cacheTimeout: -1, pollingInterval: 20 });
    t.after(() => provider.destroy());
    const ethers = new Wallet(toHex(uintBE(2, 32)), provider);
    const cast = async (...args: string[]) => {
      const key = toHex(uintBE(3, 32));
      const env = { ...process.env, ETH_RPC_URL: url };
      const { stdout } = await promisify(execFile)(
        foundryBinary("cast"),
        ["send", "--private-key", key, "--json", ...args],
        { env },
      );
      return (JSON.parse(stdout) as { status: Hex }).status;
    };
    sequencer.producer.start();
    for (const gwei of BASE_FEES) {
      await priced(stage, sequencer, gwei);
      for (const request of [{ to: bob, value: 1n }, { data: CREATION }] as const) {
        const hash = await wallet.sendTransaction(request);
        assert.equal((await reader.waitForTransactionReceipt({ hash })).status, "success", `viem at ${gwei}`);
        const sent = await ethers.sendTransaction(request);
        assert.equal((await sent.wait())?.status, 1, `ethers at ${gwei}`);
      }
      assert.equal(await cast(bob, "--value", "1"), "0x1", `cast at ${gwei}`);
      assert.equal(await cast("--create", CREATION), "0x1", `cast at ${gwei}`);

      // Viem's totals for the OP Stack: all of it is in the tip.
      const transfer = { account: l2Account(0), to: bob, value: 1n } as const;
      const [l1Fee, totalGas, totalFee, gasPrice] = await Promise.all([
        reader.estimateL1Fee(transfer),
        reader.estimateTotalGas(transfer),
        reader.estimateTotalFee(transfer),
        reader.getGasPrice(),
      ]);
      assert.deepEqual([l1Fee, totalGas], [0n, 21_000n]);
      const told = Number(totalFee) / Number(21_000n * gasPrice);
      assert.ok(told > 0.8 && told < 1.25, `${told}`);
      assert.deepEqual(await Promise.all([reader.estimateL1Gas(transfer), reader.estimateOperatorFee(transfer)]), [
        0n,
        0n,
      ]);
      assert.equal(await reader.getL1BaseFee(), 0n);
    }
  });

test("a sender who offers too little is told what is needed, in an answer that programs read", async (t) => {
  const { stage, sequencer, url } = await serve(t, "calldata");
  await priced(stage, sequencer, "30");
  const params = [toHex(await sign({ nonce: 0, data: `0x${"00".repeat(95_000)}`, gas: 1_000_000n, tip: 0n }))];
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_sendRawTransaction", params });
  const response = await fetch(url, { method: "POST", body, headers: { "content-type": "application/json" } });
  const { error } = (await response.json()) as {
    error: { code: number; message: string; data: { code: string; tip: Hex } };
  };
  assert.deepEqual([error.code, error.data.code], [-32000, "POOL_DATA_FEE"]);
  assert.match(error.message, /^transaction underpriced: tip of 0 wei a gas, minimum needed \d+: /);
  const tip = BigInt(error.data.tip);
  assert.equal(
    await refusal(sequencer, { nonce: 0, data: `0x${"00".repeat(95_000)}`, gas: 1_000_000n, tip }),
    undefined,
  );
});
