import type { Hex } from "../executor/index.ts";
import type { ClaimBook, MadeClaim } from "./claim-book.ts";

/** `unjudged`: this node does not know yet what is right there. */
export type Verdict = "right" | "wrong" | "unjudged";

/** Right claims that are on L1, oldest first, beginning with the first of all; `next`: the right one on the last of them. */
export type RightChain = { readonly ids: readonly Hex[]; readonly next: Hex | undefined };

/**
 * What a node that knows these right claims says of others. A claim is wrong that is not the right one on a right claim, or
 * that stands on a wrong one.
 */
export const createJudgement = (book: Pick<ClaimBook, "claim">, { ids, next }: RightChain) => {
  const indices = new Map(ids.map((id, i) => [id, i] as const));
  /** The right claim on a right claim, as far as it is known. */
  const rightOn = (parent: Hex): Hex | undefined => {
    const index = indices.get(parent);
    return index === undefined ? undefined : index === ids.length - 1 ? next : ids[index + 1];
  };
  const known = new Map<Hex, Verdict>();
  const judged = ({ id, parent }: Pick<MadeClaim, "id" | "parent">): Verdict => {
    if (indices.has(id)) return "right";
    if (indices.has(parent)) {
      const right = rightOn(parent);
      return right === undefined ? "unjudged" : right === id ? "right" : "wrong";
    }
    const below = book.claim(parent);
    // What stands on a right claim that is not in the chain yet nobody has looked at.
    return below !== undefined && verdictOf(below) === "wrong" ? "wrong" : "unjudged";
  };
  /** In the order in which they were made: what a claim stands on is known by then. */
  const verdictOf = (claim: Pick<MadeClaim, "id" | "parent">): Verdict => {
    const verdict = known.get(claim.id) ?? judged(claim);
    known.set(claim.id, verdict);
    return verdict;
  };
  return { isRight: (id: Hex) => indices.has(id), rightOn, verdictOf };
};
export type Judgement = ReturnType<typeof createJudgement>;
