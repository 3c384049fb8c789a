import { type Bytes, toHex } from "../foundation/bytes.ts";
import type { ModelRuntime } from "../models/runtime.ts";
import { encodeAdmission } from "../protocol/model-call.ts";
import { contentHashOf } from "../protocol/model-content.ts";
import { type Answer, fault, type Need } from "./context.ts";
import type { EvmMachine } from "./machine.ts";

export type AnsweringModels = Pick<ModelRuntime, "run" | "admit">;

/** What machines need of models, from the model runtime. Rejects as the runtime does. */
export const createAnswering = (models: AnsweringModels) => {
  const outputOf = async (need: Need): Promise<Bytes> => {
    const id = toHex(need.id);
    if (need.kind === "admit") return encodeAdmission(await models.admit(id, contentHashOf(need.content)));
    const output = await models.run(id, need.input);
    // INVARIANT: PRECOMPILE has judged the length, and a program takes every input of its length.
    if (output === undefined) throw fault("MACHINE_BROKEN", "a model refuses an input of its length", { id });
    return output;
  };
  return async (need: Need): Promise<Answer> => ({ kind: need.kind, output: await outputOf(need) });
};
export type Answering = ReturnType<typeof createAnswering>;

/** Supplies what the machine's next step needs, if anything. */
export const supplyTo = async (machine: EvmMachine, answer: Answering): Promise<void> => {
  const { need } = machine;
  if (need !== undefined) machine.supply(need, await answer(need));
};
