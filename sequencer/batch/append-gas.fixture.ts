import type { AppendGas } from "./append-gas.ts";

/** What L1 estimates for appends under the gas tables of two forks. */
export const OSAKA: AppendGas = {
  empty: 84_000n,
  few: { zero: 92_500n, other: 116_500n },
  many: { zero: 1_029_600n, other: 4_029_600n },
};
export const AMSTERDAM: AppendGas = {
  empty: 261_000n,
  few: { zero: 269_500n, other: 293_500n },
  many: { zero: 6_429_600n, other: 6_429_600n },
};
