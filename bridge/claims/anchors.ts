import type { PublicClient } from "viem";
import {
  type ClaimId,
  CodedError,
  type Hex,
  type L2BlockNumber,
  type Position,
  type StateHash,
} from "../../executor/index.ts";
import type { L1Contracts } from "../clients/deploy.ts";
import { batchInbox, claimGame, claimGames } from "../contracts/contracts.gen.ts";
import { createRegistryReader, type RegisteredClaim } from "./registry.ts";

export type AnchorErrorCode =
  /**
   * No claim, one that is not confirmed in a final L1 block, one of another state, or one that the claims of the registry
   * in force do not go on from.
   */
  "SNAPSHOT_CLAIM";

/** A claim that L1 has confirmed for good, between two blocks: a chain can begin behind it. */
export type Anchor = {
  readonly id: ClaimId;
  /** Where it was made. */
  readonly registry: Hex;
  readonly blockNumber: L2BlockNumber;
  readonly endState: StateHash;
};

const NO_ROOT = 0n;
/** Claims that are looked through for one answer. */
const MOST_CLAIMS = 10_000n;

const readerOf = (client: PublicClient, registry: Hex) => createRegistryReader(client, registry, () => undefined);

const finalTime = async (client: PublicClient): Promise<bigint> =>
  (await client.getBlock({ blockTag: "finalized" })).timestamp;

const isFinal = ({ status, confirmedAt }: RegisteredClaim, time: bigint): boolean =>
  status === "confirmed" && confirmedAt <= time;

/** The registries, oldest first, and the block with which the one in force began: who begins behind it cannot follow there. */
const termsOf = async (client: PublicClient, contracts: L1Contracts) => {
  const games = { address: contracts.claimGames, abi: claimGames.abi } as const;
  const found = await client.readContract({ ...games, functionName: "registries" });
  const registries = found.map((address) => address.toLowerCase() as Hex);
  const inForce = readerOf(client, registries.at(-1) as Hex);
  const { blockNumber } = await inForce.claim(await inForce.anchor());
  const isFollowed = (claim: { readonly registry: Hex; readonly blockNumber: L2BlockNumber }): boolean =>
    claim.registry === inForce.address || claim.blockNumber <= blockNumber;
  return { games, registries, isFollowed };
};

/** Claims that a chain can begin behind, the newest first; the chain's first one is not among them. */
export async function* anchorsOn(client: PublicClient, contracts: L1Contracts): AsyncGenerator<Anchor, void> {
  const { games, isFollowed } = await termsOf(client, contracts);
  const count = await client.readContract({ ...games, functionName: "gameCount" });
  const time = await finalTime(client);
  for (let index = count - 1n; index >= 0n && index >= count - MOST_CLAIMS; index--) {
    const [, , address] = await client.readContract({ ...games, functionName: "gameAtIndex", args: [index] });
    const game = { address, abi: claimGame.abi } as const;
    const [id, decider] = await Promise.all([
      client.readContract({ ...game, functionName: "claimId" }),
      client.readContract({ ...game, functionName: "registry" }),
    ]);
    const registry = decider.toLowerCase() as Hex;
    const claim = await readerOf(client, registry).claim(id as ClaimId);
    const anchor = { id: id as ClaimId, registry, blockNumber: claim.blockNumber, endState: claim.endState };
    if (isFinal(claim, time) && isFollowed(anchor)) yield anchor;
  }
}

/** The claim of that id, which a chain can begin behind. SNAPSHOT_CLAIM. */
export const anchorOf = async (client: PublicClient, contracts: L1Contracts, id: ClaimId): Promise<Anchor> => {
  const { registries, isFollowed } = await termsOf(client, contracts);
  const time = await finalTime(client);
  for (const registry of registries) {
    const claim = await readerOf(client, registry).claim(id);
    const anchor = { id, registry, blockNumber: claim.blockNumber, endState: claim.endState };
    if (isFinal(claim, time) && BigInt(claim.parent) !== NO_ROOT && isFollowed(anchor)) return anchor;
  }
  throw new CodedError<AnchorErrorCode>("SNAPSHOT_CLAIM", `L1 has not confirmed claim ${id} for good`, { id });
};

/** Where derivation stands at the end of a claim that ends with its range. */
export const positionOf = async (
  client: PublicClient,
  contracts: L1Contracts,
  { id, registry }: Pick<Anchor, "id" | "registry">,
): Promise<Position> => {
  const reader = readerOf(client, registry);
  const { limitBatch: batch } = await reader.claim((await reader.claim(id)).parent);
  if (batch === 0n) return { batch, cursor: 0, delayed: 0n };
  const { delayedEnd } = await client.readContract({
    address: contracts.batchInbox,
    abi: batchInbox.abi,
    functionName: "recordAt",
    args: [batch - 1n],
  });
  return { batch, cursor: 0, delayed: delayedEnd };
};

/** Hash of the chain's first state, as its first registry has it. */
export const statedGenesis = (client: PublicClient, { claimRegistry }: L1Contracts): Promise<ClaimId> =>
  readerOf(client, claimRegistry).anchor();
