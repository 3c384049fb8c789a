import assert from "node:assert/strict";
import test from "node:test";
import { Address } from "@ethereumjs/util";
import { type Bytes, EMPTY_BYTES, fromHex, type Hex, readUintBE, toHex, uintBE } from "../foundation/bytes.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { nextBaseFee, prevRandaoOf } from "../protocol/block.ts";
import { bloomHas } from "../protocol/bloom.ts";
import { createAddress } from "../protocol/contract-address.ts";
import { encodeDeposit } from "../protocol/envelope.ts";
import { ADDRESS, DEVNET_PARAMETERS } from "../protocol/parameters.ts";
import { logsChain } from "../protocol/receipt.ts";
import { rulesAt } from "../protocol/rules.ts";
import type { InboxEnvelope } from "../protocol/transaction.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import {
  AT,
  accountOf,
  buildBlock,
  buildFinalBlock,
  ETHER,
  funded,
  GWEI,
  initCode,
  openChain,
  sign,
} from "./chain.fixture.ts";
import type { Chain } from "./chain.ts";
import { createGenesis } from "./genesis.ts";

const TO: Hex = "0x00000000000000000000000000000000000000aa";
const addressOf = (hex: string) => new Address(fromHex(hex.toLowerCase()));
const stateOf = (chain: Chain) => chain.stateAt(chain.head.header.number);
const balanceOf = async (chain: Chain, address: string) =>
  (await stateOf(chain).getAccount(addressOf(address)))?.balance ?? 0n;
const nonceOf = async (chain: Chain, address: string) =>
  (await stateOf(chain).getAccount(addressOf(address)))?.nonce ?? 0n;
const slotOf = async (chain: Chain, address: string, slot: bigint) =>
  readUintBE(await stateOf(chain).getStorage(addressOf(address), uintBE(slot, 32)));
const contract = (from: number, nonce: number): Hex =>
  createAddress(fromHex(accountOf(from).address.toLowerCase()), BigInt(nonce));

test("a transfer moves value, tips the coinbase and fills the base fee vault", async () => {
  const chain = await openChain();
  const { block, receipts } = await buildBlock(chain, [await sign({ nonce: 0, to: TO, value: ETHER, gas: 21_000n })]);
  assert.equal(block.header.number, 1n);
  assert.equal(block.header.parentHash, chain.genesisHash);
  assert.equal(receipts[0]?.gasUsed, 21_000n);
  assert.equal(await balanceOf(chain, TO), ETHER);
  const baseFee = block.header.baseFeePerGas;
  assert.equal(baseFee, 875_000_000n);
  assert.equal(receipts[0]?.effectiveGasPrice, baseFee + GWEI);
  assert.equal(await balanceOf(chain, ADDRESS.baseFeeVault), 21_000n * baseFee);
  assert.equal(await balanceOf(chain, ADDRESS.sequencerFeeVault), 21_000n * GWEI);
  assert.equal(await balanceOf(chain, accountOf(0).address), 999n * ETHER - 21_000n * (baseFee + GWEI));
});

// sstore(0, calldataload(0)); log2(0, 0, 7, 8); return; with empty calldata: revert with 4 bytes
const STORE = "0x3660105763deadbeef5f526004601cfd5b5f355f55600860075f5fa25f5ff3" as const;

test("contracts are created, called, revert and log", async () => {
  const chain = await openChain();
  const { receipts: created } = await buildBlock(chain, [await sign({ nonce: 0, data: initCode(STORE) })]);
  const address = contract(0, 0);
  assert.equal(created[0]?.status, 1);
  assert.equal(created[0]?.contractAddress, address);
  assert.equal(toHex(await stateOf(chain).getCode(addressOf(address))), STORE);
  assert.equal(await nonceOf(chain, address), 1n);

  const { block, receipts } = await buildBlock(chain, [
    await sign({ nonce: 1, to: address, data: toHex(uintBE(42, 32)) }),
    await sign({ nonce: 2, to: address }),
  ]);
  assert.equal(await slotOf(chain, address, 0n), 42n);
  assert.deepEqual(
    receipts.map(({ status }) => status),
    [1, 0],
  );
  const topics = [toHex(uintBE(7, 32)), toHex(uintBE(8, 32))];
  assert.deepEqual(receipts[0]?.logs, [{ address, topics, data: "0x" }]);
  assert.deepEqual(receipts[1]?.logs, []);
  assert.equal(receipts[1]?.cumulativeGasUsed, block.header.gasUsed);
  for (const value of [fromHex(address), uintBE(7, 32), uintBE(8, 32)]) {
    assert.ok(bloomHas(fromHex(block.header.logsBloom), value));
    assert.ok(bloomHas(fromHex(receipts[0]?.logsBloom ?? "0x"), value));
  }
  assert.ok(!bloomHas(fromHex(block.header.logsBloom), uintBE(9, 32)));
  assert.equal(receipts[1]?.logsBloom, `0x${"00".repeat(256)}`);
});

test("a creation that fails has a receipt of status 0, a contract address and no code", async () => {
  const chain = await openChain();
  const { receipts } = await buildBlock(chain, [await sign({ nonce: 0, data: "0x60ef5f5360015ff3" })]);
  assert.equal(receipts[0]?.status, 0);
  assert.equal(receipts[0]?.gasUsed, 1_000_000n);
  assert.equal(receipts[0]?.contractAddress, contract(0, 0));
  assert.equal(await stateOf(chain).getAccount(addressOf(contract(0, 0))), undefined);
});

test("the original value of a slot is the one at the begin of the transaction, not of the block", async () => {
  // sstore(0, sload(0) + 1)
  const chain = await openChain();
  await buildBlock(chain, [await sign({ nonce: 0, data: initCode("0x5f5460010180805f55") })]);
  const to = contract(0, 0);
  const envelopes = await Promise.all([1, 2, 3].map((nonce) => sign({ nonce, to })));
  const { receipts } = await buildBlock(chain, envelopes);
  assert.equal(await slotOf(chain, to, 0n), 3n);
  // 0 to non-zero costs 22,100; then 5,000 each: a stale original would make the second a dirty write of 100.
  const [first, second, third] = receipts.map(({ gasUsed }) => gasUsed);
  assert.equal((first ?? 0n) - (second ?? 0n), 17_100n);
  assert.equal(second, third);
});

test("a block's environment: number, hash of ancestors, origin, randomness", async () => {
  const chain = await openChain();
  await buildBlock(chain, []);
  await buildBlock(chain, []);
  // slots: 0 blockhash(number-1), 1 blockhash(number-3), 2 blockhash(number), 3 prevrandao, 4 number, 5 timestamp, 6 coinbase
  const code = "0x60014303405f55600343034060015543406002554460035543600455426005554160065500" as const;
  await buildBlock(chain, [await sign({ nonce: 0, data: initCode(code) })]);
  const attributes = { timestamp: AT.timestamp + 12n, origin: { number: 9n, timestamp: AT.timestamp + 3n } };
  const before = chain.head;
  await buildBlock(chain, [await sign({ nonce: 1, to: contract(0, 0) })], attributes);
  const { header, origin } = chain.head;
  const to = contract(0, 0);
  const hashAt = (number: bigint) => BigInt(chain.blockByNumber(number)?.hash ?? "0x0");
  assert.equal(await slotOf(chain, to, 0n), BigInt(before.hash));
  assert.equal(await slotOf(chain, to, 1n), hashAt(header.number - 3n));
  assert.equal(await slotOf(chain, to, 2n), 0n);
  assert.equal(await slotOf(chain, to, 3n), readUintBE(prevRandaoOf(before.hash, 9n)));
  assert.equal(await slotOf(chain, to, 4n), header.number);
  assert.equal(await slotOf(chain, to, 5n), AT.timestamp + 12n);
  assert.equal(await slotOf(chain, to, 6n), BigInt(ADDRESS.sequencerFeeVault));
  assert.deepEqual(origin, attributes.origin);
  assert.equal(await slotOf(chain, ADDRESS.history, before.header.number % 8191n), BigInt(before.hash));
  assert.equal(await slotOf(chain, ADDRESS.l1Block, 0n), ((AT.timestamp + 3n) << 64n) | 9n);
});

test("EIP-2935's contract and L1Block answer calls", async () => {
  const chain = await openChain();
  await buildBlock(chain, []);
  const ask = (number: bigint) =>
    chain.call({ to: ADDRESS.history, data: uintBE(number, 32) }, chain.head.header.number);
  assert.equal(toHex((await ask(1n)).data), chain.head.hash);
  assert.equal(toHex((await ask(0n)).data), chain.genesisHash);
  assert.equal((await ask(2n)).ok, false);
  const number = keccakOf(new TextEncoder().encode("number()")).subarray(0, 4);
  assert.equal(readUintBE((await chain.call({ to: ADDRESS.l1Block, data: number }, 1n)).data), 7n);
});

test("a block's timestamp is bounded by its origin and never before its parent's", async () => {
  const chain = await openChain();
  const drift = DEVNET_PARAMETERS.maxDrift;
  const at = async (timestamp: bigint) => (await buildBlock(chain, [], { ...AT, timestamp })).block.header.timestamp;
  assert.equal(await at(AT.timestamp + drift + 1n), AT.timestamp + drift);
  assert.equal(await at(5n), AT.timestamp + drift);
  const late = { timestamp: 2n ** 64n + 5n, origin: { number: 8n, timestamp: 2n ** 64n - 1n } };
  assert.equal((await buildBlock(chain, [], late)).block.header.timestamp, 2n ** 64n - 1n);
});

const deposit = (fields: Partial<Parameters<typeof encodeDeposit>[0]> & { readonly n: number }): InboxEnvelope => {
  const { n, ...rest } = fields;
  const whole = {
    sourceHash: toHex(uintBE(n, 32)),
    from: "0x1111000000000000000000000000000000002222" as Hex,
    to: TO as Hex | undefined,
    mint: 0n,
    value: 0n,
    gas: 100_000n,
    data: EMPTY_BYTES as Bytes,
    ...rest,
  };
  return { bytes: encodeDeposit(whole), delayed: { kind: "deposit", gas: whole.gas } };
};
const DEPOSITOR = "0x1111000000000000000000000000000000002222";

test("a deposit mints, moves value, pays no fee and counts a nonce", async () => {
  const chain = await openChain();
  const { receipts, block } = await buildBlock(chain, [deposit({ n: 1, mint: 10n, value: 7n })]);
  assert.equal(receipts[0]?.status, 1);
  assert.equal(receipts[0]?.depositNonce, 0n);
  assert.equal(receipts[0]?.effectiveGasPrice, 0n);
  assert.equal(block.header.gasUsed, 21_000n);
  assert.equal(await balanceOf(chain, TO), 7n);
  assert.equal(await balanceOf(chain, DEPOSITOR), 3n);
  assert.equal(await nonceOf(chain, DEPOSITOR), 1n);
  assert.equal(await balanceOf(chain, ADDRESS.baseFeeVault), 0n);
  assert.equal(await balanceOf(chain, ADDRESS.sequencerFeeVault), 0n);
});

test("a deposit whose call fails keeps its mint and its nonce", async () => {
  const chain = await openChain();
  await buildBlock(chain, [await sign({ nonce: 0, data: initCode(STORE) })]);
  const revert = deposit({ n: 1, to: contract(0, 0), mint: 9n, value: 9n });
  const short = deposit({ n: 2, mint: 9n, gas: 20_999n });
  const poor = deposit({ n: 3, value: 1000n });
  const { receipts } = await buildBlock(chain, [revert, short, poor]);
  assert.deepEqual(
    receipts.map(({ status }) => status),
    [0, 0, 0],
  );
  assert.ok((receipts[0]?.gasUsed ?? 0n) < 22_000n, "a revert gives back its gas");
  assert.equal(receipts[1]?.gasUsed, 20_999n, "less than intrinsic gas: all of it");
  assert.equal(receipts[2]?.gasUsed, 100_000n, "value that is not there: all of it");
  assert.equal(await balanceOf(chain, DEPOSITOR), 18n);
  assert.equal(await nonceOf(chain, DEPOSITOR), 3n);
  assert.equal(await balanceOf(chain, contract(0, 0)), 0n);
});

test("a deposit creates a contract at its sender's nonce", async () => {
  const chain = await openChain();
  await buildBlock(chain, [deposit({ n: 1 })]);
  const code = fromHex(initCode(STORE));
  const { receipts } = await buildBlock(chain, [deposit({ n: 2, to: undefined, data: code, gas: 200_000n })]);
  const address = createAddress(fromHex(DEPOSITOR), 1n);
  assert.equal(receipts[0]?.contractAddress, address);
  assert.equal(toHex(await stateOf(chain).getCode(addressOf(address))), STORE);
  const stored = chain.blockByNumber(2n)?.transactions[0];
  assert.equal(stored?.nonce, 1n);
  assert.equal(stored?.deposit?.sourceHash, toHex(uintBE(2, 32)));
});

test("base fee follows EIP-1559, down to the chain's least", () => {
  const at = (gasUsed: bigint, baseFeePerGas: bigint, minimumBaseFee = 1n) =>
    nextBaseFee(
      { gasLimit: 30_000_000n, gasUsed, baseFeePerGas },
      { ...rulesAt(DEVNET_PARAMETERS, 0n), minimumBaseFee },
    );
  assert.equal(at(15_000_000n, GWEI), GWEI);
  assert.equal(at(30_000_000n, GWEI), 1_125_000_000n);
  assert.equal(at(0n, GWEI), 875_000_000n);
  assert.equal(at(15_000_001n, 7n), 8n, "above the target it grows by one at least");
  assert.equal(at(0n, 7n), 7n, "below it, it stays when an eighth is nothing");
  assert.equal(at(0n, 1_000n, 876n), 876n);
  assert.equal(at(0n, 1_000n, 875n), 875n);
  assert.equal(at(30_000_000n, 800n, 1_000n), 1_000n, "a first block below it is the only one");
  assert.equal(at(30_000_000n, 1_000n, 1_000n), 1_125n);
});

test("the logs chain is zero for none and depends on every part", () => {
  const log = { address: TO, topics: [toHex(uintBE(1, 32))], data: "0x0102" as Hex };
  assert.equal(toHex(logsChain([])), toHex(new Uint8Array(32)));
  const chains = [
    [log],
    [log, log],
    [{ ...log, data: "0x0103" as Hex }],
    [{ ...log, topics: [] }],
    [{ ...log, address: ADDRESS.infer }],
  ].map((logs) => toHex(logsChain(logs)));
  assert.equal(new Set(chains).size, chains.length);
  const entry = keccakOf(
    Uint8Array.of(0x48),
    keccakOf(fromHex(TO), Uint8Array.of(1), uintBE(1, 32)),
    uintBE(2, 4),
    keccakOf(Uint8Array.of(1, 2)),
  );
  assert.equal(chains[0], toHex(keccakOf(Uint8Array.of(0x47), new Uint8Array(32), entry)));
});

test("a store is opened again where it was left, with one sync a block", async () => {
  const store = createMemoryStore();
  const chain = await openChain({ store });
  assert.equal(store.syncs, 1);
  const envelope = await sign({ nonce: 0, data: initCode(STORE) });
  await buildBlock(chain, [envelope, deposit({ n: 1, mint: 5n })]);
  assert.equal(store.syncs, 2);
  await buildBlock(chain, []);
  assert.equal(store.syncs, 3);
  const again = await openChain({ store });
  assert.equal(store.syncs, 3);
  for (const number of [0n, 1n, 2n]) {
    assert.deepEqual(again.blockByNumber(number), chain.blockByNumber(number));
    assert.deepEqual(again.receipts(number), chain.receipts(number));
  }
  assert.deepEqual(again.head, chain.head);
  assert.deepEqual(again.blockByHash(chain.head.hash), chain.head);
  assert.equal(again.blockByNumber(3n), undefined);
  const hash = toHex(keccakOf(envelope));
  assert.deepEqual(again.locate(hash), { number: 1n, index: 0 });
  assert.equal(again.locate(toHex(new Uint8Array(32))), undefined);
  await buildBlock(again, [await sign({ nonce: 1, to: TO })]);
  assert.equal(again.head.header.number, 3n);
});

test("another genesis does not open the store", async () => {
  const store = createMemoryStore();
  await openChain({ store });
  await assert.rejects(openChain({ store, alloc: { [TO]: { balance: 1n } } }), { code: "CHAIN_GENESIS_MISMATCH" });
});

test("genesis depends on its content alone", async () => {
  const alloc = funded(3);
  const reversed = Object.fromEntries(Object.entries(alloc).reverse());
  const [a, b, c] = await Promise.all(
    [
      createGenesis(DEVNET_PARAMETERS, alloc),
      createGenesis(DEVNET_PARAMETERS, reversed),
      createGenesis(DEVNET_PARAMETERS, alloc, { l1ModelRegistry: TO }),
    ].map((genesis) => openChain({ genesis })),
  );
  assert.equal(a?.genesisHash, b?.genesisHash);
  assert.notEqual(a?.genesisHash, c?.genesisHash);
  const alias = "0x11110000000000000000000000000000000011bb";
  assert.equal(c === undefined ? 0n : await slotOf(c, ADDRESS.modelRegistry, 3n), BigInt(alias));
});

test("rolled back and executed again, the blocks are the same", async () => {
  const chain = await openChain();
  const batches = [
    [await sign({ nonce: 0, data: initCode(STORE) }), deposit({ n: 1, mint: 5n })],
    [await sign({ nonce: 1, to: contract(0, 0), data: toHex(uintBE(42, 32)) })],
    [
      await sign({ nonce: 2, to: contract(0, 0), data: toHex(uintBE(0, 32)) }),
      await sign({ from: 1, nonce: 0, to: TO }),
    ],
  ];
  const build = async () => {
    const hashes: Hex[] = [];
    for (const batch of batches) hashes.push((await buildBlock(chain, batch)).block.hash);
    return hashes;
  };
  const hashes = await build();
  const events: string[] = [];
  chain.on("rollback", (removed, to) => events.push(`${removed.map(({ block }) => block.header.number)} to ${to}`));
  await chain.rollback(0n);
  assert.deepEqual(events, ["3,2,1 to 0"]);
  assert.equal(chain.head.hash, chain.genesisHash);
  assert.equal(chain.blockByNumber(1n), undefined);
  assert.equal(chain.receipts(2n), undefined);
  assert.equal(chain.blockByHash(hashes[1] as Hex), undefined);
  assert.equal(chain.locate(toHex(keccakOf((batches[1] as Bytes[])[0] as Bytes))), undefined);
  assert.deepEqual(await build(), hashes);
  await chain.rollback(2n);
  assert.equal(chain.head.hash, hashes[1]);
  await buildBlock(chain, batches[2] as Bytes[]);
  assert.equal(chain.head.hash, hashes[2]);
});

test("rollback stops where state is no longer kept, and blocks stay readable below", async () => {
  const chain = await openChain({ keep: 2 });
  for (let i = 0; i < 6; i++) await buildFinalBlock(chain, [await sign({ nonce: i, to: TO, value: 1n })]);
  await assert.rejects(chain.rollback(1n), { code: "CHAIN_ROLLBACK_TOO_DEEP" });
  assert.equal(chain.head.header.number, 6n);
  assert.throws(() => chain.stateAt(1n), { code: "STATE_PRUNED" });
  assert.equal(chain.blockByNumber(1n)?.transactions.length, 1);
  await chain.rollback(4n);
  await buildBlock(chain, [await sign({ nonce: 4, to: TO, value: 1n })]);
  assert.equal(await balanceOf(chain, TO), 5n);
});

test("what is not final rolls back, however many blocks it is, and what is held stays", async () => {
  const chain = await openChain({ keep: 2 });
  const flood = 1_100;
  for (let i = 0; i < flood; i++) await buildBlock(chain, []);
  const seen: bigint[] = [];
  chain.on("rollback", (_, to) => seen.push(to));
  await chain.rollback(0n);
  assert.deepEqual(seen, [BigInt(flood) - 1_024n, 0n], "in steps that each fit into memory");
  assert.equal(chain.head.header.number, 0n);

  const [one, other] = [chain.hold(0n), chain.hold(3n)];
  for (let i = 0; i < 12; i++) await buildFinalBlock(chain, []);
  chain.stateAt(0n);
  assert.equal(chain.retained, 0n);
  one.release();
  assert.equal(chain.retained, 3n);
  await buildFinalBlock(chain, []);
  assert.throws(() => chain.stateAt(2n), { code: "STATE_PRUNED" });
  chain.stateAt(3n);
  other.move(1n);
  other.move(8n);
  for (let i = 0; i < 3; i++) await buildFinalBlock(chain, []);
  assert.throws(() => chain.stateAt(7n), { code: "STATE_PRUNED" });
  chain.stateAt(8n);
  other.release();
  for (let i = 0; i < 3; i++) await buildFinalBlock(chain, []);
  assert.throws(() => chain.stateAt(16n), { code: "STATE_PRUNED" });
  chain.stateAt(17n);
});

test("safe head and position move with sealed blocks, and back with rollbacks", async () => {
  const store = createMemoryStore();
  const chain = await openChain({ store });
  const place = (batch: bigint) => ({ batch, cursor: 3, delayed: 2n });
  const seal = async (batch?: bigint) => {
    const builder = await chain.begin(AT);
    await builder.seal(batch === undefined ? {} : { position: place(batch) });
  };
  assert.deepEqual(chain.position, { batch: 0n, cursor: 0, delayed: 0n });
  await seal(1n);
  await seal(2n);
  await seal();
  await seal();
  assert.deepEqual(chain.heads, { unsafe: 4n, safe: 2n, finalized: 0n });
  await chain.setSafe(4n, place(5n));
  await chain.setFinalized(9n).catch((error) => assert.equal(error.code, "CHAIN_UNKNOWN_BLOCK"));
  await chain.setFinalized(2n);
  assert.deepEqual(chain.heads, { unsafe: 4n, safe: 4n, finalized: 2n });
  assert.deepEqual((await openChain({ store })).position, place(5n));
  await chain.rollback(3n);
  assert.deepEqual(chain.heads, { unsafe: 3n, safe: 2n, finalized: 2n });
  assert.deepEqual(chain.position, place(2n));
  await chain.rollback(0n);
  assert.deepEqual(chain.position, { batch: 0n, cursor: 0, delayed: 0n });
  assert.deepEqual((await openChain({ store })).heads, { unsafe: 0n, safe: 0n, finalized: 0n });
});

test("one block is built at a time, and a dropped block leaves no trace", async () => {
  const chain = await openChain();
  const builder = await chain.begin(AT);
  await assert.rejects(chain.begin(AT), { code: "CHAIN_BUSY" });
  await assert.rejects(
    chain.rollback(0n).then(() => chain.rollback(-1n)),
    { code: "CHAIN_UNKNOWN_BLOCK" },
  );
  const envelope = await sign({ nonce: 0, to: TO, value: 1n });
  await builder.add({ bytes: envelope });
  assert.equal(await balanceOf(chain, TO), 0n, "readers see committed state only");
  builder.abort();
  builder.abort();
  await assert.rejects(builder.add({ bytes: envelope }), { code: "CHAIN_BUSY" });
  await assert.rejects(builder.seal(), { code: "CHAIN_BUSY" });
  const { results } = await buildBlock(chain, [envelope]);
  assert.equal(results[0]?.included, true);
  assert.equal(await balanceOf(chain, TO), 1n);
});

test("a block does one thing at a time, and a drop waits for what is running", async () => {
  const chain = await openChain();
  const builder = await chain.begin(AT);
  const envelope = await sign({ nonce: 0, to: TO, value: 1n });
  const running = builder.add({ bytes: envelope });
  await assert.rejects(builder.add({ bytes: envelope }), { code: "CHAIN_BUSY" });
  await assert.rejects(builder.seal(), { code: "CHAIN_BUSY" });
  builder.abort();
  await assert.rejects(chain.begin(AT), { code: "CHAIN_BUSY" }, "not before the running transaction has ended");
  await assert.rejects(running, { code: "CHAIN_BUSY" });
  const { block } = await buildBlock(chain, [envelope]);
  const fresh = await openChain();
  assert.equal((await buildBlock(fresh, [envelope])).block.hash, block.hash, "nothing of the dropped block is left");
});

test("safe and finalized heads that move while blocks are sealed lose no block", async () => {
  const store = createMemoryStore();
  const chain = await openChain({ store });
  await buildBlock(chain, []);
  for (let i = 0; i < 10; i++) {
    const builder = await chain.begin(AT);
    const place = { batch: BigInt(i + 1), cursor: 0, delayed: 0n };
    const safe = chain.head.header.number;
    await Promise.all([builder.seal(), chain.setSafe(safe, place), chain.setFinalized(safe)]);
  }
  assert.deepEqual(chain.heads, { unsafe: 11n, safe: 10n, finalized: 10n });
  const again = await openChain({ store });
  assert.deepEqual(again.heads, chain.heads);
  assert.deepEqual(again.position, chain.position);
});

test("events tell of heads; a listener that throws does not stop the chain", async () => {
  const chain = await openChain();
  const seen: string[] = [];
  chain.on("head", () => {
    throw new Error("a broken listener");
  });
  const off = chain.on("head", (block, receipts) => seen.push(`${block.header.number}:${receipts.length}`));
  await buildBlock(chain, [await sign({ nonce: 0, to: TO })]);
  off();
  await buildBlock(chain, []);
  assert.deepEqual(seen, ["1:1"]);
});

test("writers of the chain take turns", async () => {
  const chain = await openChain();
  const order: number[] = [];
  const turn = (n: number) =>
    chain.exclusive(async () => {
      await buildBlock(chain, []);
      order.push(n);
    });
  await Promise.all([turn(1), turn(2), turn(3)]);
  assert.deepEqual(order, [1, 2, 3]);
  assert.equal(chain.head.header.number, 3n);
});

test("a contract that is created and destroyed in one transaction leaves nothing", async () => {
  const chain = await openChain();
  // init: sstore(0, 1); selfdestruct(0xaa)
  const { receipts } = await buildBlock(chain, [await sign({ nonce: 0, data: "0x60015f5560aaff", value: 5n })]);
  assert.equal(receipts[0]?.status, 1);
  assert.equal(await balanceOf(chain, TO), 5n);
  assert.equal(await stateOf(chain).getAccount(addressOf(contract(0, 0))), undefined);
  assert.equal(await slotOf(chain, contract(0, 0), 0n), 0n);
});
