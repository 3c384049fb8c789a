import { gameHash } from "../bridge/index.ts";
import { type ClaimId, type Hex, type L1BlockNumber, type RecordIndex, toEdge, toHex } from "../executor/index.ts";
import type { ClaimBook, MadeClaim } from "./game/claim-book.ts";
import { rootContext } from "./game/ids.ts";
import type { Move } from "./game/solver.ts";
import type { Judgement, RightChain } from "./judgement.ts";

/** The state of the registry that chores are found from. Times in L1 blocks. */
export type ChoreSituation = {
  readonly book: ClaimBook;
  readonly chain: RightChain;
  readonly judgement: Pick<Judgement, "isRight">;
  readonly registry: Hex;
  /** The claim that all others stand on, the first of the right ones. */
  readonly anchor: Pick<MadeClaim, "endState" | "limitBatch">;
  readonly l1ChainId: bigint;
  /** Of so many inbox records; undefined where they are not here. */
  readonly lineageAt: (count: RecordIndex) => Hex | undefined;
  /** Of the tree of level 0. */
  readonly height: number;
  readonly period: bigint;
  /** Blocks for which others are left to confirm their claims themselves. */
  readonly grace: bigint;
  readonly now: L1BlockNumber;
  readonly account: Hex;
  /** For whom something is done. */
  readonly isServed: (staker: Hex) => boolean;
  /** Right claims on which something is disputed: they are to be confirmed whoever made them. */
  readonly disputed: ReadonlySet<ClaimId>;
};

/** Moves of one look, at most. */
const MOST_CHORES = 64;

/**
 * What is to be done about claims of which nothing is computed any more: confirming right ones that stood unrivalled for the
 * challenge period, taking the bonds of those that lost to a right one, and ending those that stand on such.
 */
export const choresIn = (situation: ChoreSituation): readonly Move[] => {
  const { book, chain, judgement, registry, anchor, l1ChainId, lineageAt, height, isServed, disputed } = situation;
  const { period, grace, now, account } = situation;
  const [genesis] = chain.ids;

  /** Place of a claim; undefined where the list does not reach back to what it stands on. */
  const edgeOf = ({ parent, node }: MadeClaim) => {
    // The claim that all others stand on is in no list.
    const on = book.claim(parent) ?? (parent === genesis ? anchor : undefined);
    const lineage = on && lineageAt(on.limitBatch);
    if (on === undefined || lineage === undefined) return undefined;
    const game = { l1ChainId, registry, parent, limitBatch: on.limitBatch, lineage };
    return { ctx: rootContext(0, toHex(gameHash(game)), height, on.endState), node };
  };
  const isConfirmed = (id: ClaimId): boolean => {
    const claim = book.claim(id);
    return claim === undefined || book.winnerOn(claim.parent) === id;
  };

  const settled = (): readonly Move[] => {
    let first = chain.ids.length;
    while (first > 1 && !isConfirmed(chain.ids[first - 1] as ClaimId)) first--;
    const due: { readonly move: Move; readonly isWanted: boolean }[] = [];
    for (const id of chain.ids.slice(first, first + MOST_CHORES)) {
      const claim = book.claim(id);
      const edge = claim && edgeOf(claim);
      // A rivalled one has its time from what was played: the game ends it.
      if (claim === undefined || edge === undefined || book.on(claim.parent).length > 1) break;
      const late = now - claim.l1Block - period;
      if (late < 0n) break;
      const move: Move = { rule: "settle", call: { type: "settle", ...edge } };
      const isTurn = claim.staker === account || (isServed(claim.staker) && late >= grace);
      due.push({ move, isWanted: isTurn || disputed.has(id) });
    }
    return due.slice(0, due.findLastIndex(({ isWanted }) => isWanted) + 1).map(({ move }) => move);
  };

  const collected: Move[] = [];
  for (const id of chain.ids) {
    const winner = book.claim(id);
    if (winner === undefined || !isServed(winner.staker)) continue;
    const siblings = book.on(winner.parent);
    if (siblings.length < 2 || book.winnerOn(winner.parent) !== id) continue;
    for (const loser of siblings) {
      const edge = edgeOf(loser);
      if (loser.id === id || edge === undefined || !book.isHeld(toEdge(loser.id))) continue;
      collected.push({ rule: "collect", call: { type: "collect", ...edge } });
    }
  }

  /** Who made the right claim that the lost one below an orphan was a rival of. */
  const beatenBy = (orphan: MadeClaim): Hex | undefined => {
    for (let at = book.claim(orphan.parent); at !== undefined; at = book.claim(at.parent)) {
      const winner = book.winnerOn(at.parent);
      if (winner !== undefined) return judgement.isRight(winner) ? book.claim(winner)?.staker : undefined;
    }
    return undefined;
  };
  const forfeited: Move[] = [];
  for (const orphan of book.orphans()) {
    const staker = book.isHeld(toEdge(orphan.id)) ? beatenBy(orphan) : undefined;
    if (staker !== undefined && isServed(staker))
      forfeited.push({ rule: "forfeit", call: { type: "forfeit", claim: orphan.id } });
  }
  return [...settled(), ...collected, ...forfeited].slice(0, MOST_CHORES);
};
