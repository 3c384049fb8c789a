import { CALLS } from "./calls.ts";
import type { Operation } from "./operation.ts";

/** Instructions by opcode; undefined ones halt. Each family is a table in a file of its own. */
export const OPERATIONS: readonly (Operation | undefined)[] = (() => {
  const table = new Array<Operation | undefined>(256).fill(undefined);
  for (const family of [CALLS]) for (const [opcode, operation] of family) table[opcode] = operation;
  return table;
})();
