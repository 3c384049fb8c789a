import type { ClaimParameters } from "../../bridge/index.ts";
import { type DisputeStage, type LiarActor, registryOf, startChallenger, startLiar } from "./disputes.ts";
import type { Told } from "./lies.ts";
import type { Ends } from "./peers.ts";

const FIRST_LIAR = 20;
const CONFIRMED = 2;
/** Of the whole process, with all its liars. */
const MOST_RESIDENT_MIB = 2_048;
const MOST_ROUNDS = 1_500;

export type Outcome = {
  /** L1 blocks from the last wrong claim to the verdict. */
  readonly blocks: bigint;
  readonly rounds: number;
  readonly residentMib: number;
  /** Leaves that a contract proved. */
  readonly proven: number;
  readonly findings: readonly string[];
};

/** L1 blocks from the first claim to the verdict, at most: the game's second bound. */
export const boundOf = ({ heights, period, censorship, delay }: ClaimParameters): bigint => {
  const path = heights.reduce((sum, height) => sum + height + 1, 0);
  return period + censorship + (delay + 1n) * BigInt(path + 1);
};

/**
 * Plays wrong claims at once against one challenger, an L1 block a round, and looks at what comes of them: the right claim
 * is confirmed in time, every stake decided, no honest one lost, and every liar's.
 */
export const playAtOnce = async (
  t: Ends,
  stage: DisputeStage,
  { lies, bound }: { readonly lies: readonly Told[]; readonly bound: bigint },
): Promise<Outcome> => {
  const { anvil } = stage;
  const registry = registryOf(stage);
  const node = await stage.open();
  const liars: LiarActor[] = [];
  for (const [i, told] of lies.entries())
    liars.push(await startLiar(t, stage, node, { seed: i + 1, ...told, from: FIRST_LIAR + i }));
  const challenger = startChallenger(t, stage, node);
  const begun = await anvil.client.getBlockNumber();
  await anvil.manual();
  let residentMib = 0;
  let verdict = 0n;
  let rounds = 0;
  const refused = new Set<string>();
  for (; rounds < MOST_ROUNDS; rounds++) {
    for (const liar of liars) await liar.launch();
    await challenger.launch();
    await anvil.mine(1);
    residentMib = Math.max(residentMib, process.memoryUsage().rss / 2 ** 20);
    const [dispute] = challenger.disputes;
    for (const { move, error } of dispute?.refusals ?? [])
      if (move.call.type === "prove") refused.add(`level ${move.call.ctx.level}: ${error}`);
    const right = dispute?.right;
    if (verdict === 0n && right !== undefined && (await registry.status(right)) === CONFIRMED)
      verdict = await anvil.client.getBlockNumber();
    if (verdict > 0n && (await registry.read("held")) === 0n) break;
  }
  await anvil.automatic();
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
  if (residentMib > MOST_RESIDENT_MIB) findings.push(`${residentMib.toFixed(0)} MiB resident`);
  return {
    blocks: verdict - begun,
    rounds,
    residentMib,
    proven: (await registry.proven()).length,
    findings,
  };
};
