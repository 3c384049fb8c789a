import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import pino from "pino";
import { Registry } from "prom-client";
import { privateKeyToAccount } from "viem/accounts";
import {
  type Chain,
  CodedError,
  createChain,
  createGenesis,
  createMemoryStore,
  createWorldState,
  DEVNET_PARAMETERS,
  fromHex,
  type GenesisAlloc,
  type Hex,
  type PooledTransaction,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import { createMempool, type Mempool, type MempoolOptions } from "./mempool.ts";

const GWEI = 10n ** 9n;
const ETHER = 10n ** 18n;
const telemetry = () => ({ logger: pino({ level: "silent" }), registry: new Registry() });
const accountOf = (index: number) => privateKeyToAccount(toHex(uintBE(index + 1, 32)));
const addressOf = (index: number) => accountOf(index).address.toLowerCase() as Hex;
const SENDERS = 6;
const BALANCE = 10n * ETHER;

const openChain = (accounts: GenesisAlloc = {}, forks = DEVNET_PARAMETERS.forks): Promise<Chain> => {
  const store = createMemoryStore();
  const refuse = () => Promise.reject(new Error("no model on this chain"));
  const models = {
    run: refuse,
    admit: refuse,
    putChunks: refuse,
    stop: async () => {},
  };
  const alloc = Object.fromEntries(Array.from({ length: SENDERS }, (_, i) => [addressOf(i), { balance: BALANCE }]));
  const genesis = createGenesis({ ...DEVNET_PARAMETERS, forks }, { ...alloc, ...accounts });
  return createChain({ ...telemetry(), store, world: createWorldState(store), models }, { genesis });
};

type Request = {
  readonly from?: number;
  readonly nonce: number;
  /** In gwei. */
  readonly fee?: number;
  readonly tip?: number;
  readonly value?: bigint;
  readonly gas?: bigint;
  readonly data?: Hex;
};

const signed = new Map<string, Promise<Uint8Array>>();
/** Signing is the slow part: what was signed once is kept. */
const sign = (request: Request): Promise<Uint8Array> => {
  const { from = 0, nonce, fee = 10, tip = 1, value = 0n, gas = 21_000n, data = "0x" } = request;
  const key = [from, nonce, fee, tip, value, gas, data].join();
  const envelope =
    signed.get(key) ??
    accountOf(from)
      .signTransaction({
        type: "eip1559",
        chainId: Number(DEVNET_PARAMETERS.chainId),
        to: addressOf(5),
        nonce,
        gas,
        value,
        data,
        maxFeePerGas: BigInt(fee) * GWEI,
        maxPriorityFeePerGas: BigInt(tip) * GWEI,
      })
      .then(fromHex);
  signed.set(key, envelope);
  return envelope;
};

const setup = async (t: TestContext, options: MempoolOptions = {}) => {
  const chain = await openChain();
  const pool = createMempool({ chain, ...telemetry() }, options);
  t.after(async () => {
    await pool.stop();
    await chain.stop();
  });
  const send = async (request: Request) => pool.submit(await sign(request));
  const refusal = async (request: Request) => {
    const error = await send(request).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return error instanceof CodedError ? error.code : error;
  };
  /** A block of the best `count` transactions. */
  const mine = async (count = Number.POSITIVE_INFINITY) => {
    await pool.settled();
    const builder = await chain.begin({ timestamp: 1n, origin: { number: 0n, timestamp: 0n } });
    const selection = pool.select(builder.baseFeePerGas);
    for (let i = 0; i < count; i++) {
      const next = selection.next();
      if (next === undefined) break;
      const { included } = await builder.add({ bytes: next.envelope });
      if (included) selection.advance(next);
    }
    return (await builder.seal()).block;
  };
  return { chain, pool, send, refusal, mine };
};

const order = (pool: Mempool, baseFee = GWEI) => {
  const selection = pool.select(baseFee);
  const found: [sender: Hex, nonce: bigint][] = [];
  for (let next = selection.next(); next !== undefined; next = selection.next()) {
    found.push([next.from, next.nonce]);
    selection.advance(next);
  }
  return found;
};
const of = (...pairs: readonly (readonly [number, number])[]) =>
  pairs.map(([sender, nonce]) => [addressOf(sender), BigInt(nonce)]);

test("a transaction behind a gap waits until the gap is filled", async (t) => {
  const { pool, send } = await setup(t);
  const announced: bigint[] = [];
  pool.onPending(({ nonce }) => announced.push(nonce));
  await send({ nonce: 2 });
  await send({ nonce: 1 });
  assert.deepEqual(pool.status(), { ready: 0, queued: 2 });
  assert.deepEqual([announced, order(pool)], [[], []]);
  assert.equal(await pool.pendingNonce(addressOf(0)), 0n);
  await send({ nonce: 0 });
  assert.deepEqual(pool.status(), { ready: 3, queued: 0 });
  assert.deepEqual(announced, [0n, 1n, 2n]);
  assert.equal(await pool.pendingNonce(addressOf(0)), 3n);
});

test("best effective tip first, nonces of a sender in order, earlier arrival first among equals", async (t) => {
  const { pool, send } = await setup(t);
  await send({ from: 0, nonce: 0, tip: 1 });
  await send({ from: 0, nonce: 1, tip: 9 });
  await send({ from: 1, nonce: 0, tip: 5 });
  await send({ from: 2, nonce: 0, tip: 1 });
  await send({ from: 3, nonce: 0, fee: 2, tip: 2 });
  assert.deepEqual(order(pool, GWEI), of([1, 0], [0, 0], [0, 1], [2, 0], [3, 0]), "3 pays 1 of its 2 gwei as a tip");
  assert.deepEqual(order(pool, 6n * GWEI), of([1, 0], [0, 0], [0, 1], [2, 0]), "3 cannot pay this base fee");
  assert.equal(pool.hasReady(10n * GWEI), true);
  assert.equal(pool.hasReady(10n * GWEI + 1n), false);
});

test("a replacement raises both prices by a tenth", async (t) => {
  const { pool, send, refusal } = await setup(t);
  const old = await send({ nonce: 0, fee: 10, tip: 10 });
  assert.equal(await refusal({ nonce: 0, fee: 10, tip: 10 }), "POOL_KNOWN");
  assert.equal(await refusal({ nonce: 0, fee: 11, tip: 10, value: 1n }), "POOL_REPLACEMENT_UNDERPRICED");
  assert.equal(await refusal({ nonce: 0, fee: 10, tip: 10, value: 1n }), "POOL_REPLACEMENT_UNDERPRICED");
  const replacement = await send({ nonce: 0, fee: 11, tip: 11, value: 1n });
  assert.equal(pool.get(old), undefined);
  assert.equal(pool.get(replacement)?.ready, true);
  assert.deepEqual(pool.status(), { ready: 1, queued: 0 });
  await send({ nonce: 3 });
  await send({ nonce: 3, fee: 20, tip: 2 });
  assert.deepEqual(pool.status(), { ready: 1, queued: 1 });
});

test("what can never be executed is refused with the chain's code", async (t) => {
  const { chain, pool, send, refusal, mine } = await setup(t);
  assert.equal(await refusal({ nonce: 0, value: BALANCE }), "TX_BALANCE");
  assert.equal(await refusal({ nonce: 0, gas: 20_999n }), "TX_INTRINSIC_GAS");
  assert.equal(await refusal({ nonce: 0, gas: 2n ** 24n + 1n }), "TX_GAS_CAP");
  await assert.rejects(pool.submit(fromHex("0x7e01")), { code: "TX_MALFORMED" });
  await send({ nonce: 0, value: 6n * ETHER });
  assert.equal(await refusal({ nonce: 1, value: 6n * ETHER }), "TX_BALANCE", "all together they must be paid for");
  await mine();
  assert.equal(await refusal({ nonce: 0 }), "TX_NONCE_LOW");
  assert.equal(await refusal({ nonce: 1, value: 6n * ETHER }), "TX_BALANCE", "the balance is read again");
  assert.equal(chain.head.header.number, 1n);
  await pool.stop();
  assert.equal(await refusal({ nonce: 1 }), "POOL_STOPPED");
});

test("a full pool drops the cheapest offer, never the sender's own earlier one", async (t) => {
  const { pool, send, refusal } = await setup(t, { maxTransactions: 4 });
  const cheap = await send({ from: 0, nonce: 0, fee: 2 });
  await send({ from: 1, nonce: 0, fee: 5 });
  await send({ from: 2, nonce: 0, fee: 6 });
  await send({ from: 3, nonce: 0, fee: 7 });
  assert.equal(await refusal({ from: 4, nonce: 0, fee: 2 }), "POOL_UNDERPRICED", "an equal offer pushes nobody out");
  assert.equal(await refusal({ from: 0, nonce: 1, fee: 9 }), "POOL_UNDERPRICED", "it would stand behind a gap");
  await send({ from: 4, nonce: 0, fee: 3 });
  assert.equal(pool.get(cheap), undefined);
  assert.deepEqual(pool.status(), { ready: 4, queued: 0 });
});

test("what waits behind a gap makes room first", async (t) => {
  const { pool, send, refusal } = await setup(t, { maxTransactions: 3, maxQueued: 2, maxQueuedPerSender: 1 });
  await send({ from: 0, nonce: 5, fee: 100 });
  assert.equal(await refusal({ from: 0, nonce: 7, fee: 100 }), "POOL_SENDER_FULL");
  await send({ from: 1, nonce: 5, fee: 90 });
  assert.equal(await refusal({ from: 2, nonce: 5, fee: 80 }), "POOL_UNDERPRICED", "there are two already");
  await send({ from: 3, nonce: 0, fee: 3 });
  assert.deepEqual(pool.status(), { ready: 1, queued: 2 });
  await send({ from: 4, nonce: 0, fee: 2 });
  assert.deepEqual(pool.status(), { ready: 2, queued: 1 });
  assert.equal(pool.content(addressOf(1)).length, 0);
});

test("bytes are bounded, and a refused offer leaves all as it was", async (t) => {
  const { pool, send, refusal } = await setup(t, { maxBytes: 700 });
  for (let from = 0; from < 4; from++) await send({ from, nonce: 0, fee: 3 + from });
  const before = pool.content();
  const data: Hex = `0x${"00".repeat(400)}`;
  assert.equal(await refusal({ from: 4, nonce: 0, fee: 5, data, gas: 60_000n }), "POOL_UNDERPRICED");
  assert.deepEqual(pool.content(), before);
  await send({ from: 4, nonce: 0, fee: 50, data, gas: 60_000n });
  assert.ok(pool.content().length < 4);
});

test("transactions are forgotten when their time is over", async (t) => {
  let clock = 0;
  const { pool, send, mine } = await setup(t, { lifetimeMs: 100, now: () => clock });
  await send({ from: 0, nonce: 4 });
  clock = 60;
  await send({ from: 1, nonce: 4 });
  clock = 120;
  await mine();
  assert.deepEqual(
    pool.content().map(({ transaction }) => transaction.from),
    [addressOf(1)],
  );
});

test("included transactions leave; those of removed blocks come back and run again", async (t) => {
  const { chain, pool, send, mine } = await setup(t);
  for (let nonce = 0; nonce < 5; nonce++) await send({ nonce });
  await mine(2);
  await mine(2);
  assert.deepEqual(pool.status(), { ready: 1, queued: 0 });
  const { hash } = chain.head;
  await chain.rollback(1n);
  await pool.settled();
  assert.deepEqual(pool.status(), { ready: 3, queued: 0 });
  await chain.rollback(0n);
  await pool.settled();
  assert.deepEqual(pool.status(), { ready: 5, queued: 0 });
  await mine(2);
  assert.equal((await mine(2)).hash, hash);
});

test("the selection follows what happens in the pool meanwhile", async (t) => {
  const { pool, send } = await setup(t);
  await send({ from: 0, nonce: 0, tip: 5 });
  await send({ from: 1, nonce: 0, tip: 4 });
  await send({ from: 2, nonce: 0, tip: 1 });
  const selection = pool.select(GWEI);
  assert.equal(selection.next()?.from, addressOf(0));
  await send({ from: 2, nonce: 0, tip: 8, fee: 20 });
  const gone = pool.content(addressOf(1))[0] as PooledTransaction;
  pool.drop(gone.transaction, "TX_BALANCE");
  const next = selection.next();
  assert.deepEqual([next?.from, next?.maxPriorityFeePerGas], [addressOf(2), 8n * GWEI]);
  assert.equal(selection.next(), undefined, "senders rest until their transaction is in");
});

test("whatever comes in whatever order, the pool keeps its rules", { timeout: 25_000 }, async (t) => {
  const { pool } = await setup(t, { maxTransactions: 10, maxQueued: 4, maxPerSender: 5, maxQueuedPerSender: 3 });
  const request = fc.record({
    from: fc.nat(3),
    nonce: fc.nat(5),
    fee: fc.integer({ min: 1, max: 6 }),
    tip: fc.constant(1),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 30 }), async (requests) => {
      for (const one of requests) {
        const envelope = await sign(one);
        const error = await pool.submit(envelope).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        if (error !== undefined) assert.ok(error instanceof CodedError, String(error));
        const all = pool.content();
        const { ready, queued } = pool.status();
        assert.equal(ready + queued, all.length);
        assert.ok(all.length <= 10 && queued <= 4 + 3, `${ready} ready, ${queued} queued`);
        for (let sender = 0; sender <= 3; sender++) {
          const own = pool.content(addressOf(sender));
          assert.ok(own.length <= 5);
          const nonces = own.map(({ transaction }) => Number(transaction.nonce));
          assert.deepEqual(
            nonces,
            [...new Set(nonces)].sort((a, b) => a - b),
          );
          let next = 0;
          for (const one of own) {
            assert.equal(one.ready, Number(one.transaction.nonce) === next, "ready means: no gap before it");
            if (one.ready) next++;
          }
          assert.equal(await pool.pendingNonce(addressOf(sender)), BigInt(next));
        }
        assert.equal(order(pool, 0n).length, ready, "all that is ready can be selected, each once");
      }
      for (const { transaction } of pool.content()) pool.drop(transaction, "TX_BALANCE");
      assert.deepEqual(pool.status(), { ready: 0, queued: 0 });
    }),
    { seed: 11, numRuns: 60 },
  );
});

test("of many transactions at once each is taken in once, in order", {
  timeout: 25_000,
}, async (t) => {
  const { pool } = await setup(t, { maxTransactions: 4_000 });
  const envelopes = await Promise.all(
    Array.from({ length: 1_000 }, (_, i) => sign({ from: i % 5, nonce: Math.floor(i / 5), fee: 2, gas: 21_000n })),
  );
  const start = performance.now();
  await Promise.all(envelopes.map((envelope) => pool.submit(envelope)));
  const admitted = performance.now() - start;
  assert.equal(pool.status().ready, 1_000);
  assert.equal(order(pool).length, 1_000);
  t.diagnostic(`${((1000 * admitted) / 1_000).toFixed(0)} us a transaction, signature recovery included`);
});

test("an account that delegates has one transaction waiting, which may be replaced", async (t) => {
  const chain = await openChain({ [addressOf(0)]: { balance: BALANCE, code: `0xef0100${"77".repeat(20)}` } });
  const pool = createMempool({ chain, ...telemetry() });
  t.after(() => pool.stop());
  await pool.submit(await sign({ nonce: 0 }));
  await assert.rejects(pool.submit(await sign({ nonce: 1 })), { code: "POOL_DELEGATED" });
  await pool.submit(await sign({ nonce: 0, fee: 20, tip: 2 }));
  await pool.submit(await sign({ from: 1, nonce: 0 }));
  await pool.submit(await sign({ from: 1, nonce: 1 }));
});

test("the pool takes what the fork of the next block takes: authorizations, and the least price of data", async (t) => {
  const request = { chainId: Number(DEVNET_PARAMETERS.chainId), nonce: 0, to: addressOf(5), maxFeePerGas: 10n * GWEI };
  const authorizationList = [
    await accountOf(1).signAuthorization({ address: addressOf(5), nonce: 0, chainId: request.chainId }),
  ];
  const setCode = fromHex(
    await accountOf(2).signTransaction({ type: "eip7702", ...request, gas: 100_000n, authorizationList }),
  );
  const data: Hex = `0x${"11".repeat(1_000)}`;
  const cheap = await sign({ nonce: 0, data, gas: 60_999n });
  let time = 99n;
  const chain = await openChain({}, { osaka: 100n, later: 200n });
  const pool = createMempool({ chain, ...telemetry() }, { clock: () => time });
  t.after(() => pool.stop());
  await assert.rejects(pool.submit(setCode), { code: "TX_TYPE" });
  await pool.submit(cheap);
  // No block has come since; the next one is built by the new rules.
  time = 100n;
  await assert.rejects(pool.submit(cheap), { code: "TX_INTRINSIC_GAS" });
  await pool.submit(setCode);
  time = 200n;
  await assert.rejects(pool.submit(await sign({ from: 1, nonce: 0 })), { code: "FORK_UNKNOWN" });
});
