import {
  answersOf,
  type Conditions,
  liarOf,
  type Outcome,
  type Party,
  play,
} from "../../challenger/game/arena.fixture.ts";
import {
  ALL_LEVELS,
  boundOf,
  DEEP,
  faultsOf,
  LEAVES,
  liars,
  POLICIES,
  patterns,
  schedules,
  TWO_LEVELS,
} from "../../challenger/game/contests.fixture.ts";
import type { Toy } from "../../challenger/game/toy.fixture.ts";
import { createRandom } from "../support/random-program.ts";

type GamesFuzz = {
  readonly count: number;
  readonly seed: number;
  readonly print: (line: string) => void;
};

/** The honest client against every liar of small trees, and random ones of larger trees. */

type Game = {
  readonly toy: Toy;
  readonly liars: readonly Party[];
  readonly conditions: Conditions;
  readonly what: string;
};

/** Every pattern of wrong leaves of two levels, each way to move, with none, half and all of the censorship. */
function* everyPattern(): Generator<Game> {
  for (const [chain, execution] of patterns(TWO_LEVELS))
    for (const policy of POLICIES)
      for (const follows of ["right", "wrong"] as const)
        for (const [censored, used] of [
          [0, 0],
          [6, 3],
          [6, 6],
        ] as const) {
          const what = `two levels ${chain} ${execution} ${policy} ${follows} ${used}`;
          const lie = { name: "A", masks: [chain, execution, 0], follows } as const;
          const period = BigInt(censored) + 2n * answersOf(TWO_LEVELS) + 1n;
          const conditions = { delay: 2, censored: used, period, honestFirst: chain % 2 === 0 };
          yield { toy: TWO_LEVELS, liars: [liarOf(TWO_LEVELS, lie, policy)], conditions, what };
        }
}

/** Every pattern of wrong leaves, operators and elements of small trees of all levels. */
function* everyOperator(): Generator<Game> {
  for (let chain = 1; chain < 4; chain++)
    for (let execution = 0; execution < 8; execution++)
      for (let inference = 0; inference < 8; inference++)
        for (const elements of [0, 1, 6, 8])
          for (const policy of POLICIES) {
            const what = `all levels ${chain} ${execution} ${inference} ${elements} ${policy}`;
            const lie = { name: "A", masks: [chain, execution, inference], elements } as const;
            const conditions = { delay: 2, censored: 4, censorAt: elements, seed: chain };
            yield { toy: ALL_LEVELS, liars: [liarOf(ALL_LEVELS, lie, policy)], conditions, what };
          }
}

/** Every time for every move of a liar. */
function* everySchedule(): Generator<Game> {
  const kinds = [
    [1, 0, 0],
    [1, 2, 0],
    [1, 2, 3],
    [1, 2, 7],
    [2, 0, 0],
  ] as const;
  for (const times of schedules(10, 4))
    for (const chain of [1, 2, 3])
      for (const execution of [0, 1])
        for (const [delay, censored, censorAt] of kinds) {
          const what = `times ${times} ${chain} ${execution} ${delay} ${censored} ${censorAt}`;
          const lie = { name: "A", masks: [chain, execution, 0] } as const;
          const conditions = { delay, censored, censorAt, honestFirst: (times[0] ?? 0) % 2 === 0 };
          yield { toy: LEAVES, liars: [liarOf(LEAVES, lie, times)], conditions, what };
        }
}

/** Up to three adversaries and up to three honest clients, on trees of all levels, through reorgs. */
function* crowds(seed: number): Generator<Game> {
  for (let i = 0; ; i++) {
    const random = createRandom(seed + i);
    const toy = random.pick([TWO_LEVELS, ALL_LEVELS, DEEP]);
    const delay = random.between(1, 3);
    const censored = random.below(20);
    const depth = random.pick([0, 0, 1, 3]);
    const conditions = {
      delay,
      censored,
      censorAt: random.below(40),
      period: BigInt(censored + depth) + BigInt(delay) * answersOf(toy) + 1n,
      honest: ["first", "second", "third"].slice(0, random.between(1, 3)),
      honestFirst: random.chance(0.3),
      isChecked: random.chance(0.1),
      seed: seed + i,
      ...(depth > 0 && { reorgs: new Map([[random.between(2, 60), depth]]) }),
    };
    const against = liars(toy, random.between(1, 3), (below) => random.below(below));
    yield { toy, liars: against, conditions, what: `crowd ${seed + i}` };
  }
}

type ContestTally = {
  games: number;
  /** Events of honest moves: the most of a kind in one game. */
  readonly most: Map<string, number>;
  readonly findings: string[];
  /** Of the bound for wrong timers, and for the confirmation of the right claim. */
  worstWrong: number;
  worstConfirmed: number;
};

const count = ({ toy, conditions }: Game, outcome: Outcome, tally: ContestTally): void => {
  const wrong = Number(outcome.worstWrong) / (conditions.censored + conditions.delay * Number(answersOf(toy)));
  const confirmed = Number(outcome.confirmedAfter ?? 0n) / Number(boundOf(toy, outcome, conditions));
  tally.worstWrong = Math.max(tally.worstWrong, wrong);
  tally.worstConfirmed = Math.max(tally.worstConfirmed, confirmed);
  for (const [event, made] of Object.entries(outcome.made))
    tally.most.set(event, Math.max(tally.most.get(event) ?? 0, made));
};

/** Part of the games that are enumerated; the rest are crowds. */
const ENUMERATED = 0.99;

/** All games that are enumerated, or an even part of them when those are too many, and then crowds. */
const playContests = ({ count: total, seed, print }: GamesFuzz): ContestTally => {
  const tally: ContestTally = { games: 0, most: new Map(), findings: [], worstWrong: 0, worstConfirmed: 0 };
  const run = (games: Iterable<Game>, limit: number): number => {
    let played = 0;
    for (const game of games) {
      if (played >= limit || tally.findings.length > 10) break;
      const outcome = play(game.toy, game.liars, game.conditions);
      for (const fault of faultsOf(game.toy, outcome, game.conditions)) tally.findings.push(`${game.what}: ${fault}`);
      count(game, outcome, tally);
      played++;
      tally.games++;
    }
    return played;
  };
  const kinds = { patterns: [...everyPattern()], operators: [...everyOperator()], schedules: [...everySchedule()] };
  const all = Object.values(kinds).reduce((sum, { length }) => sum + length, 0);
  const step = Math.max(1, Math.ceil(all / (ENUMERATED * total)));
  for (const [name, games] of Object.entries(kinds)) {
    const played = run(
      games.filter((_, i) => i % step === 0),
      total,
    );
    print(`  ${name}: ${played} of ${games.length} games`);
  }
  print(`  crowds: ${run(crowds(seed), total - tally.games)} games`);
  return tally;
};

export const fuzzGames = async (round: GamesFuzz): Promise<readonly string[]> => {
  const started = performance.now();
  const { games, most, findings, worstWrong, worstConfirmed } = playContests(round);
  const { print } = round;
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  print(`${games} games in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  print(`  wrong timers up to ${percent(worstWrong)} of their bound, confirmed by ${percent(worstConfirmed)}`);
  for (const [event, made] of [...most].sort()) print(`  ${event.padEnd(28)} at most ${made} in a game`);
  return findings;
};
