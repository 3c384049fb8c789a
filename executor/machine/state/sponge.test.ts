import assert from "node:assert/strict";
import { test } from "node:test";
import { keccak256 } from "../../foundation/keccak.ts";
import { absorb, EMPTY_SPONGE, RATE, squeeze } from "./sponge.ts";

test("a sponge that absorbs block by block ends in keccak-256, at every length around the blocks", () => {
  for (const length of [0, 1, 31, 32, 134, 135, 136, 137, 271, 272, 273, 1000, 4096]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 167 + length) & 0xff);
    let sponge = EMPTY_SPONGE;
    let at = 0;
    for (; at + RATE <= length; at += RATE) sponge = absorb(sponge, bytes.subarray(at, at + RATE));
    assert.deepEqual(squeeze(sponge, bytes.subarray(at)), keccak256(bytes), `${length} bytes`);
  }
  assert.ok(EMPTY_SPONGE.every((byte) => byte === 0));
});

test("blocks of another length are refused", () => {
  assert.throws(() => absorb(EMPTY_SPONGE, new Uint8Array(135)), RangeError);
  assert.throws(() => squeeze(EMPTY_SPONGE, new Uint8Array(136)), RangeError);
});
