import { type Bytes, toHex } from "../foundation/bytes.ts";
import type { ModelPrograms, ModelRuntime } from "../models/runtime.ts";
import { admitGas, encodeAdmission } from "../protocol/model-call.ts";
import { type Answer, fault, type Need } from "./context.ts";
import type { EvmMachine } from "./machine.ts";

export type AnsweringModels = Pick<ModelRuntime, "run" | "admit" | "artifactLength" | "retrieve"> & ModelPrograms;

type AnswerOf<K extends Need["kind"]> = Extract<Answer, { readonly kind: K }>;

/** What machines need of models, from the model runtime. Rejects as the runtime does. */
export const createAnswering = (models: AnsweringModels) => {
  const infer = async (id: Bytes, input: Bytes): Promise<AnswerOf<"infer">> => {
    const output = await models.run(toHex(id), input);
    // INVARIANT: PRECOMPILE has judged the length, and a program takes every input of its length.
    if (output === undefined)
      throw fault("MACHINE_BROKEN", "a model refuses an input of its length", { id: toHex(id) });
    return { kind: "infer", output };
  };

  const admit = async (need: Extract<Need, { readonly kind: "admit" }>): Promise<AnswerOf<"admit">> => {
    const contentHash = toHex(need.contentHash);
    const gas = admitGas(models.artifactLength(contentHash) ?? (await models.retrieve(contentHash)));
    const output =
      gas > need.gas ? new Uint8Array(0) : encodeAdmission(await models.admit(toHex(need.id), contentHash));
    return { kind: "admit", gas, output };
  };

  return async (need: Need): Promise<Answer> => {
    return need.kind === "infer" ? infer(need.id, need.input) : admit(need);
  };
};
export type Answering = ReturnType<typeof createAnswering>;

/** Supplies what the machine's next step needs, if anything. */
export const supplyTo = async (machine: EvmMachine, answer: Answering): Promise<void> => {
  const { need } = machine;
  if (need !== undefined) machine.supply(need, await answer(need));
};
