import type { Bytes } from "../../foundation/bytes.ts";
import type { UnitContext } from "../context.ts";
import type { MachineState } from "../state/state.ts";

/** A step whose evidence is wanted. */
export type Step = {
  /** Before it. */
  readonly state: Readonly<MachineState>;
  /** Behind it. */
  readonly after: Readonly<MachineState>;
  /** The frame halts in it: the evidence ends with what decides that. */
  readonly halts: boolean;
  readonly context: UnitContext;
};

/** Pieces of evidence in the order in which they are read. */
export type Evidence = readonly Bytes[];
