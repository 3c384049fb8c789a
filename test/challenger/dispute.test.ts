import assert from "node:assert/strict";
import { test } from "node:test";
import { hashChainState, toHex } from "../../executor/index.ts";
import { createDisputeStage, LOW, type Story, startChallenger, startLiar } from "../support/disputes.ts";
import { lyingTrace } from "../support/lying-trace.ts";

const CONFIRMED = 2;

/** Everybody acts, block by block, until the right claim is confirmed; answers how many blocks that took. */
const playOut = async (
  stage: Awaited<ReturnType<typeof createDisputeStage>>,
  challenger: ReturnType<typeof startChallenger>,
  liars: readonly Awaited<ReturnType<typeof startLiar>>[],
) => {
  for (let rounds = 0; rounds < 400; rounds++) {
    for (const liar of liars) await liar.act();
    await challenger.act();
    const [dispute] = challenger.disputes;
    if (dispute?.state === "settled") return rounds;
    const idle = challenger.disputes.every(({ moves }) => moves.length === 0);
    await stage.anvil.mine(idle ? 10 : 1);
  }
  throw new Error(`not decided: ${JSON.stringify(challenger.disputes, (_, v) => (typeof v === "bigint" ? Number(v) : v))}`);
};

test("a claim whose last leaf alone is wrong", async (t) => {
  const stage = await createDisputeStage(t);
  const [own, other] = [await stage.open(), await stage.open()];
  const story: Story = (right, _, end) =>
    lyingTrace(right, { leaves: new Map([[2 ** LOW.heights[0] - 1, hashChainState(end)]]) });
  const liar = await startLiar(t, stage, other, { story });
  const challenger = startChallenger(t, stage, own);
  const rounds = await playOut(stage, challenger, [liar]);
  t.diagnostic(`${rounds} rounds`);
  void toHex;
  void CONFIRMED;
});
