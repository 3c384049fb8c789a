import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { burn } from "../evm/library-precompiles.ts";
import { runBoth } from "../evm/precompile.fixture.ts";
import { type Bytes, concat, fromHex, toHex, uintBE } from "../foundation/bytes.ts";
import type { Precompile } from "../precompiles/precompile.ts";
import { loadPrecompiles } from "./precompiles.ts";

const precompiles = await loadPrecompiles();

/** The machine's precompile in the library's form, to be compared with the library's own. */
const inLibraryForm = (address: number) => {
  const precompile = precompiles.get(address) as Precompile;
  return ({ data, gasLimit }: { data: Bytes; gasLimit: bigint }) => {
    const answer = precompile(data, gasLimit);
    return answer === undefined ? burn(gasLimit) : { executionGasUsed: answer.gas, returnValue: answer.output };
  };
};

const agree = async (address: number, data: Bytes, gas: bigint): Promise<boolean> => {
  const [ours, theirs] = await runBoth(address, inLibraryForm(address), data, gas);
  assert.deepEqual(ours, theirs, `${address} ${toHex(data).slice(0, 200)} ${gas}`);
  return ours.ok;
};

for (const [address, price] of [
  [2, (words: bigint) => 60n + 12n * words],
  [3, (words: bigint) => 600n + 120n * words],
  [4, (words: bigint) => 15n + 3n * words],
] as const)
  test(`precompile ${address} equals the library's at every length, with gas enough and one less`, async () => {
    for (const length of [0, 1, 31, 32, 33, 64, 65, 1000, 65_536]) {
      const data = new Uint8Array(length).fill(length % 251);
      const gas = price(BigInt(Math.ceil(length / 32)));
      assert.equal(await agree(address, data, gas), true);
      assert.equal(await agree(address, data, gas - 1n), false);
    }
    assert.equal((precompiles.get(address) as Precompile)(new Uint8Array(65_537), 8_000_000n), undefined);
  });

test("ecrecover equals the library's: keys, bad signatures, short and long input", async () => {
  const signed = fromHex(
    "0x456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3000000000000000000000000000000000000000000000000000000000000001c9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac80388256084f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada",
  );
  assert.equal((precompiles.get(1) as Precompile)(signed, 3000n)?.output.length, 32);
  for (const gas of [2999n, 3000n]) await agree(1, signed, gas);
  for (let at = 0; at < 128; at += 5)
    await agree(
      1,
      signed.map((byte, i) => (i === at ? byte ^ 0x41 : byte)),
      3000n,
    );
  for (const v of [0, 1, 26, 27, 28, 29])
    await agree(
      1,
      signed.map((byte, i) => (i === 63 ? v : byte)),
      3000n,
    );
  for (const length of [0, 31, 64, 127]) await agree(1, signed.subarray(0, length), 3000n);
  await agree(1, concat(signed, Uint8Array.of(1, 2, 3)), 3000n);
  await agree(1, concat(signed.subarray(0, 64), new Uint8Array(64)), 3000n);
});

test("modexp equals the library's in answer and price", async () => {
  const length = fc.oneof(fc.integer({ min: 0, max: 70 }), fc.constantFrom(31, 32, 33, 1023, 1024, 1025));
  const outcomes = new Set<boolean>();
  await fc.assert(
    fc.asyncProperty(
      length,
      length,
      length,
      fc.uint8Array({ minLength: 0, maxLength: 150 }),
      async (base, exponent, modulus, body) => {
        const data = concat(uintBE(base, 32), uintBE(exponent, 32), uintBE(modulus, 32), body);
        outcomes.add(await agree(5, data, 400_000n));
      },
    ),
    { seed: 9, numRuns: 250 },
  );
  assert.equal(outcomes.size, 2);
  for (const huge of [2n ** 32n, 2n ** 64n, 2n ** 256n - 1n])
    for (const place of [0, 1, 2]) {
      const lengths = [1n, 1n, 1n].map((one, i) => uintBE(i === place ? huge : one, 32));
      await agree(5, concat(...lengths, Uint8Array.of(3, 5, 7)), 8_000_000n);
    }
  for (const size of [0, 1, 95, 96]) await agree(5, new Uint8Array(size), 500n);
});
