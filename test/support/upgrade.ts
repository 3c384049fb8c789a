import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Abi, Hex } from "viem";
import {
  type ClaimParameters,
  claimRegistry,
  DEVNET_CLAIMS,
  DEVNET_DELAYS,
  deploySuccessors,
  latestConfirmed,
  readSystem,
  systemConfig,
} from "../../bridge/index.ts";
import { type Bytes, type ChainState, DEVNET_PARAMETERS, encodeChainState, toHex } from "../../executor/index.ts";
import { account } from "./anvil.ts";
import { GUARDIAN } from "./claims.ts";
import { settlement } from "./settlement.ts";
import { STAGE_OWNER, type Stage } from "./stage.ts";
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

/** What the owner of a stage does, and anybody when the time has come. */
export const upgradesOf = ({ anvil, deployment }: Stage) => {
  const { client } = anvil;
  const { contracts } = deployment;
  const config = { address: contracts.systemConfig, abi: systemConfig.abi } as const;
  const mined = async (hash: Hex): Promise<void> => {
    const { status } = await client.waitForTransactionReceipt({ hash });
    assert.equal(status, "success");
  };
  return {
    /** Announces this version's registry with the parameters of the one in force; answers its address. */
    async announce(): Promise<Hex> {
      const predecessor = (await readSystem(client, contracts)).registries.at(-1) as Hex;
      const claims = await client.readContract({
        ...config,
        address: predecessor,
        abi: claimRegistry.abi,
        functionName: "parameters",
      });
      const made = await deploySuccessors({ wallet: anvil.wallet(9), reader: client }, contracts, {
        predecessor,
        claims,
        parameters: DEVNET_PARAMETERS,
      });
      await mined(
        await anvil
          .wallet(STAGE_OWNER)
          .writeContract({ ...config, functionName: "scheduleUpgrade", args: [made.claimRegistry] }),
      );
      return made.claimRegistry;
    },
    /** Lets the time of what is announced come. */
    async pass(): Promise<void> {
      const { scheduled, block } = await readSystem(client, contracts);
      await anvil.warp(Number((scheduled?.time ?? 0n) - block.timestamp));
    },
    async execute(): Promise<void> {
      const { id, endState } = await latestConfirmed(client, contracts);
      await mined(
        await anvil.wallet(9).writeContract({ ...config, functionName: "executeUpgrade", args: [id, toHex(endState)] }),
      );
    },
    /** Announces a key of a role, 0 batcher, 1 signer, 2 guardian. */
    async rotate(role: number, key: Hex): Promise<void> {
      await mined(
        await anvil
          .wallet(STAGE_OWNER)
          .writeContract({ ...config, functionName: "scheduleRotation", args: [role, key] }),
      );
    },
  };
};
