import { messageOf } from "../../executor/index.ts";
import { lockstepOf } from "../../executor/machine/transaction.fixture.ts";
import { randomTransaction } from "../support/random-bytecode.ts";
import { createRandom } from "../support/random-program.ts";

/** Steps of a unit are at most its gas limit and this. */
const BOUND = 3_200;
const BASE_GAS = 21_000;

export type MachineTally = {
  transactions: number;
  opcodes: number;
  steps: number;
  /** Most steps above the gas that was used without the 21,000 of any transaction: how near the bound was. */
  nearest: number;
  readonly findings: string[];
};
export const createMachineTally = (): MachineTally => ({
  transactions: 0,
  opcodes: 0,
  steps: 0,
  nearest: -Infinity,
  findings: [],
});

/** One random transaction on the machine and in the library, opcode by opcode. */
export const fuzzTransaction = async (seed: number, tally: MachineTally): Promise<void> => {
  const setup = randomTransaction(createRandom(seed));
  try {
    const { difference, opcodes, steps, gasUsed } = await lockstepOf(setup);
    tally.opcodes += opcodes;
    tally.steps += steps;
    tally.nearest = Math.max(tally.nearest, steps - gasUsed + BASE_GAS);
    if (difference !== undefined) tally.findings.push(`seed ${seed}: ${difference}`);
    if (steps > setup.gas + BOUND) tally.findings.push(`seed ${seed}: ${steps} steps of ${setup.gas} gas`);
  } catch (error) {
    tally.findings.push(`seed ${seed}: ${messageOf(error)}`);
  }
  tally.transactions++;
};
