import { zeroAddress } from "viem";
import { DEVNET_CLAIMS, DEVNET_DELAYS, DEVNET_WITHDRAWALS, type SystemParameters } from "../../bridge/index.ts";
import type { Hex } from "../../executor/index.ts";

type Roles = Partial<SystemParameters> & {
  readonly guardian: Hex;
  /** Posts batches and, unless another is named, signs blocks. */
  readonly sequencer: Hex;
};

/** The devnet's rules for claims and withdrawals; without an owner, unless one is named. */
export const settlement = ({ guardian, sequencer, ...given }: Roles) => {
  const system: SystemParameters = {
    owner: zeroAddress,
    batcher: sequencer,
    signer: sequencer,
    guardian,
    ...DEVNET_DELAYS,
    ...given,
  };
  return { claims: DEVNET_CLAIMS, withdrawals: DEVNET_WITHDRAWALS, system };
};
