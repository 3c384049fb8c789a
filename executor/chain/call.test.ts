import assert from "node:assert/strict";
import test from "node:test";
import { fromHex, type Hex, readUintBE, toHex, uintBE } from "../foundation/bytes.ts";
import { ADDRESS } from "../protocol/parameters.ts";
import { AT, accountOf, buildBlock, ETHER, funded, GWEI, openChain, sign } from "./chain.fixture.ts";

const CONTRACT: Hex = "0x00000000000000000000000000000000000000c0";
const STRANGER: Hex = "0x00000000000000000000000000000000000000ee";
const rich = accountOf(0).address.toLowerCase() as Hex;

/** Answers each question about its context; anything else: what slot 0 holds. */
const withCode = (code: Hex, storage: Record<Hex, Hex> = {}) =>
  openChain({ alloc: { ...funded(2), [CONTRACT]: { nonce: 1n, code, storage } } });

/** Returns the word on top of the stack. */
const answer = (opcodes: string): Hex => `0x${opcodes}5f5260205ff3`;
const ask = async (opcodes: string, message = {}) => {
  const chain = await withCode(answer(opcodes));
  await buildBlock(chain, [await sign({ nonce: 0, to: STRANGER, value: 1n })]);
  const result = await chain.call({ to: CONTRACT, ...message }, 1n);
  assert.ok(result.ok, result.error);
  return { value: readUintBE(result.data), chain };
};

test("a call sees the next block", async () => {
  assert.equal((await ask("43")).value, 2n);
  assert.equal((await ask("42")).value, AT.timestamp);
  assert.equal((await ask("41")).value, BigInt(ADDRESS.sequencerFeeVault));
  assert.equal((await ask("45")).value, 30_000_000n);
  assert.equal((await ask("46")).value, 918273n);
  const { value: hash, chain } = await ask("600140");
  assert.equal(hash, BigInt(chain.head.hash), "BLOCKHASH of the head");
  assert.ok((await ask("48")).value > 0n, "the base fee is the next block's");
  assert.equal((await ask("4a")).value, 1n, "BLOBBASEFEE");
  assert.equal((await ask("5f49")).value, 0n, "BLOBHASH");
});

test("a call sees its message", async () => {
  assert.equal((await ask("33")).value, 0n, "without a sender: the zero address");
  assert.equal((await ask("33", { from: rich })).value, BigInt(rich));
  assert.equal((await ask("32", { from: rich })).value, BigInt(rich));
  assert.equal((await ask("3a", { from: rich, gasPrice: 5n })).value, 5n);
  assert.equal((await ask("34", { from: rich, value: 7n })).value, 7n);
  assert.equal((await ask("5f35", { data: uintBE(9, 32) })).value, 9n);
  assert.equal((await ask("5a", { gas: 100_000n })).value, 100_000n - 21_000n - 2n);
  assert.equal((await ask("5a")).value, 30_000_000n - 21_000n - 2n, "without a limit: the block's");
});

test("a call leaves nothing behind, and old states answer too", async () => {
  // sstore(0, 5); return sload(0)
  const chain = await withCode("0x60055f555f545f5260205ff3", { [toHex(uintBE(0, 32))]: toHex(uintBE(3, 32)) });
  await buildBlock(chain, [await sign({ nonce: 0, to: STRANGER, value: 1n })]);
  for (let i = 0; i < 2; i++) {
    const result = await chain.call({ to: CONTRACT }, 1n);
    assert.deepEqual([result.ok, readUintBE(result.data)], [true, 5n]);
    assert.ok(result.gasUsed > 21_000n);
  }
  const balanceAt = async (number: bigint) =>
    readUintBE(
      (await chain.call({ to: CONTRACT, overrides: { [CONTRACT]: { code: fromHex(answer("60ee31")) } } }, number)).data,
    );
  assert.equal(await balanceAt(0n), 0n);
  assert.equal(await balanceAt(1n), 1n);
  await assert.rejects(chain.call({ to: CONTRACT }, 2n), { code: "CHAIN_UNKNOWN_BLOCK" });
});

test("reverts give their data; other failures their name", async () => {
  const failure = async (code: Hex, message = {}) => {
    const chain = await withCode(code);
    const { ok, error, data, gasUsed } = await chain.call({ to: CONTRACT, gas: 100_000n, ...message }, 0n);
    assert.equal(ok, false);
    return [error, toHex(data), gasUsed];
  };
  const [error, data, gas] = await failure("0x63deadbeef5f526004601cfd");
  assert.deepEqual([error, data], ["revert", "0xdeadbeef"]);
  assert.ok((gas as bigint) < 22_000n);
  assert.deepEqual(await failure("0xfe"), ["invalid opcode", "0x", 100_000n]);
  assert.deepEqual(await failure("0x5f56"), ["invalid jump destination", "0x", 100_000n]);
  assert.deepEqual(await failure("0x01"), ["stack underflow", "0x", 100_000n]);
  assert.deepEqual(await failure("0x62ffffff51"), ["out of gas", "0x", 100_000n]);
  assert.match(String((await failure("0x00", { gas: 20_999n }))[0]), /^intrinsic gas too low/);
  assert.match(String((await failure("0x00", { from: STRANGER, value: 1n }))[0]), /^insufficient funds for transfer/);
  const priced = await failure("0x00", { from: STRANGER, gasPrice: 1n });
  assert.match(String(priced[0]), /^insufficient funds for gas \* price \+ value/);
});

test("a creation returns its code", async () => {
  const chain = await openChain();
  const result = await chain.call({ from: rich, data: fromHex("0x60aa5f5360015ff3") }, 0n);
  assert.deepEqual([result.ok, toHex(result.data)], [true, "0xaa"]);
  const prefixed = await chain.call({ from: rich, data: fromHex("0x60ef5f5360015ff3") }, 0n);
  assert.equal(prefixed.error, "invalid code: must not begin with 0xef");
});

test("gas of a call is what the transaction then uses", async () => {
  const chain = await withCode("0x5f355f555f5fa000");
  const data = uintBE(1, 32);
  const estimate = await chain.call({ from: rich, to: CONTRACT, data, gas: 200_000n }, 0n);
  assert.equal(estimate.logs.length, 1);
  const { receipts } = await buildBlock(chain, [await sign({ nonce: 0, to: CONTRACT, data: toHex(data) })]);
  assert.equal(receipts[0]?.gasUsed, estimate.gasUsed);
  // Clearing the slot refunds: both say so.
  const zero = new Uint8Array(32);
  const cleared = await chain.call({ from: rich, to: CONTRACT, data: zero }, 1n);
  const { receipts: second } = await buildBlock(chain, [await sign({ nonce: 1, to: CONTRACT, data: toHex(zero) })]);
  assert.equal(second[0]?.gasUsed, cleared.gasUsed);
  assert.ok(cleared.gasUsed < 26_000n);
});

test("overrides change balance, nonce, code and slots, for the call alone", async () => {
  const chain = await withCode(answer("5f54600154600a0201"), {
    [toHex(uintBE(0, 32))]: toHex(uintBE(1, 32)),
    [toHex(uintBE(1, 32))]: toHex(uintBE(2, 32)),
  });
  const read = async (overrides?: object) =>
    readUintBE(
      (await chain.call({ to: CONTRACT, ...(overrides && { overrides: { [CONTRACT]: overrides } }) }, 0n)).data,
    );
  const slot = (n: number) => toHex(uintBE(n, 32));
  assert.equal(await read(), 21n);
  assert.equal(await read({ stateDiff: { [slot(0)]: slot(5) } }), 25n);
  assert.equal(await read({ state: { [slot(1)]: slot(3) } }), 30n, "the rest is cleared");
  assert.equal(await read({ code: fromHex(answer("47")), balance: 77n }), 77n);
  assert.equal(await read(), 21n);
  const money = { overrides: { [STRANGER]: { balance: ETHER } } };
  assert.equal((await chain.call({ from: STRANGER, to: rich, value: ETHER, gasPrice: 0n, ...money }, 0n)).ok, true);
  assert.equal((await chain.call({ from: STRANGER, to: rich, value: ETHER, gasPrice: GWEI, ...money }, 0n)).ok, false);
});

test("many calls at once do not disturb each other or the block in the making", async () => {
  const chain = await withCode("0x5f35805f555f545f5260205ff3");
  const builder = await chain.begin(AT);
  await builder.add({ bytes: await sign({ nonce: 0, to: CONTRACT, data: toHex(uintBE(999, 32)) }) });
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, i) => chain.call({ to: CONTRACT, data: uintBE(i, 32) }, 0n)),
  );
  assert.deepEqual(
    results.map(({ data }) => readUintBE(data)),
    Array.from({ length: 20 }, (_, i) => BigInt(i)),
  );
  const { receipts } = await builder.seal();
  assert.equal(receipts[0]?.status, 1);
});
