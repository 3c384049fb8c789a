import { parseEther } from "viem";
import { account } from "../support/anvil.ts";
import { PERIOD } from "../support/claims.ts";
import { createExit, type Exit, type Recorded } from "../support/exit.ts";
import { createRandom, type Random } from "../support/random-program.ts";

export type SolvencyTally = {
  steps: number;
  /** By action: how often it was taken, and how often L1 or the tools refused it. */
  readonly done: Map<string, number>;
  readonly refused: Map<string, number>;
  readonly findings: string[];
  withdrawals: number;
};

type Ends = { after(end: () => unknown): void };
type Act = (exit: Exit, random: Random) => Promise<unknown>;

const USERS = 4;
/** Steps before all is brought home, and the sequence begins anew on the same chain. */
const ROUND = 40;
const MOST_REORG = 4;

const amount = (random: Random): bigint => random.pick([0n, 1n, parseEther("0.37"), parseEther("1"), parseEther("3")]);

const anyOf = (exit: Exit, random: Random): Recorded => {
  const recorded = exit.recorded();
  if (recorded.length === 0) throw new Error("no withdrawal yet");
  return random.pick(recorded);
};

const ACTIONS: readonly (readonly [name: string, weight: number, act: Act])[] = [
  [
    "deposit",
    5,
    (exit, random) => {
      const mint = amount(random);
      // More value than was minted fails on L2, and the mint stays.
      return exit.deposit(exit.addressOf(random.between(0, USERS - 1)), mint, {
        value: random.pick([mint, mint, mint / 2n, mint + parseEther("5")]),
        data: random.pick(["0x", "0x1234"]),
      });
    },
  ],
  [
    "ask back",
    6,
    async (exit, random) => {
      const user = random.between(0, USERS - 1);
      const address = exit.addressOf(user);
      const nonce = (await exit.publicL2.getTransactionCount({ address })) + random.pick([0, 0, 0, 1]);
      const balance = await exit.publicL2.getBalance({ address });
      const value = random.pick([0n, balance / 3n, balance / 2n, balance, balance + 1n]);
      return exit.askBack(user, nonce, { to: random.pick([account(5).address, exit.refusing]), value });
    },
  ],
  ["force", 4, (exit) => exit.force()],
  ["claim", 5, (exit) => exit.claimant.act()],
  ["mine", 2, (exit, random) => exit.stage.anvil.mine(random.between(1, 20))],
  ["reorg", 2, (exit, random) => exit.stage.anvil.reorg(random.between(1, MOST_REORG))],
  ["prove", 5, async (exit, random) => exit.prove(anyOf(exit, random))],
  ["finalize", 3, async (exit, random) => exit.finalize(anyOf(exit, random))],
  ["wait", 1, (exit) => exit.mature(PERIOD)],
];
const TOTAL = ACTIONS.reduce((sum, [, weight]) => sum + weight, 0);

const chosen = (random: Random) => {
  let at = random.between(0, TOTAL - 1);
  for (const action of ACTIONS) {
    at -= action[1];
    if (at < 0) return action;
  }
  throw new RangeError("weights do not add up");
};

/** A withdrawal that nobody made. It must not be provable. */
const forge = async (exit: Exit, random: Random): Promise<string | undefined> => {
  const { withdrawal, block } = anyOf(exit, random);
  const changed = random.pick([
    { ...withdrawal, value: withdrawal.value + 1n },
    { ...withdrawal, target: account(9).address },
    { ...withdrawal, nonce: withdrawal.nonce + 1n },
  ]);
  const { status } = await exit.prove({ withdrawal: changed, block });
  return status === "success" ? `a withdrawal of ${changed.value} wei that nobody made was proven` : undefined;
};

const countUp = (counts: Map<string, number>, name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1);

/** What is wrong now. */
const judge = async (exit: Exit): Promise<readonly string[]> => {
  await exit.node.follow();
  const recorded = new Map(exit.recorded().map(({ withdrawal }) => [withdrawal.withdrawalHash, withdrawal.value]));
  const wrong: string[] = [];
  let owed = [...recorded.values()].reduce((sum, value) => sum + value, 0n);
  let paid = 0n;
  const seen = new Set<string>();
  for (const { args } of await exit.finalized()) {
    const value = recorded.get(args.withdrawalHash);
    if (value === undefined) wrong.push(`${args.withdrawalHash} was finalized and never made`);
    if (seen.has(args.withdrawalHash)) wrong.push(`${args.withdrawalHash} was finalized twice`);
    seen.add(args.withdrawalHash);
    owed -= value ?? 0n;
    if (args.success) paid += value ?? 0n;
  }
  const balance = await exit.portalBalance();
  if (balance < owed) wrong.push(`the portal has ${balance} wei and owes ${owed}`);
  const backing = exit.supply() - paid;
  if (balance < backing) wrong.push(`the portal has ${balance} wei for ${backing} on L2`);
  return wrong;
};

/** Every withdrawal that is left comes to its end, and not one wei is missing or over. */
const bringHome = async (exit: Exit): Promise<readonly string[]> => {
  const wrong: string[] = [];
  await exit.force();
  await exit.mature(3n);
  const ended = new Set((await exit.finalized()).map(({ args }) => args.withdrawalHash));
  const left = exit.recorded().filter(({ withdrawal }) => !ended.has(withdrawal.withdrawalHash));
  const attempt = async (what: string, one: Recorded, work: (one: Recorded) => Promise<{ status: string }>) => {
    const status = await work(one).then(
      (receipt) => receipt.status,
      (error: Error) => error.message,
    );
    if (status !== "success") wrong.push(`${what} of ${one.withdrawal.withdrawalHash}: ${status}`);
  };
  for (const one of left) await attempt("proof", one, exit.prove);
  await exit.mature(PERIOD);
  for (const one of left) await attempt("finalization", one, exit.finalize);
  const finalized = await exit.finalized();
  const values = new Map(exit.recorded().map(({ withdrawal }) => [withdrawal.withdrawalHash, withdrawal.value]));
  const paid = finalized.reduce(
    (sum, { args }) => sum + (args.success ? (values.get(args.withdrawalHash) ?? 0n) : 0n),
    0n,
  );
  const [balance, backing] = [await exit.portalBalance(), exit.supply() - paid];
  if (balance !== backing) wrong.push(`at the end the portal has ${balance} wei for ${backing}`);
  return wrong;
};

/** Random deposits, forced transactions, withdrawals, claims and L1 reorgs: the portal can always pay. */
export const fuzzSolvency = async (
  ends: Ends,
  { steps, seed, most = 5 }: { readonly steps: number; readonly seed: number; readonly most?: number },
): Promise<SolvencyTally> => {
  const random = createRandom(seed);
  const tally: SolvencyTally = { steps: 0, done: new Map(), refused: new Map(), findings: [], withdrawals: 0 };
  const exit = await createExit(ends);
  for (let user = 0; user < USERS; user++) await exit.deposit(exit.addressOf(user), parseEther("1"));
  const note = (what: readonly string[]) =>
    tally.findings.push(...what.map((text) => `seed ${seed}, step ${tally.steps}: ${text}`));
  while (tally.steps < steps && tally.findings.length < most) {
    const [name, , act] = chosen(random);
    countUp(tally.done, name);
    try {
      const result = (await act(exit, random)) as { status?: string } | undefined;
      if (result?.status === "reverted") countUp(tally.refused, name);
    } catch {
      countUp(tally.refused, name);
    }
    note(await judge(exit));
    if (tally.steps % 5 === 0) {
      countUp(tally.done, "forge");
      try {
        const forged = await forge(exit, random);
        if (forged !== undefined) note([forged]);
        countUp(tally.refused, "forge");
      } catch {
        countUp(tally.refused, "forge");
      }
    }
    tally.steps++;
    if (tally.steps % ROUND === 0 || tally.steps === steps) note(await bringHome(exit));
  }
  tally.withdrawals = exit.recorded().length;
  return tally;
};
