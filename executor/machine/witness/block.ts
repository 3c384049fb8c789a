import { type Environment, encodeBlockContext, encodeEnvironment } from "../state/state.ts";
import type { Evidence, Step } from "./step.ts";

/** The environment. INVARIANT: there is one from the end of DECODE on. */
export const openEnvironment = ({ state }: Pick<Step, "state">): Evidence => [
  encodeEnvironment(state.env as Environment),
];

/** The environment, and the block's. */
export const openBlock = ({ state }: Pick<Step, "state">): Evidence => {
  const env = state.env as Environment;
  return [encodeEnvironment(env), encodeBlockContext(env.block)];
};
