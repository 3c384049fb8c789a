import { createAddressFromString } from "@ethereumjs/util";
import { claimRegistry } from "../../bridge/index.ts";
import { type ClaimId, createMemoryStore, keccakOf, messageOf, utf8 } from "../../executor/index.ts";
import { createReads, type Fault, openDeriving, openHonest } from "../support/honest-side.ts";
import { createHostileSequencer } from "../support/hostile-sequencer.ts";
import { createLiars } from "../support/liars.ts";
import type { Ends } from "../support/peers.ts";
import { createRandom } from "../support/random-program.ts";
import { l2Account } from "../support/stage.ts";
import { startSteppedL1 } from "../support/stepped-l1.ts";
import { type Honest, judgeWorld } from "./hostile-judgement.ts";
import { BOUND, CHAIN, CLAIMS, createWorldTally, MOST_BEHIND, MOST_WRONG, type WorldTally } from "./hostile-rules.ts";

export type WorldOptions = {
  readonly seed: number;
  /** L1 blocks for which everybody is hostile; then what is open comes to its end. */
  readonly blocks: number;
};

const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
/** Accounts of L1. */
const [SEQUENCER, CLAIMANT, CHALLENGER] = [1, 6, 7];
const LIARS = range(10, 20);
const PLAYERS = range(30, 3);
const L2_USERS = range(0, 4);
/** Seconds. */
const FORCE_DELAY = 60n;
/** L1 blocks above a claim before an honest one stands on it: less than L1 reorganises. */
const DEPTH = 1n;
const REORGS = [1, 1, 2, 3, 5] as const;
/** Blocks that a reorg costs the honest beside its own: what was dropped is sent again. */
const RESENT = 3;
const MOST_FINDINGS = 5;
/** Looks without a move after which L1 makes several blocks at once. */
const [IDLE, AT_ONCE] = [2, 20];

const countUp = (counts: Map<string, number>, name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1);

/** Requests of a look that are lost: the same ones in every run. */
const someLost = (seed: number, block: number, share: number): Fault => {
  const textOf = (...what: readonly unknown[]): string =>
    JSON.stringify(what, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value));
  return {
    isLost: (method, params) => (keccakOf(utf8(textOf(seed, block, method, params)))[0] as number) < 256 * share,
  };
};

/** Blocks for which moves of the honest side were kept out: of any time that a game lasts no more than the game allows for. */
const createAbsences = () => {
  const absent: number[] = [];
  return {
    allow: (now: number, count: number): boolean =>
      absent.filter((block) => block > now - 2 * BOUND).length + count < Number(CLAIMS.censorship),
    add: (from: number, count: number): void => void absent.push(...range(from, count)),
    since: (block: number): number => absent.filter((at) => at >= block).length,
  };
};

/**
 * One L1 on which the sequencer and many claimants mean it ill, which reorganises and does not always answer, with one
 * claimant and one challenger who are honest, and now and then begin anew.
 */
export const playWorld = async (t: Ends, { seed, blocks }: WorldOptions): Promise<WorldTally> => {
  const random = createRandom(seed);
  const tally = createWorldTally();
  const { done, findings } = tally;
  const alloc = Object.fromEntries(
    L2_USERS.map((user) => [l2Account(user).address.toLowerCase(), { balance: 10n ** 21n }] as const),
  );
  const rules = { chain: CHAIN, claims: CLAIMS, alloc, sequencer: SEQUENCER, forceDelay: FORCE_DELAY };
  const l1 = await startSteppedL1(t, rules);
  const { client, deployment } = l1;
  const registry = { address: deployment.contracts.claimRegistry, abi: claimRegistry.abi } as const;
  const truth = await openDeriving(l1, { client, depth: 0n });
  t.after(truth.stop);
  await truth.follow();
  const { genesis } = await truth.right.rules();
  const liars = await createLiars(l1, truth, { accounts: LIARS, players: PLAYERS, random });
  const { book } = liars;
  const sequencer = createHostileSequencer(l1, random, {
    from: SEQUENCER,
    users: L2_USERS,
    l2ChainId: CHAIN.chainId,
    async nonceOf(user) {
      const state = truth.chain.stateAt(truth.chain.head.header.number);
      return (await state.getAccount(createAddressFromString(user)))?.nonce ?? 0n;
    },
  });

  const reads = createReads(l1);
  const open = {
    claimant: (store = createMemoryStore()) =>
      openHonest(l1, reads, { role: "claimant", from: CLAIMANT, store, depth: DEPTH }),
    challenger: (store = createMemoryStore()) =>
      openHonest(l1, reads, { role: "challenger", from: CHALLENGER, store, depth: DEPTH }),
  } as const;
  const honest: Honest = { claimant: await open.claimant(), challenger: await open.challenger() };
  t.after(async () => {
    for (const one of Object.values(honest)) await one.stop();
  });
  const honestOnes: readonly string[] = [honest.claimant.address, honest.challenger.address];
  const roles = ["claimant", "challenger"] as const;

  const absences = createAbsences();
  let now = Number(await client.getBlockNumber({ cacheTime: 0 }));
  /** Through this block a look may fail, since L1 changed under it. */
  let shaken = now;
  let isHostile = true;

  /** Something that is done with this chance. */
  const maybe = async (chance: number, name: string, work: () => Promise<unknown>): Promise<void> => {
    if (!random.chance(chance)) return;
    countUp(done, name);
    await work();
  };
  /** A right claim on which nothing is decided, often the newest. */
  const parent = (): ClaimId => {
    const ids = [genesis, ...truth.right.steps.map(({ id }) => id)].filter((id) => book.winnerOn(id) === undefined);
    return random.chance(0.35) ? (ids.at(-1) as ClaimId) : random.pick(ids);
  };

  const attack = async (): Promise<void> => {
    if (!isHostile) return void (await liars.play(1));
    await maybe(0.35, "a batch", async () => {
      for (const kind of await sequencer.post()) countUp(done, `a batch of ${kind}`);
    });
    await maybe(0.12, "a deposit", sequencer.deposit);
    await maybe(0.1, "messages forced in", sequencer.force);
    await maybe(0.5, "a claim of anything", () => liars.junk(parent()));
    await maybe(0.08, "a claim of anything on such a one", async () => {
      const rightOnes = new Set(truth.right.steps.map(({ id }) => id));
      const wrong = [...book.undecided()].filter(({ id }) => !rightOnes.has(id));
      if (wrong.length > 0) await liars.junk(random.pick(wrong).id);
    });
    const tip = await truth.right.tip();
    if (BigInt(now) + 1n === tip.claim.madeAt + CLAIMS.spacing)
      await maybe(0.3, "a claim of anything, before the right one", () => liars.junk(tip.id));
    await maybe(0.05, "the right claim, staked by a liar", liars.copy);
    await maybe(0.1, "a liar who stands up for a claim", () => liars.join(parent()));
    await liars.play(0.8);
  };

  /** A life of a process ends; the next finds what is on disk, or nothing. */
  const restart = async (role: keyof Honest): Promise<void> => {
    const { node, stop } = honest[role];
    await stop();
    const isKept = random.chance(0.5);
    countUp(done, `the ${role} began anew, its store ${isKept ? "kept" : "lost"}`);
    honest[role] = await open[role](isKept ? node.store : undefined);
  };

  const defend = async (): Promise<void> => {
    const isFaulty = isHostile && random.chance(0.08) && absences.allow(now, 2);
    if (isFaulty) {
      absences.add(now, 1);
      const isLate = random.chance(0.3);
      countUp(done, isLate ? "a look at late logs" : "a look with lost requests");
      reads.fail(
        isLate ? { logsThrough: now - random.below(6) } : someLost(seed, now, random.pick([0.02, 0.1, 0.4, 1])),
      );
    }
    for (const role of roles) {
      if (role === "claimant" && !isHostile) await honest.claimant.node.follow();
      else
        for (const failure of await honest[role].look())
          if (!isFaulty && now > shaken) findings.push(`block ${now}: a look of the ${role} failed: ${failure}`);
    }
    reads.mend();
    if (isFaulty && random.chance(0.3)) await restart(random.pick(roles));
  };

  const observe = async (): Promise<void> => {
    now = Number(await client.getBlockNumber({ cacheTime: 0 }));
    await truth.follow();
    await truth.right.walk(BigInt(now));
    await truth.retention.look();
    await book.sync({ number: BigInt(now) });
  };

  /** For how long the oldest record waits that no right claim covers, looks aside that the claimant was kept from. */
  const measureLag = async (): Promise<void> => {
    const { place } = await truth.right.tip();
    const record = truth.l1.record(place.position.batch);
    const since = record === undefined ? now : Number(record.l1Block);
    const behind = now - since - absences.since(since);
    tally.behind = Math.max(tally.behind, behind);
    if (behind > MOST_BEHIND) findings.push(`block ${now}: a record waits for a claim for ${behind} blocks`);
  };

  const reorganise = async (): Promise<void> => {
    const depth = random.pick(REORGS);
    if (!absences.allow(now, depth + RESENT)) return;
    countUp(done, `an L1 reorg of ${depth}`);
    absences.add(now - depth + 1, depth + RESENT);
    shaken = now + RESENT;
    const [ofHonest, ofOthers] = [random.pick([0, 0.5, 1]), random.pick([0.5, 1, 1])];
    await l1.reorg(depth, (from) => random.chance(honestOnes.includes(from) ? ofHonest : ofOthers));
    await observe();
  };

  const step = async (): Promise<void> => {
    const [first, second] = random.chance(0.7) ? [attack, defend] : [defend, attack];
    await first();
    await second();
    if (isHostile && random.chance(0.03) && absences.allow(now, RESENT)) {
      countUp(done, "a block without the honest");
      absences.add(now, RESENT);
      await l1.censor((from) => honestOnes.includes(from));
    }
    await l1.mine(1);
    tally.blocks++;
    await observe();
    if (!isHostile) return void (random.chance(0.15) && (await restart("challenger")));
    await measureLag();
    if (random.chance(0.03)) await reorganise();
    if (random.chance(0.03) && absences.allow(now, 1)) {
      absences.add(now, 1);
      await restart(random.pick(roles));
    }
  };

  while (tally.blocks < blocks && findings.length < MOST_FINDINGS) await step();
  // Nobody makes claims any more; what is there comes to its end.
  isHostile = false;
  const until = BigInt(now);
  const held = () => client.readContract({ ...registry, functionName: "held" });
  for (let idle = 0; now < Number(until) + 2 * BOUND && findings.length < MOST_FINDINGS; ) {
    await step();
    if ((await held()) === 0n) break;
    const isIdle = honest.challenger.challenger?.disputes.every(({ moves }) => moves.length === 0) ?? false;
    idle = isIdle ? idle + 1 : 0;
    if (idle <= IDLE) continue;
    await l1.mine(AT_ONCE);
    await observe();
  }
  // One that has just begun anew has not looked yet.
  await honest.challenger.look();
  if (findings.length < MOST_FINDINGS && (await held()) !== 0n) findings.push("not every stake is decided");
  await judgeWorld(l1, { truth, honest, book }, { until, tally, random });
  return tally;
};

type Round = { readonly count: number; readonly seed: number; readonly print: (line: string) => void };

/** Blocks of a world in which everybody is hostile, and games that come of so many at least. */
const [FEWEST, MOST] = [12, 250];
const BLOCKS_PER_GAME = 5;

/** Plays worlds until there were so many games. */
export const fuzzHostile = async ({ count, seed, print }: Round): Promise<readonly string[]> => {
  const total = createWorldTally();
  for (let world = 0; total.games < count && total.findings.length === 0; world++) {
    const blocks = Math.max(FEWEST, Math.min(MOST, BLOCKS_PER_GAME * (count - total.games)));
    const ends: (() => unknown)[] = [];
    const started = performance.now();
    try {
      const options = { seed: seed + world, blocks };
      const { done, findings, ...played } = await playWorld({ after: (end) => void ends.push(end) }, options);
      for (const key of ["games", "claims", "rivals", "blocks"] as const) total[key] += played[key];
      for (const key of ["behind", "verdict"] as const) total[key] = Math.max(total[key], played[key]);
      if (played.wrongTimer > total.wrongTimer) total.wrongTimer = played.wrongTimer;
      for (const [name, times] of done) total.done.set(name, (total.done.get(name) ?? 0) + times);
      total.findings.push(...findings.map((what) => `world ${options.seed} of ${blocks} blocks: ${what}`));
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      print(`  world ${options.seed}: ${played.games} games in ${played.blocks} L1 blocks, ${seconds} s`);
    } catch (error) {
      total.findings.push(`world ${seed + world} of ${blocks} blocks: ${messageOf(error)}`);
    } finally {
      for (const end of ends.reverse()) await end();
    }
  }
  const { games, claims, rivals, blocks, behind, verdict, wrongTimer } = total;
  print(`${games} games against ${rivals} wrong claims of ${claims}, ${blocks} L1 blocks that were looked at`);
  print(`  a record was claimed within ${behind} L1 blocks (bound ${MOST_BEHIND})`);
  print(`  the right claim was confirmed within ${verdict} L1 blocks (bound ${BOUND})`);
  print(`  a wrong one gained ${wrongTimer} at most (bound ${MOST_WRONG}, period ${CLAIMS.period})`);
  for (const [name, times] of [...total.done].sort()) print(`  ${name.padEnd(48)} ${times}`);
  return total.findings;
};
