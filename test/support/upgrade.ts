import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Abi, Hex } from "viem";
import {
  type ClaimParameters,
  claimRegistry,
  createJudges,
  DEVNET_CLAIMS,
  DEVNET_DELAYS,
  deploySuccessors,
  latestConfirmed,
  openRegistries,
  openSystemWatch,
  type Registries,
  type RightClaims,
  readSystem,
  systemConfig,
} from "../../bridge/index.ts";
import {
  type Bytes,
  type ChainState,
  createMemoryStore,
  DEVNET_PARAMETERS,
  encodeChainState,
  type ForkSchedule,
  toHex,
} from "../../executor/index.ts";
import { account } from "./anvil.ts";
import { GUARDIAN } from "./claims.ts";
import { settlement } from "./settlement.ts";
import { type NodeActor, STAGE_OWNER, type Stage, telemetry } from "./stage.ts";
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

/**
 * The registries of L1 as a node follows them, by its own schedule of forks; `until` looks until so many are known to L1, and
 * answers those that the node judges.
 */
export const followRegistries = async (t: Pick<TestContext, "after">, stage: Stage, { chain, l1 }: NodeActor) => {
  const { client } = stage.anvil;
  const { contracts } = stage.deployment;
  const judges = createJudges(client, { ...contracts, parameters: chain.parameters });
  const system = await openSystemWatch({ ...telemetry(), client, l1, judges }, contracts);
  const components = { ...telemetry(), client, chain, l1, store: createMemoryStore(), system, judges };
  const registries = await openRegistries(components, { depth: 0n });
  t.after(async () => {
    await registries.stop();
    await system.stop();
  });
  const until = async (count: number): Promise<readonly RightClaims[]> => {
    const judged = () => system.state.registries.filter((one) => system.foreign.get(one)?.from !== 0n).length;
    for (let looks = 0; system.state.registries.length < count || registries.all.length < judged(); looks++) {
      assert.ok(looks < 1_000, `${count} registries`);
      await system.look();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return registries.all;
  };
  return Object.assign(Object.create(registries) as Registries, { until, system, judges });
};

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
    async announce(forks: ForkSchedule = DEVNET_PARAMETERS.forks, rules?: Hex): Promise<Hex> {
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
        parameters: { ...DEVNET_PARAMETERS, forks },
        ...(rules && { rules }),
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
