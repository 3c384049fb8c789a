import { CodedError } from "../../executor/index.ts";
import type { FetchedBoard } from "./board-reader.ts";
import type { BoardNeed, Need, TreeNeed } from "./own-tree.ts";
import { type OwnGame, type Solution, solve } from "./solver.ts";

export type VisitErrorCode =
  /** What a look at a dispute asks for does not come. A fault in this program: report it with the log. */
  "VISIT_STUCK";

/** Each round goes one edge deeper, and asks for a few things there. The longest path has 91 edges. */
const MOST_ROUNDS = 1_000;

const isOfTree = (need: Need): need is TreeNeed => "tree" in need;
const isOfBoard = (need: Need): need is BoardNeed => !isOfTree(need);

/** Solves a game on one state of the board, fetching what the visit asks for until nothing is missing. */
export const visit = async (
  board: FetchedBoard,
  game: OwnGame,
  { signal }: { readonly signal: AbortSignal },
): Promise<Solution> => {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const solution = solve(board, game);
    if (solution.needs.length === 0) return solution;
    signal.throwIfAborted();
    await Promise.all([
      board.fetch(solution.needs.filter(isOfBoard)),
      ...solution.needs.filter(isOfTree).map((need) => need.tree.fetch(need)),
    ]);
  }
  throw new CodedError<VisitErrorCode>("VISIT_STUCK", "what a visit asks for does not come", { parent: game.parent });
};
