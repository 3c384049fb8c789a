import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concat, equalBytes, toHex, uintBE } from "../foundation/bytes.ts";
import { type BatchBlock, batchBlockSize, batchItemAt, encodeBatch, envelopesAt, isBlockHeader } from "./batch.ts";
import { MAX_ENVELOPE_BYTES } from "./envelope.ts";

const record = (body: Uint8Array, length = body.length) => concat(uintBE(length, 4), body);
const header = (timestamp: bigint) => record(concat(Uint8Array.of(0), uintBE(timestamp, 8)));

const isHeaderLike = (envelope: Uint8Array) => envelope.length === 9 && envelope[0] === 0;
const blocks: fc.Arbitrary<BatchBlock[]> = fc.array(
  fc.record({
    timestamp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    envelopes: fc.array(
      fc.uint8Array({ minLength: 1, maxLength: 20 }).filter((envelope) => !isHeaderLike(envelope)),
      { maxLength: 4 },
    ),
  }),
  { maxLength: 5 },
);

/** Items from a place on, as the specification writes them. */
const itemsOf = (data: Uint8Array): string[] => {
  const left = data.length;
  if (left < 4) return [];
  const length = Number(BigInt(toHex(data.slice(0, 4))));
  if (length === 0 || length > left - 4) return [];
  return [toHex(data.slice(4, 4 + length)), ...itemsOf(data.slice(4 + length))];
};

const read = (data: Uint8Array): string[] => {
  const items: string[] = [];
  for (let item = batchItemAt(data, 0); item !== undefined; item = batchItemAt(data, item.next))
    items.push(toHex(item.body));
  return items;
};

test("a batch decodes to what was encoded, and its size is foreseen", () => {
  fc.assert(
    fc.property(blocks, (given) => {
      const data = encodeBatch(given);
      assert.equal(
        data.length,
        given.reduce((size, block) => size + batchBlockSize(block), 0),
      );
      let cursor = 0;
      for (const { timestamp, envelopes } of given) {
        const item = batchItemAt(data, cursor);
        assert.ok(item !== undefined && isBlockHeader(item.body));
        assert.equal(toHex(item.body), toHex(uintBE(timestamp, 9)));
        const body = envelopesAt(data, item.next);
        assert.deepEqual(
          body.envelopes.map((bytes) => toHex(bytes as Uint8Array)),
          envelopes.map(toHex),
        );
        cursor = body.end;
      }
      assert.equal(cursor, data.length);
    }),
    { seed: 20_261 },
  );
});

test("each way to be malformed is an end, or an envelope", () => {
  const tx = Uint8Array.of(2, 0xc0);
  // Length 0, a length past the end, and fewer than four bytes are the end, whatever follows.
  assert.deepEqual(envelopesAt(concat(uintBE(0, 4), header(8n)), 0), { envelopes: [], end: 0 });
  assert.deepEqual(envelopesAt(concat(uintBE(14, 4), header(8n)), 0), { envelopes: [], end: 0 });
  assert.equal(envelopesAt(concat(uintBE(13, 4), header(8n)), 0).envelopes.length, 1);
  assert.deepEqual(envelopesAt(Uint8Array.of(0, 0, 0), 0), { envelopes: [], end: 0 });
  assert.deepEqual(envelopesAt(record(Uint8Array.of(0, 1), 0xffffffff), 0), { envelopes: [], end: 0 });
  // Ten bytes that begin with zero are an envelope, not a header.
  assert.equal(envelopesAt(record(new Uint8Array(10)), 0).envelopes.length, 1);
  // An envelope of the greatest length is read, a longer one is not.
  const longest = record(new Uint8Array(MAX_ENVELOPE_BYTES));
  const longer = record(new Uint8Array(MAX_ENVELOPE_BYTES + 1));
  const { envelopes } = envelopesAt(concat(longest, longer, record(tx), header(7n), record(tx)), 0);
  assert.deepEqual(
    envelopes.map((bytes) => bytes?.length),
    [MAX_ENVELOPE_BYTES, undefined, 2],
  );
});

test("every byte cut or flipped, and random bytes, give the items of the specification", () => {
  const data = encodeBatch([
    { timestamp: 1n, envelopes: [Uint8Array.of(1, 2, 3), new Uint8Array(9).fill(1)] },
    { timestamp: 2n ** 63n, envelopes: [] },
    { timestamp: 3n, envelopes: [Uint8Array.of(0xf8)] },
  ]);
  for (let i = 0; i <= data.length; i++) assert.deepEqual(read(data.slice(0, i)), itemsOf(data.slice(0, i)));
  for (let i = 0; i < data.length; i++)
    for (let bit = 0; bit < 8; bit++) {
      const flipped = data.slice();
      flipped[i] = (flipped[i] as number) ^ (1 << bit);
      assert.deepEqual(read(flipped), itemsOf(flipped));
    }
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(header),
    fc.uint8Array({ minLength: 1, maxLength: 12 }).map((body) => record(body)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const bytes = concat(...pieces);
      assert.deepEqual(read(bytes), itemsOf(bytes));
    }),
    { seed: 20_261, numRuns: 500 },
  );
});

test("decoding reads a view in place, wherever it lies in its buffer", () => {
  const shifted = concat(new Uint8Array(5), record(Uint8Array.of(7, 7))).subarray(5);
  assert.ok(equalBytes(envelopesAt(shifted, 0).envelopes[0] as Uint8Array, Uint8Array.of(7, 7)));
});
