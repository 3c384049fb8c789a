import { createRules, FORKS, type Fork, fromHex, messageOf } from "../../executor/index.ts";
import { runInLockstep, type TransactionSetup } from "../../executor/machine/transaction.fixture.ts";
import { freshWorld, putPreState } from "./state.ts";
import { gasCapOf, putBlockHashes } from "./state-chain.ts";
import { readStateCorpus, type StateCase } from "./state-corpus.ts";
import { signedTransaction } from "./state-transaction.ts";
import type { Suite, SuiteOptions, SuiteResult } from "./suite.ts";

/** The chain's own rules, prices of modular exponentiation among them: the library runs under them as well. */
const RULES = Object.fromEntries(FORKS.map((fork) => [fork, createRules(1n, fork)])) as Readonly<
  Record<Fork, ReturnType<typeof createRules>>
>;

const isEmpty = ([, { nonce, balance, code }]: StateCase["pre"][number]): boolean =>
  nonce === 0n && balance === 0n && code.length === 0;

const hasSlotsWithoutCode = ([, { code, storage }]: StateCase["pre"][number]): boolean =>
  code.length === 0 && Object.values(storage).some((value) => value.some((byte) => byte !== 0));

/** Why the machine rightly does otherwise than Ethereum, or cannot be asked. */
export const outsideRules = ({ pre, transaction }: StateCase): string | undefined => {
  if (transaction.blobVersionedHashes !== undefined) return "the chain has no blob transactions";
  if (transaction.gasLimit > BigInt(Number.MAX_SAFE_INTEGER)) return "a gas limit of 2^53 or more";
  if (pre.some(isEmpty)) return "the pre-state has an empty account, which the state tree never holds";
  if (pre.some(hasSlotsWithoutCode)) return "the pre-state has slots without code, which no account here can have";
  return undefined;
};

export type MachineCase = { readonly difference: string | undefined; readonly opcodes: number; readonly steps: number };

/** The case's transaction on its pre-state. */
export const setupOfCase = async (test: StateCase): Promise<TransactionSetup> => {
  const { environment: env, fork, envelope = signedTransaction(test).serialize() } = test;
  const { world, commit } = freshWorld();
  await putPreState(world, test);
  await putBlockHashes(world, env.currentNumber);
  await commit();
  const block = {
    number: env.currentNumber,
    timestamp: env.currentTimestamp,
    gasLimit: env.currentGasLimit,
    baseFee: env.currentBaseFee,
    coinbase: fromHex(env.currentCoinbase),
    prevRandao: env.currentRandom,
    chainId: 1n,
    fork,
  };
  return { world, envelope, block, gasCap: gasCapOf(fork) };
};

/** One case on the machine and in the library, opcode by opcode. */
export const runCase = async (test: StateCase): Promise<MachineCase> =>
  runInLockstep(await setupOfCase(test), RULES[test.fork]);

/** Every case of the state tests, and how many opcodes were compared. */
export const machineSuite: Suite = {
  name: "machine",
  folder: "evm/state",
  async run(directory: string, { filter = "" }: SuiteOptions): Promise<SuiteResult> {
    const failures: { name: string; reason: string }[] = [];
    const exclusions: { name: string; reason: string }[] = [];
    let passed = 0;
    let opcodes = 0;
    let steps = 0;
    for (const test of readStateCorpus(directory).cases) {
      if (!test.name.includes(filter)) continue;
      const reason = outsideRules(test);
      if (reason !== undefined) {
        exclusions.push({ name: test.name, reason });
        continue;
      }
      const result = await runCase(test).catch((error: unknown) => ({
        difference: messageOf(error),
        opcodes: 0,
        steps: 0,
      }));
      opcodes += result.opcodes;
      steps += result.steps;
      if (result.difference === undefined) passed++;
      else failures.push({ name: test.name, reason: result.difference });
    }
    return { passed, failures, exclusions, notes: [`${opcodes} opcodes compared, ${steps} steps of the machine`] };
  },
};
