import type { Chain, L1BlockNumber, L2BlockNumber } from "../executor/index.ts";

/** Where the oldest game begins in which something was undecided, as of an L1 block. */
type Need = { readonly at: L1BlockNumber; readonly from: L2BlockNumber };

/**
 * Keeps the states that games begin with for as long as anything is undecided in them: stakes of lower levels are decided
 * after their claim. A game is over when L1 has said so in a final block. Nothing is let go before the first such look.
 */
export const createGameHold = (chain: Pick<Chain, "hold">) => {
  const hold = chain.hold(0n);
  let needs: readonly Need[] = [];
  return {
    /** `final`: number of L1's newest final block. */
    note(need: Need, final: L1BlockNumber): void {
      // What a reorg took back was not seen as it is now.
      needs = [...needs.filter(({ at }) => at < need.at), need];
      const decided = needs.findLast(({ at }) => at <= final);
      if (decided === undefined) return;
      hold.move(decided.from);
      needs = needs.filter(({ at }) => at > final);
    },
    release: hold.release,
  };
};
