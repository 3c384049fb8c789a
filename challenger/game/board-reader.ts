import type { PublicClient } from "viem";
import { claimRegistry } from "../../bridge/index.ts";
import type { Hex } from "../../executor/index.ts";
import type { BoardNeed } from "./own-tree.ts";
import type { BoardView, ClaimRecord, RivalRoot, Spot } from "./view.ts";

export type BoardReaderOptions = {
  /** The contract. */
  readonly registry: Hex;
  /** L1 block from which on it can have events. */
  readonly startBlock: bigint;
};

/** The board as of one L1 block, as far as it was fetched. */
export type FetchedBoard = BoardView & { fetch(needs: readonly BoardNeed[]): Promise<void> };

export type BoardReader = {
  /** The board at L1's head. What the last visit asked for is fetched at once. */
  atHead(): Promise<FetchedBoard>;
};

/** Calldata that one L1 call carries. Its answers come back as a contract's code would, of which there may be 24 KiB. */
const BATCH_BYTES = 2_048;
/** What a visit asked for before is fetched again, up to so many places. */
const REMEMBERED = 4_096;
const STATUS = ["none", "open", "confirmed", "forfeited"] as const;

const lower = (id: Hex): Hex => id.toLowerCase() as Hex;
const keyOf = (need: BoardNeed): string =>
  need.want === "spot" ? need.edge : need.want === "claim" ? need.id : need.context;

/** Reads by id, many places in one call and all at one block: no contract beside the board is needed for it. */
export const createBoardReader = (client: PublicClient, { registry, startBlock }: BoardReaderOptions): BoardReader => {
  const contract = { address: registry, abi: claimRegistry.abi } as const;
  let rules: Promise<{ readonly period: bigint; readonly spacing: bigint }> | undefined;
  let asked: readonly BoardNeed[] = [];

  const spotsAt = async (
    blockNumber: bigint,
    places: readonly Extract<BoardNeed, { want: "spot" }>[],
  ): Promise<readonly Spot[]> => {
    const answers = await client.multicall({
      deployless: true,
      allowFailure: false,
      batchSize: BATCH_BYTES,
      blockNumber,
      contracts: places.flatMap(
        ({ context, edge }) =>
          [
            { ...contract, functionName: "contextState", args: [context] },
            { ...contract, functionName: "winners", args: [context] },
            { ...contract, functionName: "edgeOf", args: [context, edge] },
            { ...contract, functionName: "rootOf", args: [edge] },
          ] as const,
      ),
    });
    return places.map((_, i) => {
      const [context, winner, edge, root] = answers.slice(4 * i, 4 * i + 4) as unknown as [
        Spot["context"],
        Hex,
        Spot["edge"],
        Spot["root"],
      ];
      return { context, winner, edge, root: { ...root, staker: lower(root.staker) } };
    });
  };

  const claimAt = async (blockNumber: bigint, id: Hex): Promise<ClaimRecord> => {
    const claim = await client.readContract({ ...contract, functionName: "claimOf", args: [id], blockNumber });
    return { ...claim, status: STATUS[claim.status] ?? "none" };
  };

  const rivalsAt = async (
    toBlock: bigint,
    { context, parent }: Extract<BoardNeed, { want: "rivals" }>,
  ): Promise<readonly RivalRoot[]> => {
    const range = { ...contract, fromBlock: startBlock, toBlock, strict: true } as const;
    if (parent !== undefined) {
      const claims = await client.getContractEvents({ ...range, eventName: "ClaimProposed", args: { parent } });
      return claims.map(({ args }) => ({ edge: args.id, node: args.node }));
    }
    const roots = await client.getContractEvents({ ...range, eventName: "LevelOpened", args: { ctx: context } });
    return roots.map(({ args }) => ({ edge: args.sub, node: args.node }));
  };

  return {
    async atHead() {
      rules ??= client.readContract({ ...contract, functionName: "parameters" });
      const { period, spacing } = await rules.catch((error: unknown) => {
        rules = undefined;
        throw error;
      });
      const now = await client.getBlockNumber({ cacheTime: 0 });
      const known = new Map<string, BoardNeed>();
      const spots = new Map<Hex, Spot>();
      const claims = new Map<Hex, ClaimRecord>();
      const roots = new Map<Hex, readonly RivalRoot[]>();
      const board: FetchedBoard = {
        now,
        period,
        spacing,
        spot: (_, edge) => spots.get(edge),
        claim: (id) => claims.get(id),
        rootsIn: (context) => roots.get(context),
        async fetch(needs) {
          const missing = new Map(needs.map((need) => [`${need.want}${keyOf(need)}`, need]));
          for (const key of known.keys()) missing.delete(key);
          const places = [...missing.values()].filter((need) => need.want === "spot");
          const [found] = await Promise.all([
            places.length === 0 ? [] : spotsAt(now, places),
            ...[...missing.values()].map(async (need) => {
              if (need.want === "claim") claims.set(need.id, await claimAt(now, need.id));
              if (need.want === "rivals") roots.set(need.context, await rivalsAt(now, need));
            }),
          ]);
          for (const [i, { edge }] of places.entries()) {
            const spot = found[i];
            if (spot !== undefined) spots.set(edge, spot);
          }
          for (const [key, need] of missing) known.set(key, need);
          asked = [...known.values()].slice(-REMEMBERED);
        },
      };
      await board.fetch(asked);
      return board;
    },
  };
};
