import { boundOf, outcomeText, playAtOnce } from "../support/at-once.ts";
import { createDisputeStage, LOW, MODEL } from "../support/disputes.ts";
import { admissionLies, type Told } from "../support/lies.ts";
import type { Ends } from "../support/peers.ts";

/** Trees in which a registration's steps have room. */
const CLAIMS = { ...LOW, heights: [5, 14, 18, 29], period: 160n } as const;

const { byte, judgement, nothing, finish } = admissionLies();
const { constants, operators, outputs } = MODEL.program;
const behind = constants.length + operators.length;

/** One for each kind of leaf that an admission has; the first three tell the most. */
export const ADMISSION_LIES: readonly Told[] = [
  byte(2, 0),
  judgement(constants.length),
  finish,
  byte(0, 9),
  byte(1, 40),
  judgement(-1),
  judgement(0),
  judgement(behind),
  judgement(behind + outputs.length),
  nothing,
];

/** The first `count` of them at once, against one challenger. */
export const playAdmissions = async (t: Ends, count = ADMISSION_LIES.length) => {
  const stage = await createDisputeStage(t, { claims: CLAIMS });
  const bound = boundOf(stage.claims);
  const outcome = await playAtOnce(t, stage, { lies: ADMISSION_LIES.slice(0, count), bound });
  return { outcome, text: outcomeText(outcome, bound) };
};
