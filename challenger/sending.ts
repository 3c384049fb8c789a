import { decodeErrorResult, type PublicClient, type Hex as ViemHex } from "viem";
import {
  claimRegistry,
  estimateGas,
  L1_GAS_CAP,
  L1_MAX_BYTES,
  leafRules,
  refusalOf,
  rpcErrorOf,
  tensorStepVerifier,
} from "../bridge/index.ts";
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
  /** What L1 estimates for it. */
  readonly gas: bigint;
  readonly refusals: readonly Refusal[];
};

/** The refusal of a move whose stake the account does not have. */
export const NO_FUNDS = "InsufficientFunds";
/** The refusal of a move that alone takes more than L1 lets one transaction have. */
const TOO_LARGE = "GasCap";

type Stakes = readonly [bigint, bigint, bigint];

/** Calldata that one transaction carries, with room for the rest of it. */
const MOST_BYTES = L1_MAX_BYTES - 1_024;
/** Gas that one transaction may use: below L1's cap, with a fifth more for a state that moved on. */
const MOST_GAS = (L1_GAS_CAP * 5n) / 6n;
/** Moves that are dropped because L1 would refuse them, before an attempt is given up. */
const MOST_REFUSALS = 32;
/** Moves that are remembered as refused. */
const MOST_REMEMBERED = 4_096;

/** Errors of the board, and of the rules and the verifier that it asks: theirs come through it. */
const ERRORS = [claimRegistry, leafRules, tensorStepVerifier].flatMap(({ abi }) =>
  [...abi].filter(({ type }) => type === "error"),
);

/** Name of the contract's error, or why L1 takes no such transaction. What says nothing of the moves is thrown on. */
const errorOf = (error: unknown): string => {
  const refused = rpcErrorOf(error);
  const refusal = refusalOf(error);
  if (refused === undefined || refusal === "absent") throw error;
  if (refusal === "funds") return NO_FUNDS;
  if (refusal === "cap") return TOO_LARGE;
  const { data } = refused as { readonly data?: ViemHex | { readonly data?: ViemHex } };
  const raw = typeof data === "object" ? data?.data : data;
  if (raw === undefined || raw === "0x") return "reverted";
  try {
    return decodeErrorResult({ abi: ERRORS, data: raw }).errorName;
  } catch {
    return raw.slice(0, 10);
  }
};

/** Where the moves begin that are of use to this one alone: before a verdict stand the updates that it needs. */
const startOf = (moves: readonly Move[], at: number): number => {
  let start = at;
  if (moves[at]?.call.type === "settle") while (moves[start - 1]?.call.type === "update") start--;
  return start;
};

export const createAttempts = (
  client: PublicClient,
  { registry, account, stakes }: { readonly registry: Hex; readonly account: Hex; readonly stakes: Stakes },
) => {
  /** Gas of these moves in one transaction; the error when L1 would refuse it. */
  const tryAll = async (moves: readonly Move[]): Promise<{ readonly gas: bigint } | { readonly error: string }> => {
    const { data, value } = multicallOf(moves, stakes);
    try {
      return { gas: await estimateGas(client, { from: account, call: { to: registry, data, value } }) };
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

  /** What was refused before is tried last, so that nothing which L1 takes ever waits behind it. */
  const known = new Set<string>();
  const keyOf = ({ call }: Move): string => multicallOf([{ call }], stakes).data;
  const remember = (move: Move): void => {
    const key = keyOf(move);
    known.delete(key);
    known.add(key);
    for (const oldest of known) {
      if (known.size <= MOST_REMEMBERED) break;
      known.delete(oldest);
    }
  };
  const ordered = (moves: readonly Move[]): readonly Move[] => {
    const isKnown = moves.map((move) => known.has(keyOf(move)));
    return [...moves.filter((_, i) => !isKnown[i]), ...moves.filter((_, i) => isKnown[i])];
  };

  /** The first moves that one transaction can do. A move that L1 would refuse is left out, and told. */
  return async (wanted: readonly Move[]): Promise<Attempt> => {
    let moves = fitting(ordered(wanted));
    const refusals: Refusal[] = [];
    while (moves.length > 0) {
      const all = await tryAll(moves);
      if ("gas" in all) {
        if (all.gas <= MOST_GAS || moves.length === 1)
          return { moves, ...multicallOf(moves, stakes), gas: all.gas, refusals };
        moves = moves.slice(0, Math.ceil(moves.length / 2));
        continue;
      }
      if (all.error === TOO_LARGE && moves.length > 1) {
        moves = moves.slice(0, Math.ceil(moves.length / 2));
        continue;
      }
      const good = await longest(moves);
      const bad = moves[good] as Move;
      const alone = await tryAll(moves.slice(0, good + 1));
      if (good > 0 && "error" in alone && alone.error === TOO_LARGE) {
        moves = moves.slice(0, good);
        continue;
      }
      refusals.push({ move: bad, error: "error" in alone ? alone.error : all.error });
      const start = startOf(moves, good);
      for (const move of moves.slice(start, good + 1)) remember(move);
      const isLast = refusals.length >= MOST_REFUSALS;
      moves = [...moves.slice(0, start), ...(isLast ? [] : moves.slice(good + 1))];
    }
    return { moves: [], data: "0x", value: 0n, gas: 0n, refusals };
  };
};
