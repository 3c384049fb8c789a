import type { PublicClient } from "viem";
import { CodedError, type Hex, type L1BlockNumber } from "../../executor/index.ts";
import type { L1Block } from "./inbox-store.ts";
import { mapBounded } from "./l1-calldata.ts";

export type L1BlocksErrorCode =
  /**
   * The node of L1 that answered has not come so far, and nothing has changed. It is asked again; use another endpoint if
   * it stays behind.
   */
  | "L1_BEHIND"
  /** L1 changed while it was read. Nothing is to be done: the next attempt reads it again. */
  | "L1_CHANGED"
  /**
   * L1 dropped a block that it called final. Check the L1 endpoint; if L1 is right, begin with an empty data directory.
   */
  | "L1_REORG_TOO_DEEP";

export type LinkedBlock = L1Block & { readonly parentHash: Hex };

/** How what was read stands to what L1 shows. */
export type Standing =
  /** The newest block that was read is there. */
  | { readonly kind: "intact" }
  /** L1 shows the beginning of what was read: its answers come from a node that is behind. */
  | { readonly kind: "behind" }
  /** At a height that was read L1 has another block. `ancestor`: the newest one that was read and is still there. */
  | { readonly kind: "parted"; readonly ancestor: L1Block };

const behind = (number: L1BlockNumber) =>
  new CodedError<L1BlocksErrorCode>("L1_BEHIND", `L1 does not show block ${number} yet`, { block: number });
const changed = (number: L1BlockNumber) =>
  new CodedError<L1BlocksErrorCode>("L1_CHANGED", `L1 has another block ${number} than a moment ago`, {
    block: number,
  });

/**
 * Blocks of L1 as an endpoint shows them. Several nodes may answer behind it, each as far as it has come, so a block that
 * is absent says nothing: only another hash at its height is a change.
 */
export const createL1Blocks = (client: PublicClient) => {
  /** Undefined: whoever answered does not have it. */
  const find = async (number: L1BlockNumber): Promise<LinkedBlock | undefined> => {
    try {
      const { hash, parentHash, timestamp } = await client.getBlock({ blockNumber: number });
      return { number, hash, parentHash, timestamp };
    } catch (error) {
      if (error instanceof Error && error.name === "BlockNotFoundError") return undefined;
      throw error;
    }
  };

  /** L1_BEHIND. */
  const read = async (number: L1BlockNumber): Promise<LinkedBlock> => {
    const block = await find(number);
    if (block === undefined) throw behind(number);
    return block;
  };

  return {
    read,
    /** L1_BEHIND, or L1_CHANGED when L1 has another block there by now. */
    async confirm({ number, hash }: L1Block): Promise<void> {
      if ((await read(number)).hash !== hash) throw changed(number);
    },
    /** Blocks `from` to `head`, each the parent of the next. L1_BEHIND, L1_CHANGED. */
    async readTo(head: LinkedBlock, from: bigint): Promise<readonly LinkedBlock[]> {
      const numbers = Array.from({ length: Number(head.number - from) }, (_, i) => from + BigInt(i));
      const blocks = [...(await mapBounded(numbers, read)), head];
      for (const [i, { number, hash }] of blocks.slice(0, -1).entries())
        if (blocks[i + 1]?.parentHash !== hash) throw changed(number);
      return blocks;
    },
    /**
     * `known`: what was read, the newest block first. `shown`: number of L1's newest block. L1_BEHIND when it cannot be
     * told where L1 parted from it; L1_REORG_TOO_DEEP when L1 has another block at each height that is known.
     */
    async stand(known: Iterable<L1Block>, shown: bigint): Promise<Standing> {
      let isBehind = false;
      let isOther = false;
      for (const block of known) {
        const now = block.number > shown ? undefined : await find(block.number);
        if (now?.hash === block.hash)
          return isOther ? { kind: "parted", ancestor: block } : { kind: isBehind ? "behind" : "intact" };
        // INVARIANT: below a block that is another, an absent one is not passed over: what lies there would be dropped.
        if (now === undefined && isOther) throw behind(block.number);
        if (now === undefined) isBehind = true;
        else isOther = true;
      }
      if (!isOther) return { kind: "behind" };
      throw new CodedError<L1BlocksErrorCode>("L1_REORG_TOO_DEEP", "no L1 block that was read is there any more", {
        shown,
      });
    },
  };
};
export type L1Blocks = ReturnType<typeof createL1Blocks>;
