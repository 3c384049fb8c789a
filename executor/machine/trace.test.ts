import assert from "node:assert/strict";
import test from "node:test";
import { openChain, sign } from "../chain/chain.fixture.ts";
import { type Bytes, concat, toHex, uintBE } from "../foundation/bytes.ts";
import { innerNode } from "../foundation/merkle.ts";
import { chainStateAt } from "../protocol/chain-state.ts";
import { assemble, OP, op } from "./bytecode.fixture.ts";
import { deriveBatches, walkUnits } from "./machine.fixture.ts";
import { createUnitTrace } from "./trace.ts";

const LOOP = "0x0000000000000000000000000000000000001000";
/** Counts the first word of calldata down, and keeps a few words of memory busy. */
const CODE = "0x5f35" + "5b" + "80800260030181" + "6103e01652" + "60019003" + "80" + "6002" + "57" + "00";
const HEIGHT = 16;

const noModels = () => Promise.reject(new Error("no model is asked here"));

/** Machines at one transaction that counts down from `count`. */
const openLoop = (count: number) => openUnit({ to: LOOP, data: toHex(uintBE(count, 32)) });

const openUnit = async (request: { readonly to?: string; readonly data: string }, code: string = CODE, status = 1) => {
  const chain = await openChain({ alloc: { [LOOP]: { nonce: 1n, code: code as `0x${string}` } } });
  const inbox = await deriveBatches(chain, [{ blocks: [[await sign({ nonce: 0, gas: 2_000_000n, ...request })]] }]);
  assert.equal(chain.receipts(1n)?.[0]?.status, status);
  const start = chainStateAt(chain, 0n, { batch: 0n, cursor: 0, delayed: 0n });
  const walk = walkUnits(chain, inbox, "calldata", start);
  const begin = walk.open();
  begin.step();
  walk.pass(begin);
  return walk;
};

/** The tree by its definition: all leaves, all nodes, filled up with the last state. */
const treeOf = (leaves: readonly Bytes[], height: number): readonly (readonly Bytes[])[] => {
  const last = leaves.at(-1) as Bytes;
  const levels: (readonly Bytes[])[] = [leaves];
  for (let h = 0, padding = last; h < height; h++, padding = innerNode(padding, padding)) {
    const below = levels[h] as readonly Bytes[];
    const level: Bytes[] = [];
    for (let i = 0; i < below.length; i += 2) level.push(innerNode(below[i] as Bytes, below[i + 1] ?? padding));
    levels.push(level);
  }
  return levels;
};

for (const count of [1, 3, 4, 1700])
  test(`a loop of ${count}: every node equals the tree's over all states, in any order`, async () => {
    const walk = await openLoop(count);
    const machine = walk.open();
    const leaves: Bytes[] = [];
    while (machine.ended === undefined) {
      machine.step();
      leaves.push(machine.hash());
    }
    const trace = await createUnitTrace(walk.open(), noModels, HEIGHT);
    assert.equal(trace.steps, leaves.length);
    const levels = treeOf(leaves, HEIGHT);
    const expectNode = (height: number, index: number) =>
      assert.equal(toHex(trace.node(height, index)), toHex(levels[height]?.[index] as Bytes), `${height} ${index}`);
    expectNode(HEIGHT, 0);
    for (let i = 0; i < 60; i++) {
      const height = (i * 7) % HEIGHT;
      const width = levels[height]?.length as number;
      expectNode(height, (i * 7919) % width);
      expectNode(height, width - 1);
    }
    const last = leaves.at(-1) as Bytes;
    assert.equal(toHex(trace.node(0, leaves.length)), toHex(last), "padding is the state that ends the unit");
    assert.equal(toHex(trace.node(1, 2 ** (HEIGHT - 1) - 1)), toHex(innerNode(last, last)));
    for (const position of [0, 1, leaves.length - 1, Math.floor(leaves.length / 2), leaves.length]) {
      const before = position === 0 ? trace.start : (leaves[position - 1] as Bytes);
      assert.equal(toHex(trace.pre(position)), toHex(before));
      assert.equal(toHex(trace.machineAt(position).hash()), toHex(before));
    }
    assert.ok(trace.words > 0);
    trace.forget();
    assert.equal(trace.words, 0);
    for (const position of [leaves.length - 1, 0, Math.floor(leaves.length / 2)]) expectNode(0, position);
    assert.throws(() => trace.node(HEIGHT, 1), RangeError);
    assert.throws(() => trace.node(HEIGHT + 1, 0), RangeError);
  });

test("units that end around the border of a group have the tree of their states", async () => {
  const lengths = new Set<number>();
  for (const jumps of [53, 54, 55, 56, 117, 118]) {
    const walk = await openUnit({ data: `0x${"5b".repeat(jumps)}` });
    const machine = walk.open();
    const leaves: Bytes[] = [];
    while (machine.ended === undefined) {
      machine.step();
      leaves.push(machine.hash());
    }
    lengths.add(leaves.length % 64);
    const trace = await createUnitTrace(walk.open(), noModels, 8);
    const levels = treeOf(leaves, 8);
    assert.equal(toHex(trace.node(8, 0)), toHex(levels[8]?.[0] as Bytes), `${leaves.length} steps`);
    for (const [i, leaf] of leaves.entries()) if (i % 7 === 0) assert.equal(toHex(trace.node(0, i)), toHex(leaf));
  }
  for (const border of [63, 0, 1]) assert.ok(lengths.has(border), `${[...lengths]}`);
});

test("a unit with more steps than its tree has leaves is refused", async () => {
  const walk = await openLoop(1700);
  await assert.rejects(createUnitTrace(walk.open(), noModels, 8), RangeError);
});

test("a program that changes all its memory again and again is held by a bounded number of words", async () => {
  const words = 2 ** 12;
  const doubled = Array.from({ length: 12 }, (_, i) => op(OP.mcopy, 32n << BigInt(i), 0n, 32n << BigInt(i)));
  const head = concat(op(OP.mstore, 0n, 2n ** 255n + 77n), ...doubled);
  const far = concat(Uint8Array.of(0x61), uintBE(head.length, 2));
  const moving = assemble(OP.jumpdest, op(OP.mcopy, 1n, 0n, BigInt(32 * (words - 1))), far, OP.jump);
  const data = toHex(uintBE(0, 32));
  const walk = await openUnit({ to: LOOP, data }, toHex(concat(head, moving)), 0);
  const trace = await createUnitTrace(walk.open(), noModels, HEIGHT);
  assert.ok(trace.words < 2 ** 16 + 4 * words, `${trace.words} words`);
  const machine = walk.open();
  const asked = new Map<number, Bytes>();
  while (machine.ended === undefined) {
    machine.step();
    if (machine.steps % 1_999 === 0) asked.set(machine.steps - 1, machine.hash().slice());
  }
  assert.ok(asked.size > 5);
  for (const [position, hash] of [...asked].reverse()) assert.equal(toHex(trace.node(0, position)), toHex(hash));
  assert.ok(trace.words < 2 ** 16 + 4 * words, `${trace.words} words`);
});
