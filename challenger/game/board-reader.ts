import type { PublicClient } from "viem";
import { claimRegistry } from "../../bridge/index.ts";
import { type ClaimId, type ContextId, type EdgeId, type Hex, type StateHash, toEdge } from "../../executor/index.ts";
import type { ClaimBook } from "./claim-book.ts";
import type { BoardNeed } from "./own-tree.ts";
import type { BoardView, ClaimRecord, RivalRoot, Spot } from "./view.ts";

export type BoardReaderOptions = {
  /** The contract. */
  readonly registry: Hex;
  /** Roots that events told of. */
  readonly book: Pick<ClaimBook, "on" | "in">;
};

/** The board as of one L1 block, as far as it was fetched. */
export type FetchedBoard = BoardView & { fetch(needs: readonly BoardNeed[]): Promise<void> };

export type BoardReader = {
  /** The board as of an L1 block. What the visits before looked at is fetched at once, if that can be had. */
  at(now: bigint): Promise<FetchedBoard>;
};

/** Calldata that one L1 call carries. Its answers come back as a contract's code would, of which there may be 24 KiB. */
const BATCH_BYTES = 2_048;
/** What the visits before looked at is fetched at once, up to so many places. */
const REMEMBERED = 4_096;
const STATUS = ["none", "open", "confirmed", "forfeited"] as const;

const lower = (id: Hex): Hex => id.toLowerCase() as Hex;
const keyOf = (need: BoardNeed): string =>
  `${need.want} ${need.want === "spot" ? need.edge : need.want === "claim" ? need.id : need.context}`;

/** Reads by id, many places in one call and all at one block: no contract beside the board is needed for it. */
export const createBoardReader = (client: PublicClient, { registry, book }: BoardReaderOptions): BoardReader => {
  const contract = { address: registry, abi: claimRegistry.abi } as const;
  let rules: Promise<{ readonly period: bigint; readonly spacing: bigint }> | undefined;
  let used = (): readonly BoardNeed[] => [];

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
        EdgeId,
        Spot["edge"],
        Spot["root"],
      ];
      return { context, winner, edge, root: { ...root, staker: lower(root.staker) } };
    });
  };

  const claimAt = async (blockNumber: bigint, id: ClaimId): Promise<ClaimRecord> => {
    const claim = await client.readContract({ ...contract, functionName: "claimOf", args: [id], blockNumber });
    const { parent, endState, status } = claim;
    return {
      ...claim,
      parent: parent as ClaimId,
      endState: endState as StateHash,
      status: STATUS[status] ?? "none",
    };
  };

  const rivalsIn = ({ context, parent }: Extract<BoardNeed, { want: "rivals" }>): readonly RivalRoot[] =>
    parent === undefined
      ? book.in(context).map(({ edge, node }) => ({ edge, node }))
      : book.on(parent).map(({ id, node }) => ({ edge: toEdge(id), node }));

  return {
    async at(now) {
      rules ??= client.readContract({ ...contract, functionName: "parameters" });
      const { period, spacing } = await rules.catch((error: unknown) => {
        rules = undefined;
        throw error;
      });
      const known = new Map<string, BoardNeed>();
      const spots = new Map<EdgeId, Spot>();
      const claims = new Map<ClaimId, ClaimRecord>();
      const roots = new Map<ContextId, readonly RivalRoot[]>();
      const seen = new Set<string>();
      const look = <Value>(key: string, value: Value): Value => {
        seen.add(key);
        return value;
      };
      const board: FetchedBoard = {
        now,
        period,
        spacing,
        spot: (_, edge) => look(`spot ${edge}`, spots.get(edge)),
        claim: (id) => look(`claim ${id}`, claims.get(id)),
        rootsIn: (context) => look(`rivals ${context}`, roots.get(context)),
        async fetch(needs) {
          const missing = new Map(needs.map((need) => [keyOf(need), need]));
          for (const key of known.keys()) missing.delete(key);
          const places = [...missing.values()].filter((need) => need.want === "spot");
          const [found] = await Promise.all([
            places.length === 0 ? [] : spotsAt(now, places),
            ...[...missing.values()].map(async (need) => {
              if (need.want === "claim") claims.set(need.id, await claimAt(now, need.id));
              if (need.want === "rivals") roots.set(need.context, rivalsIn(need));
            }),
          ]);
          for (const [i, { edge }] of places.entries()) {
            const spot = found[i];
            if (spot !== undefined) spots.set(edge, spot);
          }
          for (const [key, need] of missing) known.set(key, need);
        },
      };
      const before = used();
      used = () => [...known].flatMap(([key, need]) => (seen.has(key) ? [need] : [])).slice(-REMEMBERED);
      // Whose places they are asks again, and is told what fails.
      await board.fetch(before).catch(() => undefined);
      return board;
    },
  };
};
