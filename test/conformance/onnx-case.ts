import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  bytesOf,
  createEngine,
  decodeModel,
  decodeTensor,
  equalBytes,
  hasCode,
  type Imported,
  type ImportRefusal,
  importOnnx,
  messageOf,
  type Program,
  packTensor,
  paddedBytes,
  readTensor,
  refusalsOf,
  runReference,
  type TensorConstant,
  type TensorSchema,
  unpackTensor,
} from "../../executor/index.ts";

/** One model with inputs and expected outputs, as files of TensorProto. */

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(path));

export type DataSet = { readonly inputs: readonly TensorConstant[]; readonly outputs: readonly TensorConstant[] };

/** undefined: a file holds no dense tensor of numbers (a sequence, an optional, strings). */
const readTensors = (directory: string, prefix: string): TensorConstant[] | undefined => {
  const tensors: TensorConstant[] = [];
  for (let index = 0; ; index++) {
    const path = join(directory, `${prefix}_${index}.pb`);
    if (!existsSync(path)) return tensors;
    try {
      tensors.push(readTensor(decodeTensor(read(path))));
    } catch {
      return undefined;
    }
  }
};

export const readDataSets = (directory: string): DataSet[] =>
  readdirSync(directory)
    .filter((name) => name.startsWith("test_data_set_"))
    .sort()
    .flatMap((name) => {
      const inputs = readTensors(join(directory, name), "input");
      const outputs = readTensors(join(directory, name), "output");
      return inputs === undefined || outputs === undefined ? [] : [{ inputs, outputs }];
    });

export type ModelFile = {
  readonly bytes: Uint8Array;
  readonly operators: readonly string[];
  /** ONNX element types of the graph's inputs and outputs; 0 for what is no tensor. */
  readonly elementTypes: readonly number[];
  readonly inputs: readonly { readonly name: string; readonly free: readonly (string | undefined)[] }[];
};

export const readModel = (directory: string): ModelFile => {
  const bytes = read(join(directory, "model.onnx"));
  const { graph } = decodeModel(bytes);
  const initialized = new Set(graph?.initializer.map(({ name }) => name));
  const inputs = (graph?.input ?? []).filter(({ name }) => !initialized.has(name));
  const typeOf = ({ type }: (typeof inputs)[number]): number =>
    type?.value.case === "tensorType" ? type.value.value.elemType : 0;
  return {
    bytes,
    operators: [
      ...new Set(graph?.node.map(({ domain, opType }) => (domain === "" ? opType : `${domain}.${opType}`))),
    ].sort(),
    elementTypes: [...inputs, ...(graph?.output ?? [])].map(typeOf),
    inputs: inputs.map((input) => ({
      name: input.name,
      free:
        input.type?.value.case === "tensorType"
          ? (input.type.value.value.shape?.dim ?? []).map(({ value }, axis) => {
              if (value.case === "dimValue" && value.value >= 0n) return undefined;
              return value.case === "dimParam" && value.value !== "" ? value.value : `${input.name}:${axis}`;
            })
          : [],
    })),
  };
};

const rangeOf = (data: Float64Array): { lo: number; hi: number } => {
  let lo = Number.POSITIVE_INFINITY;
  let hi = Number.NEGATIVE_INFINITY;
  for (const v of data) {
    lo = Math.min(lo, v);
    hi = Math.max(hi, v);
  }
  return { lo, hi };
};

export type Outcome =
  | { readonly kind: "imported"; readonly imported: Imported; readonly frozen: readonly string[] }
  | { readonly kind: "refused"; readonly refusals: readonly ImportRefusal[] };

const FREEZES = 16;

/**
 * Imports a model for the data sets: free dimensions and ranges are those of the data; an input that must be known
 * when the model is compiled (a shape, axes, a scale) is frozen to the first data set's.
 */
export const importFor = (model: ModelFile, sets: readonly DataSet[]): Outcome => {
  const [first] = sets;
  const ranges: Record<string, { lo: number; hi: number }> = {};
  const dimensions: Record<string, number> = {};
  for (const [index, { name, free }] of model.inputs.entries()) {
    const range = rangeOf(Float64Array.from(sets.flatMap(({ inputs }) => [...(inputs[index]?.data ?? [])])));
    if (Number.isFinite(range.lo) && Number.isFinite(range.hi)) ranges[name] = range;
    for (const [axis, label] of free.entries()) {
      const extent = first?.inputs[index]?.shape[axis];
      if (label !== undefined && extent !== undefined) dimensions[label] = extent;
    }
  }
  const freeze: Record<string, TensorConstant> = {};
  for (let round = 0; ; round++) {
    try {
      const imported = importOnnx(model.bytes, { ranges, dimensions, freeze });
      return { kind: "imported", imported, frozen: Object.keys(freeze) };
    } catch (error) {
      if (!hasCode(error, "ONNX_REFUSED")) throw error;
      const refusals = refusalsOf(error);
      let more = false;
      for (const wanted of refusals.flatMap(({ inputs }) => inputs ?? [])) {
        const index = model.inputs.findIndex(({ name }) => name === wanted);
        const data = first?.inputs[index];
        if (data === undefined || freeze[wanted] !== undefined) continue;
        freeze[wanted] = data;
        more = true;
      }
      if (!more || round >= FREEZES) return { kind: "refused", refusals };
    }
  }
};

const packInputs = (
  model: ModelFile,
  { imported, frozen }: Outcome & { kind: "imported" },
  set: DataSet,
): Uint8Array => {
  const parts: Uint8Array[] = [];
  const schemas = imported.report.inputs;
  for (const [index, { name }] of model.inputs.entries()) {
    if (frozen.includes(name)) continue;
    const schema = schemas.find((one) => one.name === name) as TensorSchema;
    const data = set.inputs[index]?.data ?? new Float64Array(0);
    const padded = new Uint8Array(paddedBytes(schema.dtype, data.length));
    padded.set(packTensor(schema.dtype, data));
    parts.push(padded);
  }
  const unused = parts.length === 0 ? [new Uint8Array(paddedBytes("u8", 1))] : [];
  return new Uint8Array(Buffer.concat([...parts, ...unused]));
};

const unpackOutputs = (schemas: readonly TensorSchema[], output: Uint8Array): Float64Array[] => {
  let offset = 0;
  return schemas.map(({ dtype, shape }) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const data = Float64Array.from(unpackTensor(dtype, count, output.subarray(offset, offset + bytesOf(dtype, count))));
    offset += paddedBytes(dtype, count);
    return data;
  });
};

/** Largest number of reads up to which the reference runs too. */
const REFERENCE_READS = 2_000_000;

const readsOf = (program: Program): number => {
  let reads = 0;
  for (const { output, reduction } of program.operators) reads += [...output, ...reduction].reduce((a, b) => a * b, 1);
  return reads;
};

export type Comparison = {
  /** "" or what is not as it must be, whatever the tolerance. */
  readonly fault: string;
  /** Largest excess over `tolerance`; 0 when all is within. */
  readonly exact: boolean;
  readonly worst: number;
  readonly within: boolean;
  readonly referenced: boolean;
};

export type Tolerance = { readonly absolute: number; readonly relative: number };

/** Runs every data set on the fast engine, and on the reference where it is small, and compares. */
export const compare = async (
  model: ModelFile,
  outcome: Outcome & { kind: "imported" },
  sets: readonly DataSet[],
  tolerance: Tolerance,
  referenceReads = REFERENCE_READS,
): Promise<Comparison> => {
  const { program, report } = outcome.imported;
  const engine = await createEngine(program);
  const referenced = readsOf(program) <= referenceReads;
  let worst = 0;
  let exact = true;
  let within = true;
  try {
    for (const set of sets) {
      const input = packInputs(model, outcome, set);
      const output = await engine.run(input);
      if (output === undefined) return { fault: "the input is refused", exact, worst, within: false, referenced };
      if (referenced && !equalBytes(runReference(program, input).output, output))
        return { fault: "fast differs from reference", exact: false, worst, within: false, referenced };
      for (const [index, data] of unpackOutputs(report.outputs, output).entries()) {
        const expected = set.outputs[index];
        const schema = report.outputs[index] as TensorSchema;
        if (expected === undefined) continue;
        if (schema.shape.join() !== expected.shape.join() || schema.element !== expected.element)
          return {
            fault: `output ${index} is ${schema.element} [${schema.shape}], not ${expected.element} [${expected.shape}]`,
            exact: false,
            worst,
            within: false,
            referenced,
          };
        for (const [i, value] of data.entries()) {
          const wanted = expected.data[i] as number;
          const error = Math.abs(value - wanted);
          if (error === 0) continue;
          exact = false;
          worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
          if (!(error <= tolerance.absolute + tolerance.relative * Math.abs(wanted))) within = false;
        }
      }
    }
  } catch (error) {
    return { fault: messageOf(error), exact: false, worst, within: false, referenced };
  } finally {
    await engine.stop();
  }
  return { fault: "", exact, worst, within, referenced };
};
