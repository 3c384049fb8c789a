import { type Bytes, concat } from "../../foundation/bytes.ts";
import type { EvmMachine } from "../machine.ts";
import { unitEvidence } from "./derivation.ts";
import { partOf, STEP_PARTS } from "./parts.ts";
import type { WitnessSources } from "./step.ts";
import { NO_SOURCES, witnessOf } from "./witness.ts";

/**
 * Evidence of the machine's next step, as L1's contracts take it: `u8 part ++ the part's own`. Undefined at the unit's end,
 * and where no contract has the step. MACHINE_NEEDS_ANSWER, MACHINE_INBOX_GAP.
 */
export const machineEvidence = (machine: EvmMachine, sources: Partial<WitnessSources>): Bytes | undefined => {
  const { state, context, ended } = machine.snapshot();
  const part = partOf(state);
  if (part === undefined || ended !== undefined) return undefined;
  const evidence =
    state === undefined || context === undefined
      ? unitEvidence(machine.unit, machine.unit.inbox, sources.blobs ?? NO_SOURCES.blobs)
      : witnessOf(state, context, sources);
  return evidence === undefined ? undefined : concat(Uint8Array.of(STEP_PARTS.indexOf(part)), evidence);
};
