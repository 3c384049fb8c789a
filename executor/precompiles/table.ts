import type { Fork } from "../protocol/forks.ts";
import { blake2f } from "./blake2f.ts";
import { loadBls12381 } from "./bls12381.ts";
import { loadBn254 } from "./bn254.ts";
import { loadPointEvaluation } from "./kzg.ts";
import { p256Verify } from "./p256.ts";
import type { Precompile } from "./precompile.ts";

/** One of Ethereum's precompiles that the chain computes itself. */
export type OwnPrecompile = {
  /** By its number. */
  readonly address: number;
  /** Since when it is there. */
  readonly since: Fork;
  readonly load: () => Promise<Precompile>;
};

const bls = (address: number, name: keyof Awaited<ReturnType<typeof loadBls12381>>): OwnPrecompile => ({
  address,
  since: "prague",
  load: async () => (await loadBls12381())[name],
});

/** Those from 6 on; the first five are what the library, and the machine, have. */
export const OWN_PRECOMPILES: readonly OwnPrecompile[] = [
  { address: 0x06, since: "cancun", load: async () => (await loadBn254()).add },
  { address: 0x07, since: "cancun", load: async () => (await loadBn254()).multiply },
  { address: 0x08, since: "cancun", load: async () => (await loadBn254()).pairing },
  { address: 0x09, since: "cancun", load: async () => blake2f },
  { address: 0x0a, since: "cancun", load: loadPointEvaluation },
  bls(0x0b, "g1Add"),
  bls(0x0c, "g1Sum"),
  bls(0x0d, "g2Add"),
  bls(0x0e, "g2Sum"),
  bls(0x0f, "pairing"),
  bls(0x10, "mapToG1"),
  bls(0x11, "mapToG2"),
  { address: 0x100, since: "osaka", load: async () => p256Verify },
];
