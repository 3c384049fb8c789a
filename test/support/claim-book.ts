import type { PublicClient } from "viem";
import { claimRegistry } from "../../bridge/index.ts";
import { type ClaimBook, createClaimBook } from "../../challenger/index.ts";
import type { ClaimId, Hex } from "../../executor/index.ts";

/** All that a registry's events tell from the first block on. */
export const openBook = async (client: PublicClient, registry: Hex): Promise<ClaimBook> => {
  const id = await client.readContract({ address: registry, abi: claimRegistry.abi, functionName: "anchorClaim" });
  return createClaimBook(client, { registry, beginning: async () => ({ id: id as ClaimId, l1Block: 0n }) });
};
