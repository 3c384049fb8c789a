import { BaseError, decodeErrorResult, ExecutionRevertedError, type PublicClient, type Hex as ViemHex } from "viem";
import { claimRegistry, leafRules, tensorStepVerifier } from "../bridge/index.ts";
import type { Hex } from "../executor/index.ts";
import { multicallOf } from "./game/moves.ts";
import type { Move } from "./game/solver.ts";

/** A move that L1 would refuse, and with which error. */
export type Refusal = { readonly move: Move; readonly error: string };

export type Attempt = {
  /** What one transaction can do now, in order. */
  readonly moves: readonly Move[];
  readonly data: Hex;
  readonly value: bigint;
  readonly refusals: readonly Refusal[];
};

type Stakes = readonly [bigint, bigint, bigint];

/** Calldata that one transaction carries: mempools take 128 KiB. */
const MOST_BYTES = 100_000;
/** Gas that one transaction may use: below L1's cap of 2^24, with room for a state that moved on. */
const MOST_GAS = 14_000_000n;
/** Moves that are dropped because L1 would refuse them, before an attempt is given up. */
const MOST_REFUSALS = 32;

/** Errors of the board, and of the rules and the verifier that it asks: theirs come through it. */
const ERRORS = [claimRegistry, leafRules, tensorStepVerifier].flatMap(({ abi }) =>
  [...abi].filter(({ type }) => type === "error"),
);

/** Name of the contract's error. What is not the contract's refusal is thrown on. */
const errorOf = (error: unknown): string => {
  const revert = error instanceof BaseError ? error.walk((cause) => cause instanceof ExecutionRevertedError) : null;
  const found = error instanceof BaseError ? error.walk((cause) => "data" in (cause as object)) : null;
  if (revert === null && found === null) throw error;
  const { data } = (found ?? {}) as { data?: ViemHex | { data?: ViemHex } };
  const raw = typeof data === "object" ? data?.data : data;
  if (raw === undefined || raw === "0x") return "reverted";
  try {
    return decodeErrorResult({ abi: ERRORS, data: raw }).errorName;
  } catch {
    return raw.slice(0, 10);
  }
};

export const createAttempts = (
  client: PublicClient,
  { registry, account, stakes }: { readonly registry: Hex; readonly account: Hex; readonly stakes: Stakes },
) => {
  /** Gas of these moves in one transaction; the error when L1 would refuse it. */
  const tryAll = async (moves: readonly Move[]): Promise<{ readonly gas: bigint } | { readonly error: string }> => {
    const { data, value } = multicallOf(moves, stakes);
    try {
      return { gas: await client.estimateGas({ account, to: registry, data, value }) };
    } catch (error) {
      return { error: errorOf(error) };
    }
  };

  /** Length of the longest beginning that L1 takes. */
  const longest = async (moves: readonly Move[]): Promise<number> => {
    let [low, high] = [0, moves.length];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ("gas" in (await tryAll(moves.slice(0, middle)))) low = middle;
      else high = middle - 1;
    }
    return low;
  };

  const fitting = (moves: readonly Move[]): readonly Move[] => {
    let count = moves.length;
    while (count > 1 && multicallOf(moves.slice(0, count), stakes).data.length / 2 > MOST_BYTES)
      count = Math.ceil(count / 2);
    return moves.slice(0, count);
  };

  /** The first moves that one transaction can do. A move that L1 would refuse is left out, and told. */
  return async (wanted: readonly Move[]): Promise<Attempt> => {
    let moves = fitting(wanted);
    const refusals: Refusal[] = [];
    while (moves.length > 0 && refusals.length < MOST_REFUSALS) {
      const all = await tryAll(moves);
      if ("gas" in all) {
        if (all.gas <= MOST_GAS || moves.length === 1) return { moves, ...multicallOf(moves, stakes), refusals };
        moves = moves.slice(0, Math.ceil(moves.length / 2));
        continue;
      }
      const good = await longest(moves);
      const bad = moves[good] as Move;
      const alone = await tryAll(moves.slice(0, good + 1));
      refusals.push({ move: bad, error: "error" in alone ? alone.error : all.error });
      moves = moves.filter((move) => move !== bad);
    }
    return { moves: [], data: "0x", value: 0n, refusals };
  };
};
