import type { PublicClient } from "viem";
import { type Bytes, type ClaimId, CodedError, type Hex } from "../../executor/index.ts";
import type { L1Contracts } from "../clients/deploy.ts";
import { claimGame, claimGames } from "../contracts/contracts.gen.ts";
import { createRegistryReader } from "./registry.ts";

export type LatestErrorCode =
  /** The newest confirmed claim of a registry is further back than is looked. Ask another way, or wait for a new one. */
  "CLAIMS_NO_LATEST";

/** What another registry begins with. `endState`: the chain state, encoded. */
export type Beginning = { readonly id: ClaimId; readonly endState: Bytes };

/** Games that are looked through. */
const MOST_GAMES = 10_000n;

/** The newest claim between two blocks that the registry in force has confirmed. CLAIMS_NO_LATEST, CLAIMS_NO_STATE. */
export const latestConfirmed = async (
  client: PublicClient,
  contracts: Pick<L1Contracts, "claimGames">,
): Promise<Beginning> => {
  const games = { address: contracts.claimGames, abi: claimGames.abi } as const;
  const [address, count] = await Promise.all([
    client.readContract({ ...games, functionName: "registry" }),
    client.readContract({ ...games, functionName: "gameCount" }),
  ]);
  const registry = createRegistryReader(client, address.toLowerCase() as Hex, () => undefined);
  const found = async (id: ClaimId): Promise<Beginning | undefined> =>
    (await registry.isLatest(id)) ? { id, endState: await registry.endState(id) } : undefined;
  const anchor = await found(await registry.anchor());
  if (anchor !== undefined) return anchor;
  for (let index = count - 1n; index >= 0n && index >= count - MOST_GAMES; index--) {
    const [, , game] = await client.readContract({ ...games, functionName: "gameAtIndex", args: [index] });
    const id = await client.readContract({ address: game, abi: claimGame.abi, functionName: "claimId" });
    const latest = await found(id as ClaimId);
    if (latest !== undefined) return latest;
  }
  throw new CodedError<LatestErrorCode>(
    "CLAIMS_NO_LATEST",
    "no confirmed claim that another registry could begin with",
  );
};
