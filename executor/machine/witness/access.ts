import type { Bytes } from "../../foundation/bytes.ts";
import { forkOf } from "../operations/operation.ts";
import type { Tree } from "../state/tree.ts";
import { addressMark, isPrecompile } from "../state/world.ts";
import { openBlock } from "./block.ts";
import type { Evidence, Step } from "./step.ts";
import { openPath } from "./tree.ts";

/** An address's mark in the transaction's tree; none for a precompile, which is warm by rule. */
export const openMark = ({ state }: Pick<Step, "state">, marks: Tree, address: Bytes): Evidence =>
  isPrecompile(address, forkOf(state)) ? [] : openPath(marks, addressMark(address));

/** What an account's touch costs: environment, block, and the address's mark. */
export const openAccess = (step: Step, address: Bytes): Evidence => [
  ...openBlock(step),
  ...openMark(step, step.state.txTree, address),
];
