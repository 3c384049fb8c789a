import { accountOf, answersOf, boardOptions, gameOf, type Party } from "./arena.fixture.ts";
import { createBoard } from "./board.ts";
import type { Call, CallType } from "./calls.ts";
import { solve } from "./solver.ts";
import { honest, type Lie, liar, type Toy } from "./toy.fixture.ts";

/**
 * What a dispute costs each side, and who is paid, played on the board's twin: a liar who also stakes the right roots, before
 * anybody else can, against the honest client.
 */

/** Which right moves the liar makes himself, in each block before the honest side. */
export type Strategy =
  /** None: he stakes wrong roots alone. */
  | "wrong roots"
  /** He makes the right claim as well. */
  | "right claim first"
  /** He stakes every right root as well, and leaves the moves that need no stake to the honest. */
  | "right roots first"
  /** And he copies what the honest send, so that theirs is mined behind his and changes nothing. */
  | "copied moves";
export const STRATEGIES = [
  "wrong roots",
  "right claim first",
  "right roots first",
  "copied moves",
] as const satisfies readonly Strategy[];

/** Whom a lost stake's tariff goes to. `movers`: those whose moves on the winner's tree took effect, up to their gas. */
export type RewardRule = "winner's staker" | "nobody" | "movers";

/** Gas of a move in a multicall, as `test/bench/GAS.md` has it of a whole dispute. */
export const GAS: Readonly<Record<CallType, number>> = {
  propose: 332_000,
  open: 107_000,
  openWord: 89_000,
  refine: 130_000,
  descend: 128_000,
  prove: 141_000,
  update: 25_000,
  settle: 60_000,
  collect: 49_000,
  forfeit: 49_000,
};
/** Part of a move's gas that it takes where it is made already: its calldata and the checks before the no-op. */
const IN_VAIN = 0.3;

export type Terms = {
  /** Wei a gas that the tariffs are made for, and that is paid. */
  readonly designed: number;
  readonly paid: number;
  /** A stake is so many tariffs. */
  readonly stakePerTariff: number;
  readonly rule: RewardRule;
};

/** The game's section on stakes: root, openings with their updates, and the dearest leaf of a level. */
export const gasBelow = ({ heights }: Toy): readonly [number, number, number] => {
  const path = (height: number) => height * (GAS.open + GAS.update);
  return [
    GAS.propose + path(heights[0]) + GAS.refine,
    GAS.refine + path(heights[1]) + GAS.prove,
    GAS.refine + path(heights[2]) + GAS.descend + heights[3] * (GAS.openWord + GAS.update) + GAS.prove,
  ];
};

/** Wei that each side has more, or less, at the end. */
export type Balance = { readonly liar: number; readonly honest: number; readonly burned: number };

const RIGHT_FIRST: Readonly<Record<Strategy, readonly CallType[]>> = {
  "wrong roots": [],
  "right claim first": ["propose"],
  "right roots first": ["propose", "refine"],
  "copied moves": ["propose", "refine"],
};
/** Moves that bring something home: everybody makes them for himself. */
const HOME = new Set<CallType>(["settle", "update", "collect"]);
const levelOf = (call: Call): number => ("ctx" in call ? Math.min(call.ctx.level, 2) : 0);

export const playForMoney = (toy: Toy, lie: Lie, strategy: Strategy, terms: Terms): Balance => {
  const period = 2n * answersOf(toy) + 8n;
  const tariffs = gasBelow(toy).map((gas) => BigInt(Math.ceil(gas * terms.designed)));
  const stakes = tariffs.map((tariff) => BigInt(terms.stakePerTariff) * tariff);
  const paysStaker = terms.rule === "winner's staker";
  type Three = readonly [bigint, bigint, bigint];
  const board = createBoard({
    ...boardOptions(toy, period),
    stakes: stakes as unknown as Three,
    tariffs: (paysStaker ? tariffs : [0n, 0n, 0n]) as unknown as Three,
  });
  const right = honest(toy);
  const parties = {
    honest: { name: "honest", belief: right, policy: "eager" },
    double: { name: "double", belief: right, policy: "eager" },
    wrong: { name: "wrong", belief: liar(toy, lie), policy: "eager" },
  } as const satisfies Record<string, Party>;
  const gas = { honest: 0, double: 0, wrong: 0 };
  const sent = { honest: 0n, double: 0n, wrong: 0n };
  /** Gas of right moves that took effect, by level. */
  const moved = { honest: [0, 0, 0], double: [0, 0, 0] };
  let owed = { honest: 0, double: 0 };
  let changes = 0;

  const stakeOf = (call: Call): bigint =>
    call.type === "propose"
      ? (stakes[0] as bigint)
      : call.type === "refine"
        ? (stakes[levelOf(call) + 1] as bigint)
        : 0n;

  const make = (who: keyof typeof parties, call: Call, value: bigint): void => {
    const events = board.send({ from: accountOf(who), value }, [call]);
    sent[who] += value;
    changes += events.length;
    gas[who] += GAS[call.type] * (events.length > 0 ? 1 : IN_VAIN);
    if (who !== "wrong" && events.length > 0 && !HOME.has(call.type)) {
      const at = moved[who];
      at[levelOf(call)] = (at[levelOf(call)] ?? 0) + GAS[call.type];
    }
    if (terms.rule !== "movers" || !events.some(({ event }) => event === "StakeLost")) return;
    const level = levelOf(call);
    const pool = Number(tariffs[level]);
    const costs = [moved.honest, moved.double].map((by) => (by[level] ?? 0) * terms.paid);
    const all = (costs[0] as number) + (costs[1] as number);
    const share = all > pool ? pool / all : 1;
    owed = { honest: owed.honest + share * (costs[0] as number), double: owed.double + share * (costs[1] as number) };
  };

  const tryAll = (who: keyof typeof parties, calls: readonly Call[]): void => {
    for (const call of calls)
      try {
        make(who, call, stakeOf(call));
      } catch {
        // Refused: the estimate says so, and nothing is sent.
      }
  };
  const first = new Set(RIGHT_FIRST[strategy]);
  const callsOf = (who: keyof typeof parties, isDue: boolean): readonly Call[] =>
    solve(board, { ...gameOf(parties[who]), isDue }).moves.map(({ call }) => call);
  const double = (): void =>
    tryAll(
      "double",
      callsOf("double", first.size > 0).filter(({ type }) => first.has(type) || HOME.has(type)),
    );
  let answers: readonly Call[] = [];
  // While nobody moves time alone is awaited; when it brings nothing either, it is over.
  for (let quiet = 0, now = 1n; quiet < 20; now += quiet > 1 ? period / 8n : 1n) {
    board.now = now;
    changes = 0;
    double();
    tryAll("wrong", callsOf("wrong", true));
    double();
    if (strategy === "copied moves")
      tryAll(
        "double",
        answers.filter(({ type }) => !HOME.has(type)),
      );
    tryAll("honest", answers);
    answers = callsOf("honest", false);
    quiet = changes > 0 ? 0 : quiet + 1;
  }
  const homeOf = (who: keyof typeof parties): number =>
    Number((board.tables.credits.get(accountOf(who)) ?? 0n) - sent[who]) - gas[who] * terms.paid;
  return {
    honest: homeOf("honest") + owed.honest,
    liar: homeOf("double") + homeOf("wrong") + owed.double,
    burned: Number(board.tables.sums.get("burned") ?? 0n),
  };
};
