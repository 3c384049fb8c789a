import assert from "node:assert/strict";
import { test } from "node:test";
import { type Hex, keccakOf, toHex, uintBE } from "../../executor/index.ts";
import { startHarness } from "../support/solidity.ts";

const harness = startHarness(
  "Harness",
  `
import {Record, Records} from "bridge/contracts/libraries/Record.sol";
contract Harness {
    struct Fields {
        bool exists; bool isFirst; bool isRivalled; bool isProven;
        uint64 firstAt; uint64 secondAt; uint64 cached; uint64 own; uint64 timer;
    }
    function fields(Record r) external view returns (Fields memory) {
        return Fields(
            r.exists(), r.isFirst(), r.isRivalled(), r.isProven(),
            r.firstAt(), r.secondAt(), r.cached(), r.own(), r.timer()
        );
    }
    function first(bytes32 edge) external view returns (Record) { return Records.first(edge); }
    function later() external pure returns (Record) { return Records.LATER; }
    function withRival(Record r) external view returns (Record) { return r.withRival(); }
    function asProven(Record r) external pure returns (Record) { return r.asProven(); }
    function withCached(Record r, uint64 blocks) external pure returns (Record) { return r.withCached(blocks); }
    function isOf(Record r, bytes32 edge) external pure returns (bool) { return r.isOf(edge); }
    function time(uint256 value) external pure returns (uint40) { return Records.time(value); }
}`,
);

const EDGE = toHex(keccakOf(uintBE(1, 4)));
const FOREVER = 2n ** 64n - 1n;
/** What 40 bits hold, but for the mark that stands for all time. */
const LAST = 2n ** 40n - 2n;

type Parts = {
  readonly isProven?: boolean;
  readonly firstAt?: bigint;
  readonly secondAt?: bigint;
  readonly cached?: bigint;
};

/** A record by its table of bits. */
const packed = ({ isProven = false, firstAt = 0n, secondAt = 0n, cached = 0n }: Parts, edge: Hex | undefined): bigint =>
  1n |
  (isProven ? 2n : 0n) |
  (firstAt << 8n) |
  (secondAt << 48n) |
  ((cached === FOREVER ? 2n ** 40n - 1n : cached) << 88n) |
  (edge === undefined ? 0n : (BigInt(edge) >> 128n) << 128n);

const ask = async <T>(name: string, ...args: readonly unknown[]): Promise<T> => {
  const answer = await (await harness).call<T>(name, args);
  if ("error" in answer) assert.fail(`${name}: ${answer.error}`);
  return answer.result;
};

test("each field has its bits, and a change of one leaves the others", async () => {
  for (const firstAt of [1n, 24_000_000n, LAST - 1n])
    for (const cached of [0n, 1n, 2n ** 39n, LAST, FOREVER]) {
      const parts = { firstAt, secondAt: firstAt + 1n, cached };
      const record = packed(parts, EDGE);
      const fields = { exists: true, isFirst: true, isRivalled: true, isProven: false, ...parts, own: 1n };
      assert.deepEqual(await ask("fields", record), { ...fields, timer: cached > 1n ? cached : 1n });
      assert.equal(await ask("asProven", record), packed({ ...parts, isProven: true }, EDGE));
      for (const next of [0n, 5n, LAST, FOREVER])
        assert.equal(await ask("withCached", record, next), packed({ ...parts, cached: next }, EDGE));
    }
  const proven = await ask<{ readonly timer: bigint }>(
    "fields",
    packed({ isProven: true, firstAt: 3n, secondAt: 4n }, EDGE),
  );
  assert.equal(proven.timer, FOREVER);
});

test("an edge that comes later has a rival and no time of its own", async () => {
  const record = await ask<bigint>("later");
  assert.equal(record, packed({}, undefined));
  const fields = {
    exists: true,
    isFirst: false,
    isRivalled: true,
    isProven: false,
    firstAt: 0n,
    secondAt: 0n,
    own: 0n,
  };
  assert.deepEqual(await ask("fields", record), { ...fields, cached: 0n, timer: 0n });
  assert.deepEqual(await ask("fields", await ask("withCached", record, 9n)), { ...fields, cached: 9n, timer: 9n });
});

test("a context knows its first edge by the upper half of its id", async () => {
  const other = toHex(keccakOf(uintBE(2, 4)));
  // The harness runs at block 0.
  assert.equal(await ask("first", EDGE), packed({}, EDGE));
  const full = packed({ isProven: true, firstAt: LAST, secondAt: LAST, cached: FOREVER }, EDGE);
  for (const record of [packed({ firstAt: 1n }, EDGE), full]) {
    assert.equal(await ask("isOf", record, EDGE), true);
    assert.equal(await ask("isOf", record, other), false);
    const last = EDGE[33] === "0" ? "1" : "0";
    assert.equal(await ask("isOf", record, `${EDGE.slice(0, 33)}${last}${EDGE.slice(34)}`), false);
    assert.equal(await ask("isOf", record, EDGE.slice(0, 34) + other.slice(34)), true);
  }
});

test("a time that a record cannot hold is refused", async () => {
  assert.equal(Number(await ask("time", LAST)), Number(LAST));
  const { call } = await harness;
  for (const value of [LAST + 1n, LAST + 2n, 2n ** 64n, 2n ** 256n - 1n])
    assert.deepEqual(await call("time", [value]), { error: "TimeOutOfRange" });
  for (const blocks of [LAST + 1n, LAST + 2n, FOREVER - 1n])
    assert.deepEqual(await call("withCached", [packed({ firstAt: 1n }, EDGE), blocks]), { error: "TimeOutOfRange" });
});
