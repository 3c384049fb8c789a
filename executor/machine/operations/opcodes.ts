import { FORKS, type Fork, includes } from "../../protocol/forks.ts";
import { ARITHMETIC } from "./arithmetic.ts";
import { CALLS } from "./calls.ts";
import { COPIES } from "./copy.ts";
import { ENVIRONMENT } from "./environment.ts";
import { LOGS } from "./log.ts";
import { MEMORY } from "./memory.ts";
import type { Operation } from "./operation.ts";
import { STACK_AND_CONTROL } from "./stack-control.ts";
import { STORAGE } from "./storage.ts";

const FAMILIES = [ARITHMETIC, STACK_AND_CONTROL, ENVIRONMENT, MEMORY, COPIES, STORAGE, LOGS, CALLS];

/** Instructions that came with a fork behind the oldest. */
const SINCE: ReadonlyMap<number, Fork> = new Map([[0x1e, "osaka"]]);

type Table = readonly (Operation | undefined)[];

const tableOf = (fork: Fork): Table => {
  const table = new Array<Operation | undefined>(256).fill(undefined);
  for (const family of FAMILIES)
    for (const [opcode, operation] of family)
      if (includes(fork, SINCE.get(opcode) ?? FORKS[0])) table[opcode] = operation;
  return table;
};

/** Instructions by opcode; undefined ones halt. Each family is a table in a file of its own. */
export const OPERATIONS: Readonly<Record<Fork, Table>> = {
  cancun: tableOf("cancun"),
  prague: tableOf("prague"),
  osaka: tableOf("osaka"),
};
