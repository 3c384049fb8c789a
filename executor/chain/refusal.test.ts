import assert from "node:assert/strict";
import test from "node:test";
import { type Bytes, EMPTY_BYTES, toHex, uintBE } from "../foundation/bytes.ts";
import { encodeDeposit } from "../protocol/envelope.ts";
import { DEVNET_PARAMETERS } from "../protocol/parameters.ts";
import type { InboxEnvelope, RefusalCode } from "../protocol/transaction.ts";
import { AT, accountOf, ETHER, funded, GWEI, openChain, sign } from "./chain.fixture.ts";

const TO = "0x00000000000000000000000000000000000000aa";
const LIMIT = 30_000_000n;
const poor = accountOf(8).address.toLowerCase();
const withCode = accountOf(9).address.toLowerCase();
const lastNonce = accountOf(10).address.toLowerCase();

const open = () =>
  openChain({
    alloc: {
      ...funded(2),
      [poor]: { balance: 21_000n * 10n * GWEI + 4n },
      [withCode]: { balance: ETHER, nonce: 1n, code: "0x00" },
      [lastNonce]: { balance: ETHER, nonce: 2n ** 64n - 1n },
    },
  });

const deposit = (gas: bigint): Bytes =>
  encodeDeposit({ sourceHash: toHex(uintBE(1, 32)), from: TO, to: TO, mint: 1n, value: 0n, gas, data: EMPTY_BYTES });

test("each rule that needs the block or the account refuses with its code and leaves no trace but its price", async () => {
  const chain = await open();
  const builder = await chain.begin(AT);
  const included = async (envelope: Bytes) => assert.equal((await builder.add({ bytes: envelope })).included, true);
  await included(await sign({ nonce: 0, to: TO, value: 1n, gas: 16_000_000n }));
  // Burns its 13,990,000 gas: an invalid opcode.
  const burner = await sign({ nonce: 1, data: "0xfe", gas: 13_990_000n });
  await included(burner);
  const left = LIMIT - builder.gasUsed;
  const refusals: readonly (readonly [string, InboxEnvelope, RefusalCode])[] = [
    ["an envelope that is none", { bytes: Uint8Array.of(0xc0) }, "TX_MALFORMED"],
    [
      "fee below the base fee",
      { bytes: await sign({ nonce: 2, to: TO, gas: 21_000n, maxFeePerGas: 800_000_000n, maxPriorityFeePerGas: 0n }) },
      "TX_FEE_CAP",
    ],
    ["more gas than the block has left", { bytes: await sign({ nonce: 2, to: TO, gas: left + 1n }) }, "TX_BLOCK_GAS"],
    ["a contract as sender", { bytes: await sign({ from: 9, nonce: 1, to: TO }) }, "TX_SENDER_CODE"],
    ["nonce behind", { bytes: await sign({ nonce: 1, to: TO }) }, "TX_NONCE_LOW"],
    ["the same envelope again", { bytes: burner }, "TX_NONCE_LOW"],
    ["nonce ahead", { bytes: await sign({ nonce: 3, to: TO }) }, "TX_NONCE_HIGH"],
    [
      "the last nonce there is",
      { bytes: await sign({ from: 10, nonce: Number.MAX_SAFE_INTEGER, to: TO }) },
      "TX_NONCE_LOW",
    ],
    ["a wei short", { bytes: await sign({ from: 8, nonce: 0, to: TO, gas: 21_000n, value: 5n }) }, "TX_BALANCE"],
    ["a deposit from the sequencer", { bytes: deposit(21_000n) }, "TX_TYPE"],
    ["a deposit as a raw message", { bytes: deposit(21_000n), delayed: { kind: "raw", gas: 21_000n } }, "TX_TYPE"],
    [
      "a signed transaction as a deposit",
      { bytes: await sign({ nonce: 2, to: TO }), delayed: { kind: "deposit", gas: 1_000_000n } },
      "TX_TYPE",
    ],
    [
      "a forced transaction above its declared gas",
      { bytes: await sign({ nonce: 2, to: TO, gas: 21_001n }), delayed: { kind: "raw", gas: 21_000n } },
      "TX_DECLARED_GAS",
    ],
  ];
  const { refusal } = DEVNET_PARAMETERS.budget;
  for (const [what, envelope, code] of refusals) {
    const { gasUsed, budget } = builder;
    // What is offered is not posted, and a message was metered by L1.
    if (envelope.delayed === undefined) {
      const offered = await builder.offer(envelope.bytes);
      assert.equal(offered.included ? "included" : offered.code, code, what);
      assert.equal(builder.budget, budget, what);
    }
    const result = await builder.add(envelope);
    assert.equal(result.included ? "included" : result.code, code, what);
    assert.equal(builder.gasUsed, gasUsed, what);
    assert.equal(builder.budget, envelope.delayed === undefined ? budget - refusal : budget, what);
  }
  const priced = BigInt(refusals.filter(([, { delayed }]) => delayed === undefined).length) * refusal;
  const { block } = await builder.seal();
  const without = await open();
  const plain = await without.begin(AT);
  for (const { envelope } of block.transactions) await plain.add({ bytes: envelope });
  const { header } = (await plain.seal()).block;
  assert.deepEqual({ ...header, budget: header.budget - priced }, block.header, "refusals are no part of the block");
});

test("the boundary of each rule is on the right side", async () => {
  const chain = await open();
  const builder = await chain.begin(AT);
  const exact: readonly (readonly [string, InboxEnvelope])[] = [
    ["balance to the wei", { bytes: await sign({ from: 8, nonce: 0, to: TO, gas: 21_000n, value: 4n }) }],
    [
      "fee cap at the base fee",
      { bytes: await sign({ nonce: 0, to: TO, maxFeePerGas: 875_000_000n, maxPriorityFeePerGas: 0n }) },
    ],
    [
      "forced at its declared gas",
      { bytes: await sign({ nonce: 1, to: TO, gas: 21_000n }), delayed: { kind: "raw", gas: 21_000n } },
    ],
  ];
  for (const [what, envelope] of exact) assert.equal((await builder.add(envelope)).included, true, what);
  await builder.add({ bytes: await sign({ nonce: 2, data: "0xfe", gas: 16_000_000n }) });
  const left = LIMIT - builder.gasUsed;
  const all = await builder.add({ bytes: await sign({ nonce: 3, to: TO, gas: left }) });
  assert.equal(all.included, true, "all the gas that is left");
});

test("the order of the rules decides which code a doubly wrong transaction gets", async () => {
  const chain = await open();
  const builder = await chain.begin(AT);
  await builder.add({ bytes: await sign({ nonce: 0, data: "0xfe", gas: 16_000_000n }) });
  const cases: readonly (readonly [string, Parameters<typeof sign>[0], RefusalCode])[] = [
    [
      "fee before gas",
      { nonce: 1, to: TO, gas: 16_000_000n, maxFeePerGas: 1n, maxPriorityFeePerGas: 0n },
      "TX_FEE_CAP",
    ],
    ["gas before code", { from: 9, nonce: 7, to: TO, gas: 16_000_000n }, "TX_BLOCK_GAS"],
    ["code before nonce", { from: 9, nonce: 7, to: TO, value: 10n * ETHER }, "TX_SENDER_CODE"],
    ["nonce before balance", { nonce: 9, to: TO, value: 10_000n * ETHER }, "TX_NONCE_HIGH"],
  ];
  for (const [what, request, code] of cases) {
    const result = await builder.add({ bytes: await sign(request) });
    assert.equal(result.included ? "included" : result.code, code, what);
  }
  builder.abort();
});
