import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bytes } from "../foundation/bytes.ts";
import { MAX_ENVELOPE_BYTES } from "../protocol/envelope.ts";
import { assemble, callOf, type Item, OP, op } from "./bytecode.fixture.ts";
import { openTransaction, setupOf } from "./transaction.fixture.ts";

const MAIN = "0x00000000000000000000000000000000000000c0";
const OTHER = "0x00000000000000000000000000000000000000d0";
const other = BigInt(OTHER);
const GAS = 300_000;
/** Steps of a transaction without an instruction: arrival, DECODE, ENTER, STOP, EXIT, TXEND, RECEIPT, and a few to spare. */
const FIXED = 10;

/** Runs the body while there is gas, so that what is used is what was burned. */
const loop = (...body: readonly Item[]): Bytes =>
  assemble(OP.jumpdest, ...body, op(OP.jumpi, 0n, op(OP.gt, OP.gas, 60_000n)), OP.stop);

const popped = (code: Bytes): Bytes => assemble(code, OP.pop);
const writing = assemble(op(OP.sstore, OP.gas, 1n), op(OP.sstore, OP.gas, 1n), op(OP.selfdestruct, OP.caller));

/** What has many steps for its gas: each rule of the bound's proof. */
const BODIES: Readonly<Record<string, Bytes>> = {
  "nothing but JUMPDEST": assemble(...new Array<number>(200).fill(OP.jumpdest)),
  "calls of nobody": popped(callOf(OP.call, { to: 0xf0n, gas: 0n })),
  "calls of a precompile that gives nothing": popped(callOf(OP.staticcall, { to: 4n })),
  "calls of a precompile whose word is copied back": popped(
    callOf(OP.staticcall, { to: 4n, input: [0n, 32n], output: [5n, 32n] }),
  ),
  "calls of a precompile whose 2 KiB are copied back": popped(
    callOf(OP.staticcall, { to: 4n, input: [0n, 2048n], output: [5n, 2048n] }),
  ),
  "calls that move a value and keep the stipend": popped(callOf(OP.call, { to: other, gas: 0n, value: 1n })),
  "calls that halt at once": popped(callOf(OP.call, { to: other, gas: 1n })),
  "copies of one byte": op(OP.mcopy, 0n, 1n, 1n),
  "copies that need one step more for their alignment": op(OP.calldatacopy, 31n, 0n, 1025n),
  "copies of code, far behind its end": op(OP.codecopy, 1n, 2n ** 64n, 994n),
  "hashes of one byte": popped(op(OP.keccak256, 0n, 1n)),
  "hashes of whole blocks": popped(op(OP.keccak256, 0n, 1360n)),
  "logs of one byte": op(OP.log0, 0n, 1n),
  "logs of whole blocks": op(OP.log0, 0n, 1360n),
  "creations of nothing": popped(op(OP.create, 0n, 0n, 0n)),
  "creations that write slots and end": assemble(
    op(OP.codecopy, 0n, 0n, 0n),
    op(OP.mstore, 0n, assemble(new Uint8Array([0x60 + writing.length - 1]), writing)),
    popped(op(OP.create, 0n, BigInt(32 - writing.length), BigInt(writing.length))),
  ),
};

for (const [name, body] of Object.entries(BODIES))
  test(`steps are fewer than the gas burned: ${name}`, async () => {
    const accounts = {
      [MAIN]: { nonce: 1n, balance: 10n ** 6n, code: loop(body) },
      [OTHER]: { nonce: 1n, balance: 1n, code: Uint8Array.of(OP.jumpdest, OP.jumpdest, OP.stop) },
    };
    const machine = openTransaction(await setupOf({ accounts, to: MAIN, gas: GAS }));
    while (machine.ended === undefined) machine.step();
    const burned = Number(machine.ended.chain.gasUsed) - 21_000;
    assert.ok(burned > 100_000, `${burned} gas`);
    assert.ok(machine.steps <= burned + FIXED, `${machine.steps} steps of ${burned} gas`);
  });

test("an envelope of the greatest length from blobs, refused or not, takes at most 3,175 steps more than its gas", async () => {
  const setup = await setupOf({ accounts: {}, to: MAIN, gas: 21_000 });
  const refused = { ...setup, envelope: new Uint8Array(MAX_ENVELOPE_BYTES).fill(0x05), inPieces: true };
  const machine = openTransaction(refused);
  while (machine.ended === undefined) machine.step();
  assert.equal(machine.ended.chain.receipts.count, 0);
  assert.ok(machine.steps > 3_170 && machine.steps <= 3_175, `${machine.steps} steps`);

  const data = new Uint8Array(MAX_ENVELOPE_BYTES - 200);
  const long = openTransaction({
    ...(await setupOf({ accounts: {}, to: MAIN, data, gas: 1_100_000 })),
    inPieces: true,
  });
  while (long.ended === undefined) long.step();
  assert.equal(long.ended.chain.receipts.count, 1);
  assert.ok(long.steps <= 3_190, `${long.steps} steps`);
});
