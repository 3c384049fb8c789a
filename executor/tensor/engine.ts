import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Bytes } from "../foundation/bytes.ts";
import { CodedError, messageOf } from "../foundation/errors.ts";
import { createLock } from "../foundation/service.ts";
import { bytesOf, constantData } from "./elements.ts";
import { intervalOfSource, ORT_TYPE, ortArray } from "./emission.ts";
import { emitSegment, type Segment } from "./emit.ts";
import { createInputReader } from "./input-reader.ts";
import { operandInterval } from "./interval.ts";
import { createKernel, type Kernel } from "./kernels.ts";
import { type Device, type Placed, planOf } from "./plan.ts";
import { allocate, countOf, type Operator, type Program, type Source, type TensorData } from "./program.ts";
import { packOutputs } from "./reference.ts";

/**
 * The fast executor of one well-formed program: what `reference.ts` defines, bit for bit. Recognised parts run as ONNX
 * graphs without optimisation, everything else as compiled typed-array loops.
 */

export type EngineErrorCode =
  /** The engine of a model is stopped. Open the model again. */
  | "ENGINE_STOPPED"
  /** A kernel failed: see the cause. It says nothing about the model; try again, and report it if it stays. */
  | "ENGINE_FAILED";

export type EngineOptions = {
  /** Threads of onnxruntime inside one kernel; 1 unless given. */
  readonly threads?: number;
  /** Where units run; by estimated time unless given. */
  readonly prefer?: "fastest" | Device;
  /** Keeps every operator's output reachable by `runAll`: nothing is fused. */
  readonly trace?: boolean;
};

export type Engine = {
  /** Packed input to packed output; undefined when the length is wrong. */
  run(input: Bytes): Promise<Bytes | undefined>;
  /** Every operator's output (an engine with `trace`); undefined when the length is wrong. */
  runAll(input: Bytes): Promise<readonly TensorData[] | undefined>;
  /** Bytes held: constants, graphs and buffers. */
  readonly bytes: number;
  /** Number of `session.run` an inference takes. */
  readonly sessions: number;
  /** Where each operator runs, INPUTs left out. */
  readonly devices: ReadonlyMap<number, Device>;
  stop(): Promise<void>;
};

/** The tensors of one run by operator. */
type Frame = { readonly tensors: (TensorData | undefined)[] };
type Step = (frame: Frame) => void | Promise<void>;

const sessionOptions = (threads: number): InferenceSession.SessionOptions => ({
  executionProviders: ["cpu"],
  graphOptimizationLevel: "disabled",
  executionMode: "sequential",
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  logSeverityLevel: 3,
});

const fromOrt = (tensor: Tensor): TensorData => {
  const { data } = tensor;
  if (!(data instanceof BigInt64Array)) return data as TensorData;
  const out = new Float64Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = Number(data[i]);
  return out;
};

const createSessionStep = async (program: Program, segment: Segment, threads: number) => {
  const session = await InferenceSession.create(segment.model, sessionOptions(threads));
  const dtypeOf = (operator: number) => (program.operators[operator] as Operator).dtype;
  const step: Step = async ({ tensors }) => {
    const feeds: Record<string, Tensor> = {};
    for (const { operator, name, shape } of segment.inputs) {
      const dtype = dtypeOf(operator);
      feeds[name] = new Tensor(ORT_TYPE[dtype], ortArray(dtype, tensors[operator] as TensorData), shape);
    }
    const results = await session.run(feeds);
    for (const { operator, name } of segment.outputs) tensors[operator] = fromOrt(results[name] as Tensor);
  };
  return { step, release: () => session.release() };
};

const createKernelStep = (program: Program, index: number, buffer: TensorData | undefined): Step => {
  const operator = program.operators[index] as Operator;
  const count = countOf(operator);
  const kernel: Kernel = createKernel(
    operator,
    operator.operands.map(({ source }, j) => operandInterval(operator, j, intervalOfSource(program, source))),
  );
  const constants = operator.operands.map(({ source }) =>
    source.constant ? constantData(program.constants[source.index] as Program["constants"][number]) : undefined,
  );
  const sources: readonly Source[] = operator.operands.map(({ source }) => source);
  return ({ tensors }) => {
    const out = buffer ?? allocate(operator.dtype, count);
    kernel(
      sources.map((source, j) => constants[j] ?? (tensors[source.index] as TensorData)),
      out,
    );
    tensors[index] = out;
  };
};

/** Operators whose outputs are read in another phase than their own, or leave the program. */
const wantedOf = (program: Program, plan: readonly Placed[], trace: boolean): ReadonlySet<number> => {
  const phaseOf = new Map(plan.flatMap(({ operators, phase }) => operators.map((index) => [index, phase] as const)));
  const wanted = new Set(trace ? phaseOf.keys() : program.outputs);
  for (const [index, phase] of phaseOf)
    for (const { source } of (program.operators[index] as Operator).operands)
      if (!source.constant && phaseOf.get(source.index) !== phase) wanted.add(source.index);
  return wanted;
};

/** Consecutive units of one phase. */
const byPhase = (plan: readonly Placed[]): readonly (readonly Placed[])[] => {
  const groups: Placed[][] = [];
  for (const unit of plan) {
    const group = groups.at(-1);
    if (group?.[0]?.phase === unit.phase) group.push(unit);
    else groups.push([unit]);
  }
  return groups;
};

/** Zeros without a sign. */
const unsignZeros = (tensor: TensorData): TensorData => {
  if (tensor instanceof Float32Array) for (let i = 0; i < tensor.length; i++) tensor[i] = (tensor[i] as number) + 0;
  return tensor;
};

const bytesHeld = (program: Program, segments: readonly Segment[]): number => {
  let bytes = 0;
  for (const { data } of program.constants) bytes += 2 * data.length;
  for (const operator of program.operators) bytes += bytesOf(operator.dtype, countOf(operator));
  for (const { model } of segments) bytes += 2 * model.length;
  return bytes;
};

/** `program` must be well-formed (`constraints.ts`). One run at a time; callers queue. */
export const createEngine = async (program: Program, options: EngineOptions = {}): Promise<Engine> => {
  const { threads = 1, prefer = "fastest", trace = false } = options;
  const plan = planOf(program, { prefer, trace });
  const steps: Step[] = [];
  const releases: (() => Promise<void>)[] = [];
  const segments: Segment[] = [];
  const wanted = wantedOf(program, plan, trace);
  const addKernels = (group: readonly Placed[]): void => {
    for (const index of group.flatMap(({ operators }) => operators)) {
      const operator = program.operators[index] as Operator;
      // A trace hands its tensors out: they are made anew.
      steps.push(createKernelStep(program, index, trace ? undefined : allocate(operator.dtype, countOf(operator))));
    }
  };
  const addSession = async (group: readonly Placed[]): Promise<void> => {
    const leaving = group.flatMap(({ operators }) => operators).filter((index) => wanted.has(index));
    const segment = emitSegment(program, group, leaving);
    const { step, release } = await createSessionStep(program, segment, threads);
    segments.push(segment);
    steps.push(step);
    releases.push(release);
  };
  try {
    for (const group of byPhase(plan)) {
      if (group[0]?.device === "kernels") addKernels(group);
      else await addSession(group);
    }
  } catch (error) {
    for (const release of releases) await release();
    throw error;
  }
  const readInputs = createInputReader(program);
  const lock = createLock();
  let stopped: Promise<void> | undefined;

  /** Runs accepted before `stop` end. `finish` reads the tensors before the next run may write them. */
  const execute = async <T>(
    input: Bytes,
    finish: (tensors: (TensorData | undefined)[]) => T,
  ): Promise<T | undefined> => {
    if (stopped !== undefined) throw new CodedError<EngineErrorCode>("ENGINE_STOPPED", "the engine is stopped");
    return lock(async () => {
      const tensors: (TensorData | undefined)[] = new Array(program.operators.length).fill(undefined);
      const inputs = readInputs(input);
      if (inputs === undefined) return undefined;
      for (const [index, tensor] of inputs.entries()) tensors[index] = tensor;
      try {
        for (const step of steps) {
          const pending = step({ tensors });
          if (pending !== undefined) await pending;
        }
      } catch (error) {
        throw new CodedError<EngineErrorCode>("ENGINE_FAILED", `a kernel failed: ${messageOf(error)}`, {}, error);
      }
      return finish(tensors);
    });
  };

  return {
    bytes: bytesHeld(program, segments),
    sessions: segments.length,
    devices: new Map(plan.flatMap((unit) => unit.operators.map((index) => [index, unit.device] as const))),
    run: (input) => execute(input, (tensors) => packOutputs(program, tensors)),
    async runAll(input) {
      if (!trace) throw new RangeError("this engine keeps no trace");
      return execute(input, (tensors) => tensors.map((tensor) => unsignZeros(tensor as TensorData)));
    },
    stop() {
      stopped ??= lock(async () => {
        for (const release of releases) await release();
      });
      return stopped;
    },
  };
};
