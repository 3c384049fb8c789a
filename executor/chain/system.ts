import type { StateManagerInterface } from "@ethereumjs/common";
import { Address } from "@ethereumjs/util";
import type { BlockEnvironment } from "../evm/engine.ts";
import { fromHex, uintBE, ZERO_32 } from "../foundation/bytes.ts";
import { type Block, COINBASE, nextBaseFee, prevRandaoOf } from "../protocol/block.ts";
import { openingOf } from "../protocol/budget.ts";
import { type BlockAttributes, type Origin, packedOrigin } from "../protocol/origin.ts";
import { ADDRESS, type ChainParameters, HISTORY_WINDOW } from "../protocol/parameters.ts";
import type { BlockRules } from "../protocol/rules.ts";

const history = new Address(fromHex(ADDRESS.history));
const l1Block = new Address(fromHex(ADDRESS.l1Block));
const coinbase = new Address(fromHex(COINBASE));

/** The block after `parent`, before anything runs in it. FORK_UNKNOWN. */
export const environmentAfter = (
  parent: Block,
  attributes: BlockAttributes,
  parameters: ChainParameters,
): BlockEnvironment & { readonly budget: bigint; readonly isPaid: boolean; readonly rules: BlockRules } => {
  const opening = openingOf(parent.header, attributes, parameters);
  const { rules } = opening;
  return {
    ...opening,
    fork: rules.fork,
    number: parent.header.number + 1n,
    baseFee: nextBaseFee(parent.header, rules),
    coinbase,
    prevRandao: prevRandaoOf(parent.hash, attributes.origin.number),
  };
};

/** What a block writes before its first transaction: the parent's hash (EIP-2935) and the L1 block it refers to. */
export const writeSystemSlots = async (state: StateManagerInterface, parent: Block, origin: Origin): Promise<void> => {
  await state.putStorage(history, uintBE(parent.header.number % HISTORY_WINDOW, 32), fromHex(parent.hash));
  await state.putStorage(l1Block, ZERO_32, uintBE(packedOrigin(origin), 32));
  state.originalStorageCache.clear();
};
