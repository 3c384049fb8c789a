import type { Abi, ContractFunctionParameters, PublicClient } from "viem";
import type { Hex, Origin, RoleView, SystemView } from "../../executor/index.ts";
import { claimGames, systemConfig } from "../contracts/contracts.gen.ts";
import type { L1Contracts } from "./deploy.ts";
import type { Departure } from "./judges.ts";

/** A role's newest key and the one before it; `since`: L1 time in seconds from which the newest is in effect. */
export type RoleKey = { readonly key: Hex; readonly since: bigint; readonly former: Hex };

/** As the contract numbers them. */
export const ROLES = ["batcher", "signer", "guardian"] as const;
export type Role = (typeof ROLES)[number];

/** Another claim registry that is announced. `time`: L1 time in seconds from which on it can take over. */
export type ScheduledUpgrade = { readonly registry: Hex; readonly time: bigint };

/** What of the deployment can change, as of one L1 block. */
export type SystemState = {
  readonly block: { readonly number: bigint; readonly timestamp: bigint };
  /** Undefined: nothing changes, ever. */
  readonly owner: Hex | undefined;
  /** Seconds from an announcement to its effect, at least. */
  readonly upgradeDelay: bigint;
  readonly rotationDelay: bigint;
  readonly keys: { readonly [role in Role]: RoleKey };
  /** Claim registries that were ever in force, oldest first; the last one is. */
  readonly registries: readonly Hex[];
  readonly scheduled: ScheduledUpgrade | undefined;
};

/** Seconds after a rotation for which blocks of the former signer are taken. Twin of `SystemConfig.CHANGE_OVER`. */
export const CHANGE_OVER = 3_600n;

const lower = (address: string): Hex => address.toLowerCase() as Hex;
const orUndefined = (address: string): Hex | undefined => (BigInt(address) === 0n ? undefined : lower(address));

/** The key that L1 takes for a role at a time. */
export const keyAt = ({ key, since, former }: RoleKey, time: bigint): Hex => (time < since ? former : key);

/**
 * Whether a block of this origin may bear the signature of an account: of the newest signer from its time on, of the former
 * until CHANGE_OVER after it.
 */
export const isSigner = (
  { keys: { signer }, block }: Pick<SystemState, "keys" | "block">,
  account: Hex,
  origin: Pick<Origin, "timestamp">,
): boolean => {
  const { key, since, former } = signer;
  if (account === key) return block.timestamp >= since || origin.timestamp >= since;
  return account === former && since !== 0n && block.timestamp < since + CHANGE_OVER;
};

/** Keys that sign a block of this origin, the one in effect at its origin first. */
export const signersOf = (
  state: Pick<SystemState, "keys" | "block">,
  origin: Pick<Origin, "timestamp">,
): readonly Hex[] => {
  const { key, former } = state.keys.signer;
  const first = keyAt(state.keys.signer, origin.timestamp);
  return [first, first === key ? former : key].filter((account) => isSigner(state, account, origin));
};

/** As the RPC gives it. `foreign`: registries that judge claims otherwise than this node. */
export const describeSystem = (state: SystemState, foreign: ReadonlyMap<Hex, Departure>): SystemView => {
  const { block, keys, owner, scheduled } = state;
  const roleOf = (role: RoleKey): RoleView => ({
    inEffect: keyAt(role, block.timestamp),
    next: role.since > block.timestamp ? { key: role.key, time: Number(role.since) } : null,
  });
  return {
    l1Block: Number(block.number),
    owner: owner ?? null,
    upgradeDelay: Number(state.upgradeDelay),
    rotationDelay: Number(state.rotationDelay),
    batcher: roleOf(keys.batcher),
    signer: roleOf(keys.signer),
    guardian: roleOf(keys.guardian),
    claimRegistry: state.registries.at(-1) as Hex,
    formerRegistries: state.registries.slice(0, -1),
    upgrade: scheduled === undefined ? null : { registry: scheduled.registry, time: Number(scheduled.time) },
    foreign: Array.from(foreign, ([registry, { from, why }]) => ({ registry, from: Number(from), why })),
  };
};

/** Reads it as of L1's newest block. Fails as the client does. */
export const readSystem = async (client: PublicClient, contracts: L1Contracts): Promise<SystemState> => {
  const { number, hash, timestamp } = await client.getBlock({ blockTag: "latest" });
  const config = { address: contracts.systemConfig, abi: systemConfig.abi as Abi };
  const calls = [
    { ...config, functionName: "OWNER" },
    { ...config, functionName: "UPGRADE_DELAY" },
    { ...config, functionName: "ROTATION_DELAY" },
    { ...config, functionName: "scheduledUpgrade" },
    { address: contracts.claimGames, abi: claimGames.abi as Abi, functionName: "registries" },
    ...ROLES.map((_, role) => ({ ...config, functionName: "keyOf", args: [role] })),
  ];
  const [owner, upgradeDelay, rotationDelay, [registry, time], registries, ...keys] = (await client.multicall({
    contracts: calls as readonly ContractFunctionParameters[],
    allowFailure: false,
    deployless: true,
    batchSize: 0,
    blockHash: hash,
  })) as unknown as readonly [Hex, bigint, bigint, readonly [Hex, bigint], readonly Hex[], ...RoleKey[]];
  const of = (role: Role): RoleKey => {
    const { key, since, former } = keys[ROLES.indexOf(role)] as RoleKey;
    return { key: lower(key), since, former: lower(former) };
  };
  const next = orUndefined(registry);
  return {
    block: { number, timestamp },
    owner: orUndefined(owner),
    upgradeDelay,
    rotationDelay,
    keys: { batcher: of("batcher"), signer: of("signer"), guardian: of("guardian") },
    registries: registries.map(lower),
    scheduled: next === undefined ? undefined : { registry: next, time },
  };
};
