import type { Backend } from "../backend.ts";
import type { Filters } from "../filters.ts";
import type { MethodTable } from "../method.ts";
import { ADMIN_METHODS } from "./admin.ts";
import { BLOCK_METHODS } from "./blocks.ts";
import { CLAIM_METHODS } from "./claims.ts";
import { DISPUTE_METHODS } from "./disputes.ts";
import { FEE_METHODS } from "./fees.ts";
import { FORK_METHODS } from "./forks.ts";
import { createLogMethods } from "./logs.ts";
import { createSyncMethods, NET_METHODS } from "./net.ts";
import { POOL_METHODS } from "./pool.ts";
import { ROLLUP_METHODS } from "./rollup.ts";
import { STATE_METHODS } from "./state.ts";
import { SYSTEM_METHODS } from "./system.ts";
import { TRANSACTION_METHODS } from "./transactions.ts";

/** All methods of a node, by name, but those of the namespaces left out ("admin"). */
export const createMethodTable = (
  { chain }: Backend,
  filters: Filters,
  { without = [] }: { readonly without?: readonly string[] } = {},
): MethodTable => {
  const all: MethodTable = {
    ...NET_METHODS,
    ...createSyncMethods(chain.head.header.number),
    ...BLOCK_METHODS,
    ...TRANSACTION_METHODS,
    ...STATE_METHODS,
    ...FEE_METHODS,
    ...FORK_METHODS,
    ...POOL_METHODS,
    ...ADMIN_METHODS,
    ...ROLLUP_METHODS,
    ...CLAIM_METHODS,
    ...DISPUTE_METHODS,
    ...SYSTEM_METHODS,
    ...createLogMethods(filters),
  };
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => !without.includes(name.slice(0, name.indexOf("_")))),
  );
};
