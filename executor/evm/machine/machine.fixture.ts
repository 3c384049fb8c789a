import type { Chain } from "../../chain/chain.ts";
import type { ChainState } from "../../chain/chain-state.ts";
import { ADDRESS, TRANSACTION_GAS_CAP } from "../../chain/parameters.ts";
import type { Inbox } from "../../chain/units.ts";
import { fromHex } from "../../foundation/bytes.ts";
import { createAnswers, type MachineRules } from "./context.ts";
import type { UnitSource } from "./derive.ts";
import { createEvmMachine, type EvmMachine } from "./machine.ts";
import { loadPrecompiles } from "./precompiles.ts";
import type { Tree } from "./tree.ts";
import { openWorld } from "./world.ts";

const precompiles = await loadPrecompiles();

export const rulesOf = (chain: Chain): MachineRules => ({
  parameters: chain.parameters,
  baseFeeVault: fromHex(ADDRESS.baseFeeVault),
  gasCap: TRANSACTION_GAS_CAP,
});

/** The inbox as machines read it. */
export const sourceOf = (inbox: Inbox, medium: "calldata" | "blobs"): UnitSource => ({
  record(index) {
    const record = inbox.record(index);
    return record === undefined ? undefined : { ...record, medium };
  },
  message: (index) => inbox.message(index),
});

/** Machines from one unit to the next, above the state of a block. `visit` sees each one before it runs. */
export const walkUnits = (
  { chain, source, from }: { readonly chain: Chain; readonly source: UnitSource; readonly from: bigint },
  start: ChainState,
) => {
  const { world, tree } = openWorld(chain.ground(from));
  const answers = createAnswers();
  const components = { inbox: source, world, rules: rulesOf(chain), precompiles, answers };
  let at: { readonly chain: ChainState; readonly tree: Tree } = { chain: start, tree };
  return {
    /** The machine at the next unit; the unit after it is where this one ends. */
    next(): EvmMachine {
      return createEvmMachine(components, at);
    },
    end(machine: EvmMachine): void {
      if (machine.ended !== undefined) at = machine.ended;
    },
  };
};
