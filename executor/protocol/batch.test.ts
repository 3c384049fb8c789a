import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concat, equalBytes, MAX_ENVELOPE_BYTES, toHex, uintBE } from "../index.ts";
import { type BatchBlock, batchBlockSize, type DerivedBlock, decodeBatch, encodeBatch } from "./batch.ts";

const START = { cursor: 0, delayed: 0n };
const decode = (data: Uint8Array, delayedEnd = 0n, start = START): DerivedBlock[] => [
  ...decodeBatch(data, start, delayedEnd),
];
const record = (body: Uint8Array, length = body.length) => concat(uintBE(length, 4), body);
const header = (timestamp: bigint) => record(concat(Uint8Array.of(0), uintBE(timestamp, 8)));
const shown = (block: DerivedBlock) => ({ ...block, envelopes: block.envelopes.map(toHex) });

/** The table of phases, unit by unit, as the specification writes it. */
const derivedByUnits = (data: Uint8Array, delayedEnd: bigint) => {
  let phase = 0;
  let cursor = 0;
  let delayed = 0n;
  const blocks: { timestamp: bigint | undefined; units: string[]; cursor: number }[] = [];
  const place = (): { kind: "end" | "header" | "envelope"; length: number } => {
    if (data.length - cursor < 4) return { kind: "end", length: 0 };
    const length = Number(BigInt(toHex(data.slice(cursor, cursor + 4))));
    if (length === 0 || length > data.length - cursor - 4) return { kind: "end", length: 0 };
    return { kind: length === 9 && data[cursor + 4] === 0 ? "header" : "envelope", length };
  };
  for (;;) {
    const here = place();
    const body = data.slice(cursor + 4, cursor + 4 + here.length);
    const block = blocks.at(-1);
    if (phase === 1 && block !== undefined) {
      if (delayed < delayedEnd) block.units.push(`delayed ${delayed++}`);
      else if (here.kind === "envelope") {
        if (here.length <= MAX_ENVELOPE_BYTES) block.units.push(toHex(body));
        cursor += 4 + here.length;
      } else {
        phase = 0;
        block.cursor = cursor;
      }
    } else if (here.kind === "header") {
      blocks.push({ timestamp: BigInt(toHex(body.slice(1))), units: [], cursor });
      cursor += 13;
      phase = 1;
    } else if (here.kind === "end" && delayed < delayedEnd) {
      blocks.push({ timestamp: undefined, units: [], cursor });
      phase = 1;
    } else if (here.kind === "end") return blocks;
    else cursor += 4 + here.length;
  }
};

const unitsOf = (block: DerivedBlock) => ({
  timestamp: block.timestamp,
  units: [
    ...Array.from(
      { length: Number(block.delayed.to - block.delayed.from) },
      (_, i) => `delayed ${BigInt(i) + block.delayed.from}`,
    ),
    ...block.envelopes.map(toHex),
  ],
  cursor: block.end.cursor,
});

const isHeaderLike = (envelope: Uint8Array) => envelope.length === 9 && envelope[0] === 0;
const blocksArbitrary: fc.Arbitrary<BatchBlock[]> = fc.array(
  fc.record({
    timestamp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    envelopes: fc.array(
      fc.uint8Array({ minLength: 1, maxLength: 20 }).filter((envelope) => !isHeaderLike(envelope)),
      { maxLength: 4 },
    ),
  }),
  { maxLength: 5 },
);
const SEED = { seed: 20_261 };

test("a batch decodes to what was encoded, and its size is foreseen", () => {
  fc.assert(
    fc.property(blocksArbitrary, (blocks) => {
      const data = encodeBatch(blocks);
      assert.equal(
        data.length,
        blocks.reduce((size, block) => size + batchBlockSize(block), 0),
      );
      const derived = decode(data);
      assert.deepEqual(
        derived.map(({ timestamp, envelopes }) => ({ timestamp, envelopes: envelopes.map(toHex) })),
        blocks.map(({ timestamp, envelopes }) => ({ timestamp, envelopes: envelopes.map(toHex) })),
      );
      if (derived.length > 0) assert.equal(derived.at(-1)?.end.cursor, data.length);
    }),
    SEED,
  );
});

test("delayed messages run first in the first block; without a header they get a block of the origin's timestamp", () => {
  const data = encodeBatch([
    { timestamp: 5n, envelopes: [Uint8Array.of(1)] },
    { timestamp: 6n, envelopes: [] },
  ]);
  assert.deepEqual(decode(data, 3n, { cursor: 0, delayed: 1n }).map(shown), [
    { timestamp: 5n, delayed: { from: 1n, to: 3n }, envelopes: ["0x01"], end: { cursor: 18, delayed: 3n } },
    { timestamp: 6n, delayed: { from: 3n, to: 3n }, envelopes: [], end: { cursor: 31, delayed: 3n } },
  ]);
  assert.deepEqual(decode(new Uint8Array(0), 2n).map(shown), [
    { timestamp: undefined, delayed: { from: 0n, to: 2n }, envelopes: [], end: { cursor: 0, delayed: 2n } },
  ]);
  assert.deepEqual(decode(new Uint8Array(0), 0n), []);
});

test("each way to be malformed is passed over", () => {
  const tx = Uint8Array.of(2, 0xc0);
  const timestamps = (data: Uint8Array) => decode(data).map((block) => block.timestamp);
  // An envelope before any header belongs to no block.
  assert.deepEqual(decode(concat(record(tx), header(7n))).map(shown), [
    { timestamp: 7n, delayed: { from: 0n, to: 0n }, envelopes: [], end: { cursor: 19, delayed: 0n } },
  ]);
  // Length 0, a length past the end, and fewer than four bytes are the end, whatever follows.
  assert.deepEqual(timestamps(concat(header(7n), uintBE(0, 4), header(8n))), [7n]);
  assert.deepEqual(timestamps(concat(header(7n), uintBE(14, 4), header(8n))), [7n]);
  assert.deepEqual(timestamps(concat(header(7n), uintBE(13, 4), header(8n))), [7n]);
  assert.equal(decode(concat(header(7n), uintBE(13, 4), header(8n)))[0]?.envelopes.length, 1);
  assert.deepEqual(timestamps(concat(header(7n), Uint8Array.of(0, 0, 0))), [7n]);
  assert.deepEqual(timestamps(record(Uint8Array.of(0, 1), 0xffffffff)), []);
  // Ten bytes that begin with zero are an envelope, not a header.
  assert.equal(decode(concat(header(7n), record(new Uint8Array(10))))[0]?.envelopes.length, 1);
  // An envelope of the greatest length is read, a longer one is passed.
  const longest = record(new Uint8Array(MAX_ENVELOPE_BYTES));
  const longer = record(new Uint8Array(MAX_ENVELOPE_BYTES + 1));
  assert.equal(decode(concat(header(7n), longest, record(tx)))[0]?.envelopes.length, 2);
  assert.deepEqual(decode(concat(header(7n), longer, record(tx)))[0]?.envelopes.map(toHex), [toHex(tx)]);
});

test("every byte cut or flipped gives what the table of units gives", () => {
  const data = encodeBatch([
    { timestamp: 1n, envelopes: [Uint8Array.of(1, 2, 3), new Uint8Array(9).fill(1)] },
    { timestamp: 2n ** 63n, envelopes: [] },
    { timestamp: 3n, envelopes: [Uint8Array.of(0xf8)] },
  ]);
  const check = (bytes: Uint8Array) => {
    for (const delayedEnd of [0n, 2n])
      assert.deepEqual(decode(bytes, delayedEnd).map(unitsOf), derivedByUnits(bytes, delayedEnd));
  };
  for (let i = 0; i <= data.length; i++) check(data.slice(0, i));
  for (let i = 0; i < data.length; i++)
    for (let bit = 0; bit < 8; bit++) {
      const flipped = data.slice();
      flipped[i] = (flipped[i] as number) ^ (1 << bit);
      check(flipped);
    }
});

test("random bytes: total, equal to the table, and resumable after every block", () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(header),
    fc.uint8Array({ minLength: 1, maxLength: 12 }).map((body) => record(body)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.bigInt({ min: 0n, max: 3n }), (pieces, delayedEnd) => {
      const data = concat(...pieces);
      const blocks = decode(data, delayedEnd);
      assert.deepEqual(blocks.map(unitsOf), derivedByUnits(data, delayedEnd));
      for (const [i, block] of blocks.entries())
        assert.deepEqual(decode(data, delayedEnd, block.end).map(shown), blocks.slice(i + 1).map(shown));
    }),
    { ...SEED, numRuns: 500 },
  );
});

test("decoding reads a view in place, wherever it lies in its buffer", () => {
  const data = encodeBatch([{ timestamp: 9n, envelopes: [Uint8Array.of(7, 7)] }]);
  const shifted = concat(new Uint8Array(5), data).subarray(5);
  assert.ok(equalBytes(decode(shifted)[0]?.envelopes[0] as Uint8Array, Uint8Array.of(7, 7)));
  assert.equal(decode(shifted)[0]?.timestamp, 9n);
});
