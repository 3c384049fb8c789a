/*
 * Steps of the machine, hashed, beside the same transaction in the engine that executes blocks.
 *
 * Each program loops until its gas is nearly gone: sums on the stack, memory and hashes of it, or storage. The same
 * transaction on the same state runs, in turn,
 * - in the chain's engine;
 * - on the machine, step by step;
 * - on the machine with the hash of the state after each step, and
 * - the tree over those hashes is built, filled up to a power of two, as a dispute opens it.
 * One round warms up, three are measured; medians.
 */

import { appendPadded, type Bytes, paddedTree, paddingWith } from "../../executor/index.ts";
import { assemble, type Item, OP, op } from "../../executor/machine/bytecode.fixture.ts";
import {
  openTransaction,
  runInLibrary,
  setupOf,
  type TransactionSetup,
} from "../../executor/machine/transaction.fixture.ts";

const ROUNDS = 3;
const MAIN = "0x00000000000000000000000000000000000000c0";
/** Gas at which the loops end. */
const RESERVE = 30_000n;

const DUP1 = 0x80;
const SWAP1 = 0x90;

/** Runs the body while there is gas; one word stays on the stack. */
const loop = (...body: readonly Item[]): Bytes =>
  assemble(1n, OP.jumpdest, ...body, op(OP.jumpi, 1n + 1n, op(OP.gt, OP.gas, RESERVE)), OP.stop);

const PROGRAMS = [
  {
    name: "stack",
    gas: 3_900_000,
    code: loop(...Array.from({ length: 8 }, (): Item[] => [DUP1, 3n, OP.add, SWAP1, OP.pop]).flat()),
  },
  {
    name: "memory and hashes",
    gas: 4_500_000,
    code: loop(
      op(OP.mstore, op(OP.and, DUP1, 0x3ffn), DUP1),
      assemble(op(OP.keccak256, 0n, 64n), OP.add),
      assemble(op(OP.mload, 0x155n), OP.add),
    ),
  },
  {
    name: "storage",
    gas: 2 ** 24 - 1,
    code: loop(op(OP.sstore, op(OP.and, DUP1, 63n), DUP1), 1n, OP.add),
  },
];

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

const timed = async (run: () => unknown): Promise<number> => {
  const started = performance.now();
  await run();
  return performance.now() - started;
};

const runPlain = (setup: TransactionSetup): number => {
  const machine = openTransaction(setup);
  while (machine.ended === undefined) machine.step();
  return machine.steps;
};

/** A hash after each step but the last, which ends in a chain state. */
const runHashed = (setup: TransactionSetup): readonly Bytes[] => {
  const machine = openTransaction(setup);
  const hashes: Bytes[] = [];
  machine.step();
  while (machine.ended === undefined) {
    hashes.push(machine.hash());
    machine.step();
  }
  return hashes;
};

const treeOver = (hashes: readonly Bytes[]): Bytes =>
  paddedTree(hashes.reduce(appendPadded, paddingWith(hashes[0] as Bytes)), Math.ceil(Math.log2(hashes.length))).root;

export const benchMachine = async (print: (line: string) => void): Promise<void> => {
  for (const { name, gas, code } of PROGRAMS) {
    const setup = await setupOf({ accounts: { [MAIN]: { nonce: 1n, code } }, to: MAIN, gas });
    const spent = { engine: [] as number[], plain: [] as number[], hashed: [] as number[], tree: [] as number[] };
    let steps = 0;
    for (let round = 0; round <= ROUNDS; round++) {
      let hashes: readonly Bytes[] = [];
      const engine = await timed(() => runInLibrary(setup));
      const plain = await timed(() => {
        steps = runPlain(setup);
      });
      const hashed = await timed(() => {
        hashes = runHashed(setup);
      });
      const tree = await timed(() => treeOver(hashes));
      if (round === 0) continue;
      spent.engine.push(engine);
      spent.plain.push(plain);
      spent.hashed.push(hashed);
      spent.tree.push(tree);
    }
    const seconds = (values: readonly number[]): string => `${(median(values) / 1000).toFixed(2)} s`;
    const rate = ((1000 * steps) / median(spent.hashed) / 1000).toFixed(0);
    print(
      `${name.padEnd(18)} ${steps} steps: engine ${seconds(spent.engine)}, machine ${seconds(spent.plain)}, ` +
        `with hashes ${seconds(spent.hashed)} (${rate} thousand steps a second), tree ${seconds(spent.tree)}`,
    );
  }
};
