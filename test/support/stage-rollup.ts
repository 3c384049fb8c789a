import { DEVNET_PARAMETERS, type Hex } from "../../executor/index.ts";
import type { Rollup } from "../../infra/index.ts";
import { L2_ACCOUNTS, l2Account, type Stage } from "./stage.ts";

/** A stage's chain, as a node is told of it. */
export const rollupOf = ({ deployment }: Pick<Stage, "deployment">): Rollup => ({
  version: 1,
  l1: { chainId: 31337, ...deployment },
  chain: DEVNET_PARAMETERS,
  genesis: {
    accounts: Array.from({ length: L2_ACCOUNTS }, (_, i) => ({
      address: l2Account(i).address.toLowerCase() as Hex,
      balance: 10n ** 21n,
    })),
  },
});
