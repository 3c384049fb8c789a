import { getAbiItem, type PublicClient } from "viem";
import { claimRegistry } from "../bridge/index.ts";
import type { Hex } from "../executor/index.ts";

/** A claim as its event tells it. */
export type MadeClaim = { readonly id: Hex; readonly parent: Hex; readonly staker: Hex; readonly l1Block: bigint };

export type ClaimEventsOptions = {
  /** The contract. */
  readonly registry: Hex;
  /** L1 block from which on it can have events. */
  readonly startBlock: bigint;
  /** L1 blocks asked for at a time, at first: an L1 that refuses a long answer may give a short one. */
  readonly window?: bigint;
};

/** Claims by their parents, as far as L1 was read. */
export type ClaimEvents = {
  /** Reads on to L1 block `head`. What a reorg changed in the newest blocks is read again. */
  sync(head: bigint): Promise<void>;
  on(parent: Hex): readonly MadeClaim[];
};

const PROPOSED = getAbiItem({ abi: claimRegistry.abi, name: "ClaimProposed" });
const DEFAULT_WINDOW = 2_000n;
const SMALLEST_WINDOW = 10n;
/** Blocks that are read again each time: a reorg is not deeper, or L1 is not final at all. */
const REREAD = 64n;
/** Claims that are remembered, the newest ones. Each has a bond behind it. */
const MOST_CLAIMS = 100_000;

export const createClaimEvents = (
  client: PublicClient,
  { registry, startBlock, window = DEFAULT_WINDOW }: ClaimEventsOptions,
): ClaimEvents => {
  let claims: MadeClaim[] = [];
  let byParent = new Map<Hex, MadeClaim[]>();
  let readTo = startBlock - 1n;
  let size = window;

  const index = (): void => {
    byParent = new Map();
    for (const claim of claims) {
      const siblings = byParent.get(claim.parent);
      if (siblings === undefined) byParent.set(claim.parent, [claim]);
      else siblings.push(claim);
    }
  };

  return {
    on: (parent) => byParent.get(parent) ?? [],
    async sync(head) {
      const again = readTo - REREAD;
      let from = (again > startBlock ? again : startBlock) as bigint;
      const kept = claims.filter(({ l1Block }) => l1Block < from);
      const found: MadeClaim[] = [];
      while (from <= head) {
        const end = from + size - 1n;
        const toBlock = end < head ? end : head;
        try {
          const logs = await client.getLogs({
            address: registry,
            event: PROPOSED,
            strict: true,
            fromBlock: from,
            toBlock,
          });
          for (const { args, blockNumber } of logs)
            found.push({ id: args.id, parent: args.parent, staker: args.staker, l1Block: blockNumber });
          from = toBlock + 1n;
        } catch (error) {
          if (size <= SMALLEST_WINDOW) throw error;
          size /= 4n;
        }
      }
      claims = [...kept, ...found].slice(-MOST_CLAIMS);
      readTo = head;
      index();
    },
  };
};
