import assert from "node:assert/strict";
import test from "node:test";
import { RLP } from "@ethereumjs/rlp";
import fc from "fast-check";
import { fromHex, toHex } from "./bytes.ts";
import { decodeRlp, encodeRlp, type RlpItem, readRlpUint, rlpUint } from "./rlp.ts";

const { item } = fc.letrec<{ item: RlpItem; list: RlpItem }>((tie) => ({
  item: fc.oneof({ depthSize: "small" }, fc.uint8Array({ maxLength: 300 }), tie("list")),
  list: fc.array(tie("item"), { maxLength: 5 }) as fc.Arbitrary<RlpItem>,
}));

test("encoding equals an independent encoder's, and decoding inverts it", () => {
  fc.assert(
    fc.property(item, (value) => {
      const encoded = encodeRlp(value);
      assert.equal(toHex(encoded), toHex(RLP.encode(value as Uint8Array)));
      assert.equal(toHex(encodeRlp(decodeRlp(encoded))), toHex(encoded));
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("what decodes is canonical: it encodes to the same bytes", () => {
  let decodedSome = 0;
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 6 }), (bytes) => {
      let decoded: RlpItem;
      try {
        decoded = decodeRlp(bytes);
      } catch (error) {
        assert.ok(error instanceof RangeError);
        return;
      }
      decodedSome++;
      assert.equal(toHex(encodeRlp(decoded)), toHex(bytes));
    }),
    { seed: 2, numRuns: 20_000 },
  );
  assert.ok(decodedSome > 1000);
});

test("forms that are not canonical are refused", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["0x", "nothing"],
    ["0x8100", "a byte below 0x80 with a length"],
    ["0xb800", "a long form of length 0"],
    ["0xb80161", "a long form of length 1"],
    [`0xb900ff${"11".repeat(255)}`, "a length with a leading zero"],
    ["0xbbffffffff", "a length past the end"],
    ["0xbfffffffffffffffff", "a length of eight bytes"],
    ["0x8261", "an item cut short"],
    ["0xc161c0", "bytes left over"],
    ["0xc28161", "a list whose item passes its end"],
    [`0x${"c1".repeat(40)}c0`, "lists too deep"],
  ];
  for (const [hex, what] of cases) assert.throws(() => decodeRlp(fromHex(hex)), RangeError, what);
});

test("integers are shortest big-endian within their size", () => {
  assert.equal(toHex(rlpUint(0n)), "0x");
  assert.equal(toHex(rlpUint(256n)), "0x0100");
  assert.equal(readRlpUint(fromHex("0x0100"), 2), 256n);
  assert.equal(readRlpUint(fromHex("0x"), 1), 0n);
  for (const [hex, size] of [
    ["0x00", 1],
    ["0x0001", 2],
    ["0x010000", 2],
  ] as const)
    assert.throws(() => readRlpUint(fromHex(hex), size), RangeError);
  assert.throws(() => readRlpUint([], 1), RangeError);
  assert.throws(() => readRlpUint(undefined, 1), RangeError);
});
