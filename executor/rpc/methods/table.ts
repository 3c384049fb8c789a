import type { Filters } from "../filters.ts";
import type { MethodTable } from "../method.ts";
import { BLOCK_METHODS } from "./blocks.ts";
import { FEE_METHODS } from "./fees.ts";
import { createLogMethods } from "./logs.ts";
import { NET_METHODS } from "./net.ts";
import { POOL_METHODS } from "./pool.ts";
import { STATE_METHODS } from "./state.ts";
import { TRANSACTION_METHODS } from "./transactions.ts";

/** All methods of a node, by name. */
export const createMethodTable = (filters: Filters): MethodTable => ({
  ...NET_METHODS,
  ...BLOCK_METHODS,
  ...TRANSACTION_METHODS,
  ...STATE_METHODS,
  ...FEE_METHODS,
  ...POOL_METHODS,
  ...createLogMethods(filters),
});
