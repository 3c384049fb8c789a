import type { PublicClient } from "viem";
import { CodedError, type Hex, type Position } from "../../executor/index.ts";
import type { L1Contracts } from "../clients/deploy.ts";
import { batchInbox, claimGame, claimGames } from "../contracts/contracts.gen.ts";
import { createRegistryReader, type RegisteredClaim } from "./registry.ts";

export type AnchorErrorCode =
  /** No claim, one that is not confirmed in a final L1 block, or one of another state. */
  "SNAPSHOT_CLAIM";

/** A claim that L1 has confirmed for good, between two blocks: a chain can begin behind it. */
export type Anchor = { readonly id: Hex; readonly blockNumber: bigint; readonly endState: Hex };

const NO_ROOT = 0n;
/** Claims that are looked through for one answer. */
const MOST_CLAIMS = 10_000n;

const newestOf = (client: PublicClient, { claimRegistry }: L1Contracts) =>
  createRegistryReader(client, claimRegistry, () => undefined);

const finalTime = async (client: PublicClient): Promise<bigint> =>
  (await client.getBlock({ blockTag: "finalized" })).timestamp;

const isFinal = ({ status, confirmedAt }: RegisteredClaim, time: bigint): boolean =>
  status === "confirmed" && confirmedAt <= time;

/** Claims that a chain can begin behind, the newest first; the chain's first one is not among them. */
export async function* anchorsOn(client: PublicClient, contracts: L1Contracts): AsyncGenerator<Anchor, void> {
  const games = { address: contracts.claimGames, abi: claimGames.abi } as const;
  const registry = newestOf(client, contracts);
  const count = await client.readContract({ ...games, functionName: "gameCount" });
  const time = await finalTime(client);
  for (let index = count - 1n; index >= 0n && index >= count - MOST_CLAIMS; index--) {
    const [, , address] = await client.readContract({ ...games, functionName: "gameAtIndex", args: [index] });
    const id = await client.readContract({ address, abi: claimGame.abi, functionName: "claimId" });
    const claim = await registry.claim(id);
    if (isFinal(claim, time)) yield { id, blockNumber: claim.blockNumber, endState: claim.endState };
  }
}

/** The claim of that id, which a chain can begin behind. SNAPSHOT_CLAIM. */
export const anchorOf = async (client: PublicClient, contracts: L1Contracts, id: Hex): Promise<Anchor> => {
  const claim = await newestOf(client, contracts).claim(id);
  if (!isFinal(claim, await finalTime(client)) || BigInt(claim.parent) === NO_ROOT)
    throw new CodedError<AnchorErrorCode>("SNAPSHOT_CLAIM", `L1 has not confirmed claim ${id} for good`, {
      id,
      status: claim.status,
    });
  return { id, blockNumber: claim.blockNumber, endState: claim.endState };
};

/** Where derivation stands at the end of a claim that ends with its range. */
export const positionOf = async (client: PublicClient, contracts: L1Contracts, id: Hex): Promise<Position> => {
  const registry = newestOf(client, contracts);
  const { limitBatch: batch } = await registry.claim((await registry.claim(id)).parent);
  if (batch === 0n) return { batch, cursor: 0, delayed: 0n };
  const { delayedEnd } = await client.readContract({
    address: contracts.batchInbox,
    abi: batchInbox.abi,
    functionName: "recordAt",
    args: [batch - 1n],
  });
  return { batch, cursor: 0, delayed: delayedEnd };
};

/** Hash of the chain's first state, as the registry has it. */
export const statedGenesis = (client: PublicClient, contracts: L1Contracts): Promise<Hex> =>
  newestOf(client, contracts).genesis();
