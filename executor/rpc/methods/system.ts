import { refused } from "../errors.ts";
import { type MethodTable, method } from "../method.ts";

export const SYSTEM_METHODS: MethodTable = {
  /** Who has which role on L1, which claim registry is in force, and what is announced to change. */
  rollup_system: method([], (_, { system }) => {
    if (system === undefined)
      throw refused("CLAIMS_UNKNOWN", "this node does not read L1, so it does not know what can change there");
    return { ...system() };
  }),
};
