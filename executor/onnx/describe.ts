import type { Hex } from "../foundation/bytes.ts";
import { product } from "../tensor/address.ts";
import { encodeProgram } from "../tensor/codec.ts";
import { callGas } from "../tensor/gas.ts";
import { programId } from "../tensor/identity.ts";
import { countOf, type Interval, KINDS, type Kind, type Program } from "../tensor/program.ts";
import { inputBytesOf, outputBytesOf } from "../tensor/reference.ts";
import { decodeMeta, type ModelMeta, type TensorSchema } from "./emit/meta.ts";
import { type ImportOptions, type ImportReport, importOnnx } from "./import.ts";

/** What a program is, in numbers: the material of `assay model inspect` and `compile`. */
export type ProgramDescription = {
  readonly id: Hex;
  readonly name: string;
  readonly licence: string;
  readonly inputs: readonly (Omit<TensorSchema, "element"> & { readonly range: Interval })[];
  readonly outputs: readonly (Omit<TensorSchema, "element"> & { readonly range: Interval })[];
  /** Operators of the program by kind. */
  readonly operators: Readonly<Record<Kind, number>>;
  readonly constants: number;
  /** Bytes of the artifact, of a call's packed input, of its packed output. */
  readonly artifactBytes: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly multiplyAdds: number;
  /** Gas weight in units, and EVM gas of one call. */
  readonly units: number;
  readonly gas: bigint;
};

const EMPTY_META: ModelMeta = { name: "", licence: "", inputs: [], outputs: [] };

/** What a program computes and costs. Throws when its names and shapes do not decode. */
export const describeProgram = (program: Program): ProgramDescription => {
  const meta = program.meta.length === 0 ? EMPTY_META : decodeMeta(program.meta);
  const operators = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<Kind, number>;
  let multiplyAdds = 0;
  for (const operator of program.operators) {
    operators[operator.kind]++;
    if (operator.kind === "CONTRACT") multiplyAdds += countOf(operator) * product(operator.reduction);
  }
  const intervalAt = (index: number): Interval => program.operators[index]?.interval ?? { lo: 0, hi: 0 };
  const inputBytes = inputBytesOf(program);
  const outputBytes = outputBytesOf(program);
  return {
    id: programId(program),
    name: meta.name,
    licence: meta.licence,
    inputs: meta.inputs.map((tensor, index) => ({ ...tensor, range: intervalAt(index) })),
    outputs: meta.outputs.map((tensor, index) => ({ ...tensor, range: intervalAt(program.outputs[index] ?? -1) })),
    operators,
    constants: program.constants.length,
    artifactBytes: encodeProgram(program).length,
    inputBytes,
    outputBytes,
    multiplyAdds,
    units: program.gas,
    gas: callGas(program.gas, inputBytes, outputBytes),
  };
};

export type ModelDescription = ProgramDescription & { readonly imported: ImportReport };

/** Imports and describes; throws as `importOnnx` does. */
export const describeModel = (bytes: Uint8Array, options: ImportOptions = {}): ModelDescription => {
  const { program, report } = importOnnx(bytes, options);
  return { ...describeProgram(program), imported: report };
};
