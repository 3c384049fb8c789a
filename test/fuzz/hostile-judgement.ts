import { batchInbox, claimRegistry, GENESIS_PLACE, statesOf } from "../../bridge/index.ts";
import type { ClaimId, Hex } from "../../executor/index.ts";
import { type Deriving, type HonestProcess, openDeriving } from "../support/honest-side.ts";
import type { Liars } from "../support/liars.ts";
import type { Random } from "../support/random-program.ts";
import type { SteppedL1 } from "../support/stepped-l1.ts";
import { CLAIMS, MOST_WRONG, type WorldTally } from "./hostile-rules.ts";

export type Honest = { claimant: HonestProcess; challenger: HonestProcess };

/** Stretches of the inbox whose units are counted. */
const PAIRS = 100;
/** Records of such a stretch, at most. */
const LONGEST = 12;

const lower = (hex: Hex): Hex => hex.toLowerCase() as Hex;
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** What L1 holds of claims in the end. */
const readRegistry = async ({ client, deployment }: SteppedL1) => {
  const contract = { address: deployment.contracts.claimRegistry, abi: claimRegistry.abi } as const;
  const logs = { ...contract, fromBlock: 0n, strict: true } as const;
  const [proposed, opened, confirmed, settled, lost, withdrawn] = await Promise.all([
    client.getContractEvents({ ...logs, eventName: "ClaimProposed" }),
    client.getContractEvents({ ...logs, eventName: "LevelOpened" }),
    client.getContractEvents({ ...logs, eventName: "ClaimConfirmed" }),
    client.getContractEvents({ ...logs, eventName: "LevelSettled" }),
    client.getContractEvents({ ...logs, eventName: "StakeLost" }),
    client.getContractEvents({ ...logs, eventName: "Withdrawn" }),
  ]);
  return { contract, proposed, opened, confirmed, settled, lost, withdrawn };
};
type Held = Awaited<ReturnType<typeof readRegistry>>;

/** Account by account: what was sent in is at stake or credited, what was won is credited to who staked the winner. */
const judgeMoney = async ({ client }: SteppedL1, held: Held): Promise<readonly string[]> => {
  const { contract, proposed, opened, settled, lost, withdrawn } = held;
  const findings: string[] = [];
  const due = new Map<Hex, bigint>();
  const give = (to: Hex, amount: bigint) => void due.set(lower(to), (due.get(lower(to)) ?? 0n) + amount);
  const stakers = new Map<Hex, { readonly staker: Hex; readonly stake: bigint; readonly context: Hex }>();
  for (const { args } of proposed) {
    const context = await client.readContract({ ...contract, functionName: "contextOf", args: [args.id] });
    stakers.set(args.id, { staker: args.staker, stake: CLAIMS.stakes[0], context });
  }
  for (const { args } of opened) {
    const stake = CLAIMS.stakes[args.level] as bigint;
    stakers.set(args.sub, { staker: args.staker, stake, context: args.ctx });
  }
  for (const { staker, stake } of stakers.values()) give(staker, -stake);
  const winners = new Map(settled.map(({ args }) => [args.ctx, args.edge] as const));
  for (const { args } of settled) {
    const root = stakers.get(args.edge);
    if (root !== undefined) give(root.staker, root.stake);
  }
  for (const { args } of lost) {
    const winner = stakers.get(winners.get(stakers.get(args.edge)?.context ?? "0x") ?? "0x");
    if (winner === undefined) findings.push(`a stake was lost to nobody: ${args.edge}`);
    else give(winner.staker, args.tariff);
  }
  for (const { args } of withdrawn) give(args.account, -args.amount);
  let credits = 0n;
  const last = await client.getBlockNumber({ cacheTime: 0 });
  for (let blockNumber = 0n; blockNumber <= last; blockNumber++) {
    const { transactions } = await client.getBlock({ blockNumber, includeTransactions: true });
    for (const { hash, from, to, value } of transactions) {
      if (to === null || lower(to) !== lower(contract.address) || value === 0n) continue;
      if ((await client.getTransactionReceipt({ hash })).status !== "success") continue;
      give(from, value);
    }
  }
  for (const [account, amount] of due) {
    const credit = await client.readContract({ ...contract, functionName: "credits", args: [account] });
    credits += credit;
    if (credit !== amount) findings.push(`${account} is credited with ${credit} wei, and ${amount} are due`);
  }
  const [held_, burned, balance] = await Promise.all([
    client.readContract({ ...contract, functionName: "held" }),
    client.readContract({ ...contract, functionName: "burned" }),
    client.getBalance({ address: contract.address }),
  ]);
  if (held_ + burned + credits !== balance) findings.push(`the registry has ${balance} wei, not what it owes`);
  return findings;
};

/** No records are more units than L1 takes them for, so that a claim of several records ends between them. */
const judgeMetering = async (
  { client, deployment }: SteppedL1,
  { chain, l1, right }: Deriving,
  random: Random,
): Promise<readonly string[]> => {
  const inbox = { address: deployment.contracts.batchInbox, abi: batchInbox.abi } as const;
  /** Units before each record. */
  const before: number[] = [];
  let units = 0;
  for await (const { state } of statesOf({ chain, inbox: l1 }, GENESIS_PLACE, l1.recordCount)) {
    while (before.length <= Number(state.position.batch)) before.push(units);
    units++;
  }
  const findings: string[] = [];
  const count = before.length - 1;
  for (let i = 0; i < PAIRS && count > 2; i++) {
    const start = random.below(count - 1);
    const end = random.between(start + 2, Math.min(count, start + LONGEST));
    const taken = (before[end] as number) - (before[start] as number);
    const args = [BigInt(start), BigInt(taken - 1)] as const;
    if ((await client.readContract({ ...inbox, functionName: "furthest", args })) >= BigInt(end))
      findings.push(`records ${start} to ${end} are ${taken} units, and L1 takes them for fewer`);
  }
  for (const [i, { place }] of right.steps.entries()) {
    const from = right.steps[i - 1]?.place.position.batch ?? 0n;
    const { batch, cursor } = place.position;
    if ((cursor > 0 || place.ahead > 0) && batch > from)
      findings.push(`a claim of several records ends within record ${batch}`);
  }
  return findings;
};

/**
 * Adds what is wrong when all is over: a node that never saw anything but the last history of L1 says what is right. Claims of
 * L1 blocks through `until` must be confirmed.
 */
export const judgeWorld = async (
  l1: SteppedL1,
  { truth, honest, book }: { readonly truth: Deriving; readonly honest: Honest; readonly book: Liars["book"] },
  { until, tally, random }: { readonly until: bigint; readonly tally: WorldTally; readonly random: Random },
): Promise<void> => {
  const { client } = l1;
  const { findings } = tally;
  const fresh = await openDeriving(l1, { client, depth: 0n });
  await fresh.follow();
  for (const [name, { chain }] of [
    ["the claimant", honest.claimant.node],
    ["the challenger", honest.challenger.node],
    ["the liars' node", truth],
  ] as const)
    if (chain.head.hash !== fresh.chain.head.hash) findings.push(`${name} derived another chain`);
  const { lost } = await fresh.right.walk(await client.getBlockNumber({ cacheTime: 0 }));
  if (lost !== undefined) findings.push(`L1 rejected the right claim ${lost}`);
  const { genesis } = await fresh.right.rules();
  const right = new Set<Hex>([genesis, ...fresh.right.steps.map(({ id }) => id)]);
  const held = await readRegistry(l1);
  const confirmedAt = new Map(held.confirmed.map(({ args, blockNumber }) => [args.id as Hex, blockNumber] as const));
  for (const id of confirmedAt.keys()) if (!right.has(id)) findings.push(`the wrong claim ${id} was confirmed`);
  const honestOnes = [honest.claimant.address, honest.challenger.address];
  for (const { args } of held.lost) {
    const { staker } = await client.readContract({ ...held.contract, functionName: "rootOf", args: [args.edge] });
    if (honestOnes.includes(lower(staker))) findings.push(`an honest stake was lost: ${args.edge}`);
  }
  const begun = new Map<Hex, bigint>();
  const disputed = new Set<Hex>();
  for (const { args, blockNumber } of held.proposed) {
    const { id, parent, staker } = args;
    tally.claims++;
    if (!begun.has(parent)) begun.set(parent, blockNumber);
    if (right.has(id)) {
      if (blockNumber <= until && !confirmedAt.has(id))
        findings.push(`the right claim ${id} of block ${blockNumber} is not confirmed`);
      continue;
    }
    tally.rivals++;
    if (right.has(parent)) disputed.add(parent);
    if (honestOnes.includes(lower(staker))) findings.push(`an honest process made a wrong claim: ${id}`);
    const timer = await client.readContract({ ...held.contract, functionName: "timerOf", args: [id] });
    tally.wrongTimer = most(tally.wrongTimer, right.has(parent) ? timer : 0n);
  }
  if (tally.wrongTimer > MOST_WRONG) findings.push(`a wrong claim gained ${tally.wrongTimer} blocks`);
  for (const parent of disputed) {
    tally.games++;
    const winner = book.winnerOn(parent as ClaimId);
    const took = (confirmedAt.get(winner ?? "0x") ?? 0n) - (begun.get(parent) ?? 0n);
    if (winner === undefined) findings.push(`the game on ${parent} is not decided`);
    else tally.verdict = Math.max(tally.verdict, Number(took));
  }
  const unjudged = honest.challenger.challenger?.findings?.counts.unjudged;
  if (unjudged !== 0) findings.push(`${unjudged} claims are not judged in the end`);
  findings.push(...(await judgeMoney(l1, held)));
  findings.push(...(await judgeMetering(l1, fresh, random)));
  await fresh.stop();
};
