import type { Hex } from "../../executor/index.ts";
import { type Board, fullTimer } from "./board.ts";
import { ctxId } from "./ids.ts";
import { NO_CONTEXT } from "./view.ts";

/** What must hold of a board after every block. Answers what does not. */
export const violationsOf = (board: Board, received: bigint): readonly string[] => {
  const { contexts, edges, roots, preimages, below, credits, sums, claims } = board.tables;
  const found: string[] = [];
  const proven = new Set<Hex>();
  for (const [id, edge] of edges) {
    const place = preimages.get(id);
    if (place === undefined) continue;
    const context = ctxId(place.ctx);
    const { secondAt } = contexts.get(context) ?? NO_CONTEXT;
    if (edge.cached > fullTimer(board, id)) found.push(`the cached timer of ${id} is above the full one`);
    if (edge.proven && proven.has(context)) found.push(`two proofs in ${context}`);
    if (edge.proven) proven.add(context);
    for (const child of below.get(id) ?? []) {
      const at = contexts.get(ctxId((preimages.get(child) ?? place).ctx)) ?? NO_CONTEXT;
      if (secondAt === 0n || at.firstAt < secondAt) found.push(`time counts twice at ${child}`);
    }
  }
  const confirmed = [...claims.values()].filter(({ status }) => status === "confirmed").map(({ parent }) => parent);
  if (new Set(confirmed).size < confirmed.length) found.push("two confirmed claims stand on one");
  const held = [...roots.values()].reduce((sum, { stake }) => sum + stake, 0n);
  if (held !== (sums.get("held") ?? 0n)) found.push("the stakes held are not those of the roots");
  const credited = [...credits.values()].reduce((sum, credit) => sum + credit, 0n);
  if (held + credited + (sums.get("burned") ?? 0n) !== received) found.push("money leaks");
  return found;
};
