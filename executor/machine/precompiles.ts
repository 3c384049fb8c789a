import { createHash } from "node:crypto";
import { type Bytes, EMPTY_BYTES, uintBE, word } from "../foundation/bytes.ts";
import { recoverAddress } from "../foundation/secp256k1.ts";
import { MAX_PRECOMPILE_GAS, maximumInput, type Precompile, type PrecompileAnswer } from "../precompiles/precompile.ts";
import { OWN_PRECOMPILES } from "../precompiles/table.ts";
import { numberIn } from "./state/word.ts";

/*
 * Ethereum's precompiles without @ethereumjs: from 6 on they are the chain's own, 1 to 5 are written here.
 */

const words = (data: Bytes): bigint => BigInt(Math.ceil(data.length / 32));

/** `size` bytes from `at` on, zeros behind the end. */
const window = (data: Bytes, at: number, size: number): Bytes => {
  const out = new Uint8Array(size);
  if (at < data.length) out.set(data.subarray(at, at + size));
  return out;
};

/** A precompile that costs `base` and `each` for every word of input, and never fails otherwise. */
const byWords =
  (base: bigint, each: bigint, compute: (data: Bytes) => Bytes): Precompile =>
  (data, gasLimit) => {
    const gas = base + each * words(data);
    return gas > gasLimit ? undefined : { gas, output: compute(data) };
  };

/** `hash ++ v ++ r ++ s` to the signer's address as a word; nothing when there is none. */
const recover = (data: Bytes): Bytes => {
  const input = window(data, 0, 128);
  const v = numberIn(input, 32, 32);
  if (v !== 27n && v !== 28n) return EMPTY_BYTES;
  const address = recoverAddress(input.subarray(0, 32), Number(v - 27n), input.subarray(64, 96), input.subarray(96));
  return address.length === 0 ? EMPTY_BYTES : word(address);
};

const digest = (algorithm: "sha256" | "ripemd160", data: Bytes): Bytes =>
  word(new Uint8Array(createHash(algorithm).update(data).digest()));

/** EIP-7823. */
const MAX_MODEXP_BYTES = 1024n;

const power = (base: bigint, exponent: Bytes, modulus: bigint): bigint => {
  let result = 1n % modulus;
  for (const byte of exponent)
    for (let bit = 0x80; bit > 0; bit >>>= 1) {
      result = (result * result) % modulus;
      if ((byte & bit) !== 0) result = (result * base) % modulus;
    }
  return result;
};

/** Length in bits, at least 1, of the exponent's first word less one; and 16 for each byte beyond it (EIP-7883). */
const iterations = (head: Bytes, length: bigint): bigint => {
  const bits = numberIn(head).toString(2).length - 1;
  const count = (length > 32n ? 16n * (length - 32n) : 0n) + BigInt(bits);
  return count > 0n ? count : 1n;
};

/** Precompile 0x05 at the price of EIP-7883 with the bounds of EIP-7823. */
const modexp: Precompile = (data, gasLimit) => {
  const lengths = [0, 32, 64].map((at) => numberIn(window(data, at, 32)));
  const [baseLength, exponentLength, modulusLength] = lengths as [bigint, bigint, bigint];
  const longest = baseLength > modulusLength ? baseLength : modulusLength;
  // What lies behind 2^32 bytes is zero whatever it is: no input is so long.
  const exponentAt = baseLength < 2n ** 32n ? 96 + Number(baseLength) : data.length;
  const headLength = exponentLength < 32n ? Number(exponentLength) : 32;
  const size = (longest + 7n) / 8n;
  const complexity = longest > 32n ? 2n * size * size : 16n;
  const price = iterations(window(data, exponentAt, headLength), exponentLength) * complexity;
  const gas = price < 500n ? 500n : price;
  if (gas > gasLimit || lengths.some((length) => length > MAX_MODEXP_BYTES)) return undefined;
  const outputBytes = Number(modulusLength);
  const exponent = window(data, exponentAt, Number(exponentLength));
  const modulus = numberIn(window(data, exponentAt + Number(exponentLength), outputBytes));
  if (modulus === 0n) return { gas, output: new Uint8Array(outputBytes) };
  const base = numberIn(window(data, 96, Number(baseLength))) % modulus;
  return { gas, output: uintBE(power(base, exponent, modulus), outputBytes) };
};

const identity: Precompile = byWords(15n, 3n, (data) => data);

/** By address. */
export type Precompiles = ReadonlyMap<number, Precompile>;

/** The precompiles of every fork under the protocol's bounds, ready to be called. */
export const loadPrecompiles = async (): Promise<Precompiles> => {
  const table: (readonly [number, Precompile])[] = [
    [1, byWords(3000n, 0n, recover)],
    [2, byWords(60n, 12n, (data) => digest("sha256", data))],
    [3, byWords(600n, 120n, (data) => digest("ripemd160", data))],
    [4, identity],
    [5, modexp],
  ];
  for (const { address, load } of OWN_PRECOMPILES) table.push([address, await load()]);
  return new Map(
    table.map(([address, precompile]) => [
      address,
      (data: Bytes, gasLimit: bigint): PrecompileAnswer =>
        data.length > maximumInput(address)
          ? undefined
          : precompile(data, gasLimit < MAX_PRECOMPILE_GAS ? gasLimit : MAX_PRECOMPILE_GAS),
    ]),
  );
};
