import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import fc from "fast-check";
import { concat, fromHex, toHex, uintBE } from "../foundation/bytes.ts";
import { compress } from "../precompiles/blake2f.ts";
import { OWN } from "./library-precompiles.ts";
import { runBoth } from "./precompile.fixture.ts";

const blake2 = OWN.get(9) as NonNullable<ReturnType<typeof OWN.get>>;

const body = fc.uint8Array({ minLength: 208, maxLength: 208 });

test("equals the library's F: any state, message, counter, number of rounds", async () => {
  const rounds = fc.oneof(fc.integer({ min: 0, max: 25 }), fc.constantFrom(100, 999, 20_000, 20_001, 40_007));
  await fc.assert(
    fc.asyncProperty(rounds, body, fc.integer({ min: 0, max: 1 }), async (count, bytes, last) => {
      const data = concat(uintBE(count, 4), bytes, Uint8Array.of(last));
      const [ours, theirs] = await runBoth(9, blake2, data, 1_000_000n);
      assert.deepEqual(ours, theirs);
      assert.deepEqual([ours.ok, ours.gas], [true, BigInt(count)]);
    }),
    { seed: 21, numRuns: 400 },
  );
});

test("is priced and refused as the library's", async () => {
  const outcomes = new Set<boolean>();
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 211, maxLength: 215 }),
      fc.integer({ min: 0, max: 3 }),
      fc.constantFrom(0n, 11n, 12n, 13n),
      async (data, last, gas) => {
        data.set([0, 0, 0, 12]);
        data[212] = last;
        const [ours, theirs] = await runBoth(9, blake2, data, gas);
        assert.deepEqual(ours, theirs);
        outcomes.add(ours.ok);
      },
    ),
    { seed: 22, numRuns: 300 },
  );
  assert.equal(outcomes.size, 2);
  const [ours, theirs] = await runBoth(9, blake2, new Uint8Array(0), 100n);
  assert.deepEqual(ours, theirs);
});

test("twelve rounds are the BLAKE2b of OpenSSL", () => {
  // State of an empty hash of 64 bytes: the parameter block is 0x01010040.
  const iv = createHash("blake2b512").update("abc").digest();
  const start = fromHex(
    "0x48c9bdf267e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5d182e6ad7f520e511f6c3e2b8c68059b6bbd41fbabd9831f79217e1319cde05b",
  );
  const message = concat(fromHex("0x616263"), new Uint8Array(125));
  const counter = concat(Uint8Array.of(3), new Uint8Array(15));
  assert.equal(toHex(compress(concat(uintBE(12, 4), start, message, counter, Uint8Array.of(1)))), toHex(iv));
});

test("eight million rounds, the most that a call can pay, take less than two seconds", () => {
  const data = concat(uintBE(8_000_000, 4), new Uint8Array(208), Uint8Array.of(1));
  const start = process.cpuUsage();
  compress(data);
  const { user } = process.cpuUsage(start);
  assert.ok(user < 2_000_000, `${user} us`);
});
