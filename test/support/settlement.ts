import { DEVNET_CLAIMS, DEVNET_WITHDRAWALS } from "../../bridge/index.ts";
import type { Hex } from "../../executor/index.ts";

/** The devnet's rules for claims and withdrawals. */
export const settlement = (guardian: Hex) => ({
  claims: DEVNET_CLAIMS,
  withdrawals: { guardian, ...DEVNET_WITHDRAWALS },
});
