import type { TestContext } from "node:test";
import type { Abi, Hex } from "viem";
import {
  type ClaimParameters,
  claimRegistry,
  DEVNET_CLAIMS,
  DEVNET_DELAYS,
  deploySuccessors,
  systemConfig,
} from "../../bridge/index.ts";
import { type Bytes, type ChainState, DEVNET_PARAMETERS, encodeChainState, toHex } from "../../executor/index.ts";
import { account } from "./anvil.ts";
import { GUARDIAN } from "./claims.ts";
import { settlement } from "./settlement.ts";
import { createSettlement } from "./withdrawals.ts";

export const OWNER = 8;
export const BATCHER = 1;
export const SIGNER = 4;

/** L1 and L2 as of `createSettlement`, with an owner. */
export const createOwned = async (t: Pick<TestContext, "after">) => {
  const roles = {
    guardian: account(GUARDIAN).address,
    sequencer: account(BATCHER).address,
    signer: account(SIGNER).address,
    owner: account(OWNER).address,
  };
  const s = await createSettlement(t, 6, async () => settlement(roles));
  const config = { to: s.contracts.systemConfig, abi: systemConfig.abi as Abi };
  const owner = { from: OWNER, ...config };
  const deployer = { wallet: s.l1.wallet(9), reader: s.l1.client };
  const { upgradeDelay } = DEVNET_DELAYS;
  return {
    ...s,
    config,
    owner,
    /** Deploys a registry to take over from the one in force, with other parameters, or rules. */
    async successor(change: Partial<ClaimParameters> = {}, rules?: Hex): Promise<Hex> {
      const predecessor = await s.read<Hex>(s.contracts.claimGames, s.games, "registry");
      const claims = { ...DEVNET_CLAIMS, ...change };
      const given = { predecessor, claims, parameters: DEVNET_PARAMETERS, ...(rules === undefined ? {} : { rules }) };
      return (await deploySuccessors(deployer, s.contracts, given)).claimRegistry;
    },
    schedule: (registry: Hex) => s.send(owner, "scheduleUpgrade", [registry]),
    pass: () => s.l1.warp(Number(upgradeDelay)),
    /** `id` and `state`: of the newest confirmed claim. */
    execute: (id: Bytes, state: ChainState, from = 9) =>
      s.send({ from, ...config }, "executeUpgrade", [toHex(id), toHex(encodeChainState(state))]),
    onRegistry: (to: Hex) => ({ to, abi: claimRegistry.abi as Abi }),
  };
};
export type Owned = Awaited<ReturnType<typeof createOwned>>;
