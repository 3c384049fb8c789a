import type { ClaimParameters } from "../../bridge/index.ts";
import { describeDispute } from "../../challenger/index.ts";
import type { DisputeView, Hex } from "../../executor/index.ts";
import {
  type DisputeStage,
  type LiarActor,
  registryOf,
  rightClaimsOf,
  rightRange,
  startChallenger,
  startLiar,
} from "./disputes.ts";
import type { Told } from "./lies.ts";
import type { Ends } from "./peers.ts";

const FIRST_LIAR = 20;
const CONFIRMED = 2;
const MOST_RESIDENT_MIB = 2_048;
const MOST_ROUNDS = 1_500;
/** Blocks that L1 makes at once where nobody has sent anything for as many rounds. */
const LONGEST_LEAP = 8;

/** The challenger against which liars play. */
export type Player = {
  readonly address: Hex;
  /** Answers what L1's newest block holds, and does not wait for L1. */
  launch(): Promise<void>;
  /** As it saw them last. */
  disputes(): Promise<readonly DisputeView[]>;
  /** Memory that it ever had at most, where that can be told. */
  mostResidentMib(): number | undefined;
};
export type StartPlayer = (t: Ends, stage: DisputeStage) => Promise<Player>;

/** A challenger within this process, whose memory is that of all liars, too. */
export const startPlayer: StartPlayer = async (t, stage) => {
  const challenger = startChallenger(t, stage, await stage.open());
  return {
    address: challenger.address,
    launch: () => challenger.launch(),
    disputes: async () => challenger.disputes.map(describeDispute),
    mostResidentMib: () => process.resourceUsage().maxRSS / 1_024,
  };
};

export type Outcome = {
  /** L1 blocks from the last wrong claim to the verdict. */
  readonly blocks: bigint;
  readonly rounds: number;
  readonly residentMib: number | undefined;
  /** That the challenger took for one answer, at most. */
  readonly seconds: number;
  /** Leaves that a contract proved. */
  readonly proven: number;
  readonly findings: readonly string[];
};

/** L1 blocks from the first claim to the verdict, at most: the game's second bound. */
export const boundOf = ({ heights, period, censorship, delay }: ClaimParameters): bigint => {
  const path = heights.reduce((sum, height) => sum + height + 1, 0);
  return period + censorship + (delay + 1n) * BigInt(path + 1);
};

type Play = {
  readonly lies: readonly Told[];
  readonly bound: bigint;
  readonly start?: StartPlayer;
};

/**
 * Plays wrong claims at once against one challenger, an L1 block a round, more where nobody has anything to send, and looks at
 * what comes of them: the right claim is confirmed in time, every stake decided, no honest one lost, and every liar's.
 */
export const playAtOnce = async (
  t: Ends,
  stage: DisputeStage,
  { lies, bound, start = startPlayer }: Play,
): Promise<Outcome> => {
  const { anvil } = stage;
  const registry = registryOf(stage);
  const node = await stage.open();
  const range = await rightRange(stage, node, rightClaimsOf(t, stage, node));
  const liars: LiarActor[] = [];
  for (const [i, told] of lies.entries())
    liars.push(await startLiar(t, stage, node, { seed: i + 1, ...told, from: FIRST_LIAR + i, range }));
  const challenger = await start(t, stage);
  const begun = await anvil.client.getBlockNumber();
  await anvil.manual();
  let verdict = 0n;
  let rounds = 0;
  let quiet = 0;
  let seconds = 0;
  const answer = async (): Promise<void> => {
    const asked = performance.now();
    await challenger.launch();
    seconds = Math.max(seconds, (performance.now() - asked) / 1_000);
  };
  const refused = new Set<string>();
  for (; rounds < MOST_ROUNDS; rounds++) {
    await Promise.all([answer(), ...liars.map((liar) => liar.launch())]);
    quiet = (await anvil.mempool()).length === 0 ? quiet + 1 : 0;
    await anvil.mine(Math.min(LONGEST_LEAP, quiet + 1));
    const [dispute] = await challenger.disputes();
    for (const { call, level, error } of dispute?.refusals ?? [])
      if (call === "prove") refused.add(`level ${level}: ${error}`);
    const right = dispute?.right ?? undefined;
    if (verdict === 0n && right !== undefined && (await registry.status(right)) === CONFIRMED)
      verdict = await anvil.client.getBlockNumber();
    if (verdict > 0n && (await registry.read("held")) === 0n) break;
  }
  await anvil.automatic();
  const residentMib = challenger.mostResidentMib();
  const findings = [...refused].map((error) => `the challenger's proof is refused: ${error}`);
  if (verdict === 0n) findings.push("the right claim was not confirmed");
  else if (verdict - begun > bound) findings.push(`the verdict took ${verdict - begun} blocks, the bound is ${bound}`);
  if ((await registry.read("held")) !== 0n) findings.push("not every stake was decided");
  const losers = await registry.losers();
  for (const [i, { claim, address }] of liars.entries()) {
    if ((await registry.status(claim)) === CONFIRMED) findings.push(`a wrong claim was confirmed: ${lies[i]?.name}`);
    if (!losers.includes(address)) findings.push(`a liar lost no stake: ${lies[i]?.name}`);
  }
  if (losers.includes(challenger.address)) findings.push("an honest stake was lost");
  if (residentMib !== undefined && residentMib > MOST_RESIDENT_MIB)
    findings.push(`${residentMib.toFixed(0)} MiB resident, the bound is ${MOST_RESIDENT_MIB}`);
  return {
    blocks: verdict - begun,
    rounds,
    residentMib,
    seconds,
    proven: (await registry.proven()).length,
    findings,
  };
};

/** What there is to say of it in one line. */
export const outcomeText = ({ blocks, rounds, residentMib, seconds, proven }: Outcome, bound: bigint): string => {
  const resident = residentMib === undefined ? "memory is not told here" : `${residentMib.toFixed(0)} MiB resident`;
  return `${proven} leaves proven, verdict ${blocks} blocks after the last claim (bound ${bound}), ${rounds} rounds, an answer in ${seconds.toFixed(1)} s at most, ${resident} at most`;
};
