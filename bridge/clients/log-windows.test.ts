import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type BlockRange, createLogWindows } from "./log-windows.ts";

const lengthOf = ({ fromBlock, toBlock }: BlockRange): bigint => toBlock - fromBlock + 1n;

/** A provider that refuses more than `bound` blocks, or more than `results` logs; every block has `logs`. */
const provider = (bound: bigint, results = Number.POSITIVE_INFINITY, logs: (block: bigint) => number = () => 0) => {
  const asked: BlockRange[] = [];
  return {
    asked,
    async read(range: BlockRange): Promise<readonly bigint[]> {
      asked.push(range);
      const found: bigint[] = [];
      for (let block = range.fromBlock; block <= range.toBlock; block++)
        for (let i = 0; i < logs(block); i++) found.push(block);
      if (lengthOf(range) > bound || (found.length > results && range.fromBlock !== range.toBlock))
        throw new Error("query exceeds max results or range");
      return found;
    },
  };
};

const collect = async <T>(from: AsyncIterable<readonly T[]>): Promise<readonly T[]> => {
  const all: T[] = [];
  for await (const part of from) all.push(...part);
  return all;
};

test("whatever a provider refuses, every log comes once and in order, from either end", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        bound: fc.bigInt(1n, 40n),
        results: fc.nat({ max: 6 }),
        from: fc.bigInt(0n, 20n),
        length: fc.bigInt(0n, 150n),
        most: fc.bigInt(1n, 100n),
        seed: fc.nat(),
      }),
      async ({ bound, results, from, length, most, seed }) => {
        const logs = (block: bigint) => (Number(block) * 7 + seed) % 3;
        const range = { fromBlock: from, toBlock: from + length - 1n };
        const { read } = provider(bound, results, logs);
        const all: bigint[] = [];
        for (let block = range.fromBlock; block <= range.toBlock; block++)
          for (let i = 0; i < logs(block); i++) all.push(block);
        const windows = createLogWindows({ most });
        assert.deepEqual(await collect(windows.forwards(range, read)), all);
        const back: bigint[] = [];
        for await (const part of windows.backwards(range, read)) back.unshift(...part);
        assert.deepEqual(back, all);
      },
    ),
  );
});

test("what was learned of the provider serves the next query, and longer ones are tried again", async () => {
  const windows = createLogWindows({ most: 1_000n });
  const strict = provider(10n);
  await collect(windows.forwards({ fromBlock: 0n, toBlock: 499n }, strict.read));
  const refused = strict.asked.filter((range) => lengthOf(range) > 10n);
  assert.ok(refused.length <= 10, `${refused.length} of ${strict.asked.length} were refused`);
  const generous = provider(1_000n);
  await collect(windows.forwards({ fromBlock: 0n, toBlock: 99_999n }, generous.read));
  assert.equal(lengthOf(generous.asked.at(-2) as BlockRange), 1_000n);
});

test("what even one block is refused for is the provider's own error, and a signal ends it", async () => {
  const down = () => Promise.reject(new Error("down"));
  await assert.rejects(collect(createLogWindows().forwards({ fromBlock: 0n, toBlock: 9n }, down)), /down/);
  const aborter = new AbortController();
  const aborting = async () => {
    aborter.abort(new Error("stopped"));
    throw new Error("down");
  };
  const range = { fromBlock: 0n, toBlock: 9n };
  await assert.rejects(collect(createLogWindows().forwards(range, aborting, aborter.signal)), /stopped/);
});
