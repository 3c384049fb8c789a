import { isDeepStrictEqual } from "node:util";
import { claimRegistry, gameHash } from "../../bridge/index.ts";
import {
  type Board,
  type BoardEvent,
  type Call,
  cheapTimer,
  createBoard,
  createBoardReader,
  ctxId,
  eventsOf,
  multicallOf,
  NO_CLAIM,
  type OwnGame,
  solve,
} from "../../challenger/index.ts";
import { CodedError, type Hex, hashChainState, toClaim, toHex } from "../../executor/index.ts";
import { openBook } from "../support/claim-book.ts";
import { createDispute, DISPUTE, type Dispute } from "../support/dispute.ts";
import type { Ends } from "../support/peers.ts";
import { createProber, type Prober } from "../support/prober.ts";
import { createRandom, type Random } from "../support/random-program.ts";
import { toyLeafRules, toyParty, type Wrong } from "../support/toy-parties.ts";
import { TOY_RULES } from "../support/toy-rules.ts";

type BoardFuzz = {
  readonly count: number;
  readonly seed: number;
  readonly print: (line: string) => void;
};

/** The board of L1 against its twin: the same ids, timers, errors and events after random legal and illegal calls. */

type BoardTally = {
  /** Multicalls of one to some calls each. */
  calls: number;
  games: number;
  /** How calls ended, by the name of the error; `taken` and `nothing` are no errors. */
  readonly outcomes: Map<string, number>;
  /** Calls that the boards took, by type. */
  readonly taken: Map<string, number>;
  readonly findings: string[];
};
const createBoardTally = (): BoardTally => ({
  calls: 0,
  games: 0,
  outcomes: new Map(),
  taken: new Map(),
  findings: [],
});

type Sending = { readonly calls: readonly Call[]; readonly value: bigint };

const CALLS_PER_GAME = 400;
const CALLS_PER_BLOCK = 24;
const STAKES = DISPUTE.stakes;
const L1_CHAIN_ID = 31_337n;

const multicall = (calls: readonly Call[]): ReturnType<typeof multicallOf> =>
  multicallOf(
    calls.map((call) => ({ call })),
    STAKES,
  );

/** Of an empty inbox. */
const NO_LINEAGE: Hex = `0x${"00".repeat(32)}`;

const boardOn = ({ contracts, first }: Dispute, genesisAt: bigint): Board =>
  createBoard({
    l1ChainId: L1_CHAIN_ID,
    registry: contracts.claimRegistry,
    genesis: toHex(hashChainState(first)),
    genesisAt,
    height: DISPUTE.heights[0],
    period: DISPUTE.period,
    spacing: DISPUTE.spacing,
    stakes: STAKES,
    tariffs: DISPUTE.tariffs,
    rules: toyLeafRules,
    isChainState: (bytes) => bytes.length === 2 + 2 * 254 && /^0x110[01]/.test(bytes),
    furthest: () => 0n,
    lineageAt: () => NO_LINEAGE,
  });

const lies = (random: Random): readonly Wrong[] => {
  const some = (below: number) => (random.chance(0.3) ? undefined : random.below(below));
  const wrong = (seed: number): Wrong => ({
    seed,
    chain: random.chance(0.2) ? undefined : random.below(4),
    execution: random.chance(0.5) ? 2 : some(7),
    inference: some(3),
    element: some(16),
  });
  return [{ seed: 0 }, wrong(1), wrong(2), wrong(3)];
};

const gamesOf = ({ toy, contracts, firstClaim }: Dispute, random: Random): readonly OwnGame[] =>
  lies(random).map((wrong) => ({
    ...toyParty(toy, wrong),
    parent: toHex(firstClaim),
    origin: toHex(
      gameHash({
        l1ChainId: L1_CHAIN_ID,
        registry: contracts.claimRegistry,
        parent: toHex(firstClaim),
        limitBatch: 0n,
        lineage: NO_LINEAGE,
      }),
    ),
    isDue: true,
    account: "0x",
  }));

const HEX_32 = /^0x[0-9a-f]{64}$/;

/** Another value of the same kind. */
const altered = (
  value: unknown,
  { random, ids }: { readonly random: Random; readonly ids: readonly Hex[] },
): unknown => {
  if (typeof value === "bigint") return random.chance(0.5) ? value + 1n : value > 0n ? value - 1n : 2n;
  if (typeof value === "number") return random.pick([0, 1, 2, 3, 0x31, 0x33].filter((other) => other !== value));
  if (typeof value === "string" && HEX_32.test(value) && random.chance(0.7)) return random.pick(ids);
  if (typeof value === "string" && value.length > 4)
    return random.chance(0.5) ? value.slice(0, -2) : `${value.slice(0, -1)}${value.endsWith("0") ? "1" : "0"}`;
  if (Array.isArray(value)) return random.chance(0.5) ? value.slice(1) : [...value, random.pick(ids)];
  return value;
};

/** A call with one of its fields, at any depth, made another. Hashes stay hashes: what cannot be encoded is no call. */
const mutate = (call: Call, to: { readonly random: Random; readonly ids: readonly Hex[] }): Call => {
  const change = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null || (Array.isArray(value) && to.random.chance(0.5)))
      return altered(value, to);
    if (Array.isArray(value)) {
      const at = to.random.below(Math.max(1, value.length));
      return value.map((item, i) => (i === at ? to.random.pick(to.ids) : item));
    }
    const names = Object.keys(value).filter((name) => name !== "type" && name !== "below");
    const name = to.random.pick(names);
    const record = value as Readonly<Record<string, unknown>>;
    const made = change(record[name]);
    const isHash = typeof record[name] === "string" && HEX_32.test(record[name]);
    return { ...record, [name]: isHash && !HEX_32.test(String(made)) ? to.random.pick(to.ids) : made };
  };
  return change(call) as Call;
};

/** A party that goes on in some of the levels that are decided. */
const relentless = (board: Board): Parameters<typeof solve>[0] => ({
  ...board,
  now: board.now,
  spot(context, edge) {
    const spot = board.spot(context, edge);
    return isEven(edge) ? spot : { ...spot, context: { ...spot.context, settled: false } };
  },
});
const isEven = (edge: Hex): boolean => Number.parseInt(edge.slice(-1), 16) % 2 === 0;

/** Calls that make sense, that made sense before, and that make none. */
const choose = (
  board: Board,
  games: readonly OwnGame[],
  { random, done }: { readonly random: Random; readonly done: Call[] },
): Sending => {
  const game = random.pick(games);
  const moves = solve(relentless(board), game).moves.map(({ call }) => call);
  const start = moves.length === 0 ? 0 : random.below(moves.length);
  let calls: readonly Call[] = random.chance(0.5)
    ? moves.slice(0, random.between(1, 4))
    : moves.slice(start, start + 1);
  if (calls.length === 0 || random.chance(0.12)) calls = done.length === 0 ? [] : [random.pick(done)];
  if (random.chance(0.05)) {
    const [edge] = [...board.tables.claims.keys()].slice(-1);
    if (edge !== undefined) calls = [...calls, { type: "forfeit", claim: edge }];
  }
  const roots = [...board.tables.roots.keys()];
  if (roots.length > 0 && random.chance(0.05)) {
    const at = board.tables.preimages.get(random.pick(roots));
    if (at !== undefined) calls = [{ ...at, type: random.chance(0.5) ? "collect" : "settle" }];
  }
  const ids = [...board.tables.edges.keys(), ...[...board.tables.preimages.values()].map(({ node }) => node)].slice(
    -64,
  );
  if (ids.length > 0 && random.chance(0.35)) calls = calls.map((call) => mutate(call, { random, ids }));
  done.push(...calls);
  const { value } = multicall(calls);
  return { calls, value: random.chance(0.1) ? value / 2n : value };
};

type Ended = { readonly error: string | undefined; readonly events: readonly BoardEvent[] };

const onTwin = (board: Board, from: Hex, { calls, value }: Sending): Ended => {
  try {
    return { error: undefined, events: board.send({ from, value }, calls) };
  } catch (error) {
    if (error instanceof CodedError) return { error: error.code, events: [] };
    throw error;
  }
};

const plain = (events: readonly { readonly name: string; readonly args: object }[]) =>
  events.map(({ name, args }) => [
    name,
    Object.fromEntries(
      Object.entries(args).map(([key, value]) => [
        key,
        typeof value === "string" ? value.toLowerCase() : String(value),
      ]),
    ),
  ]);

/** Compares every place, credit and sum. Answers what differs. */
const compareState = async (dispute: Dispute, board: Board, probers: readonly Prober[]): Promise<readonly string[]> => {
  const { l1, contracts, of } = dispute;
  const registry = contracts.claimRegistry;
  const book = await openBook(l1.client, registry);
  const now = await l1.client.getBlockNumber({ cacheTime: 0 });
  await book.sync({ number: now });
  const view = await createBoardReader(l1.client, { registry, book }).at(now);
  const found: string[] = [];
  const places = [...board.tables.preimages].map(([edge, { ctx }]) => ({ context: ctxId(ctx), edge }));
  const rivals = [...board.tables.rootsIn].map(([context, [first]]) => {
    const parent = first && board.tables.claims.get(toClaim(first.edge))?.parent;
    return { want: "rivals", context, parent } as const;
  });
  await view.fetch([
    ...places.map((place) => ({ want: "spot", ...place }) as const),
    ...[...board.tables.claims.keys()].map((id) => ({ want: "claim", id }) as const),
    ...rivals,
  ]);
  for (const { context } of rivals)
    if (!isDeepStrictEqual(view.rootsIn(context), board.rootsIn(context))) found.push(`rivals in ${context}`);
  for (const id of board.tables.claims.keys()) {
    const { status, parent, endState, limitBatch, madeAt } = view.claim(id) ?? NO_CLAIM;
    if (!isDeepStrictEqual({ status, parent, endState, limitBatch, madeAt }, board.claim(id)))
      found.push(`claim ${id}`);
  }
  if (view.now !== board.now) found.push(`block ${view.now} instead of ${board.now}`);
  for (const { context, edge } of places)
    if (!isDeepStrictEqual(view.spot(context, edge), board.spot(context, edge))) found.push(`place ${edge}`);
  for (const [edge, { ctx, node }] of [...board.tables.preimages].slice(-3)) {
    const timer = await of<bigint>("timerOf", ctxId(ctx), node);
    if (timer !== cheapTimer(board.spot(ctxId(ctx), edge), board.now)) found.push(`timer of ${edge}`);
  }
  for (const { address } of probers)
    if ((await of<bigint>("credits", address)) !== (board.tables.credits.get(address) ?? 0n))
      found.push(`credit of ${address}`);
  for (const sum of ["held", "burned"] as const)
    if ((await of<bigint>(sum)) !== (board.tables.sums.get(sum) ?? 0n)) found.push(sum);
  return found;
};

const playGame = async (
  { dispute, probers, genesisAt }: { dispute: Dispute; probers: readonly Prober[]; genesisAt: bigint },
  { random, count, tally }: { random: Random; count: number; tally: BoardTally },
): Promise<void> => {
  const board = boardOn(dispute, genesisAt);
  const games = gamesOf(dispute, random);
  const done: Call[] = [];
  const report = (what: string): void => void tally.findings.push(`game ${tally.games}, block ${board.now}: ${what}`);
  for (let sent = 0; sent < count && tally.findings.length === 0; ) {
    if (random.chance(0.3)) await dispute.l1.mine(random.pick([1, 3, 10, 58, 61]));
    board.now = (await dispute.l1.client.getBlockNumber({ cacheTime: 0 })) + 1n;
    const prober = random.pick(probers);
    const sendings = Array.from({ length: CALLS_PER_BLOCK }, () => {
      const sending = choose(board, games, { random, done });
      return { sending, twin: onTwin(board, prober.address, sending) };
    });
    const probed = await prober.probe(
      dispute.contracts.claimRegistry,
      sendings.map(({ sending: { calls, value } }) => ({ data: multicall(calls).data, value })),
    );
    for (const [i, { sending, twin }] of sendings.entries()) {
      const on1 = probed[i];
      const types = sending.calls.map(({ type }) => type);
      const events = plain(eventsOf(on1?.logs ?? []));
      const outcome = twin.error ?? (twin.events.length > 0 ? "taken" : "nothing");
      tally.calls++;
      sent++;
      tally.outcomes.set(outcome, (tally.outcomes.get(outcome) ?? 0) + 1);
      for (const { event } of twin.events) tally.taken.set(event, (tally.taken.get(event) ?? 0) + 1);
      if (on1?.error !== twin.error) report(`${types}: ${on1?.error} on L1, ${twin.error} in the twin`);
      else if (!isDeepStrictEqual(events, plain(twin.events.map(({ event, args }) => ({ name: event, args })))))
        report(`${types}: other events`);
    }
    for (const what of await compareState(dispute, board, probers)) report(what);
  }
  tally.games++;
};

/** Plays `count` calls, in games of some hundreds, on one L1. */
export const fuzzBoards = async (
  ends: Ends,
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<BoardTally> => {
  const tally = createBoardTally();
  const random = createRandom(seed);
  const dispute = await createDispute(ends);
  const abi = [...claimRegistry.abi, ...TOY_RULES.abi];
  const probers = [await createProber(dispute.l1, abi), await createProber(dispute.l1, abi)];
  const { madeAt } = await dispute.of<{ readonly madeAt: bigint }>("claimOf", toHex(dispute.firstClaim));
  while (tally.calls < count && tally.findings.length === 0) {
    const snapshot = await dispute.l1.snapshot();
    const size = Math.min(CALLS_PER_GAME, count - tally.calls);
    await playGame({ dispute, probers, genesisAt: madeAt }, { random, count: size, tally });
    await dispute.l1.revert(snapshot);
  }
  return tally;
};

export const fuzzBoard = async ({ count, seed, print }: BoardFuzz): Promise<readonly string[]> => {
  const ending: (() => unknown)[] = [];
  const started = performance.now();
  const tally = await fuzzBoards({ after: (done) => void ending.push(done) }, { count, seed });
  for (const end of ending) await end();
  print(`${tally.calls} multicalls in ${tally.games} games in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  for (const [outcome, times] of [...tally.outcomes].sort()) print(`  ${outcome.padEnd(28)} ${times}`);
  for (const [event, times] of [...tally.taken].sort()) print(`  ${event.padEnd(28)} ${times}`);
  return tally.findings;
};
