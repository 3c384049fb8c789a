import { setImmediate } from "node:timers/promises";
import type { Place } from "../../bridge/index.ts";
import {
  ADDRESS,
  ADMISSION,
  type AdmissionCall,
  type AnsweringModels,
  type BlobElement,
  type Bytes,
  type Chain,
  type ChainState,
  CodedError,
  ceilLog2,
  chainStateAt,
  concat,
  contentHashOf,
  createAnswering,
  createEvmMachine,
  createUnitTrace,
  type EvmMachine,
  encodeChainState,
  equalBytes,
  fromHex,
  type Hex,
  hashChainState,
  identityOf,
  loadPrecompiles,
  type ModelPrograms,
  machineEvidence,
  openBlobElement,
  openRun,
  openWorld,
  type PendingInference,
  type Program,
  pendingAdmission,
  pendingInference,
  supplyTo,
  TRANSACTION_GAS_CAP,
  toHex,
  type UnitSource,
  type UnitTrace,
} from "../../executor/index.ts";
import { createAdmissionTrace } from "./admission-trace.ts";
import { createInferenceTrace } from "./inference-trace.ts";
import { LEVEL, type LeafKind, noTreeBelow, type Trace } from "./trace.ts";
import { createTraceMemory, type TraceMemory } from "./trace-memory.ts";

export type ExecutionTraceErrorCode =
  /**
   * The chain says otherwise than the machine or the model's programs, so nothing is signed on such a tree. Report it:
   * two definitions differ.
   */
  "TRACE_CONTRADICTED";

/** Blobs of batches, as L1 names them. */
export type Blobs = {
  /** Versioned hashes of a record's blobs, in order. */
  hashes(record: bigint): readonly Hex[];
  /** Undefined where it is not kept. */
  blob(hash: Hex): Bytes | undefined;
};

export type ExecutionComponents = {
  readonly chain: Chain;
  readonly inbox: UnitSource;
  readonly models: AnsweringModels & ModelPrograms;
  readonly blobs: Blobs;
  /** Runs a program with all that a dispute may ask about it. */
  readonly open?: typeof openRun;
  /** Shared with other traces, of the process's; one of its own unless given. */
  readonly memory?: TraceMemory;
};

/** A unit: the state in which it begins, and where that stands. */
export type UnitPlace = { readonly pre: ChainState; readonly place: Place };

/** Steps after which other work has its turn. */
const BREATH = 4096;

const contradicted = (message: string): CodedError<ExecutionTraceErrorCode> =>
  new CodedError("TRACE_CONTRADICTED", message);

const NOT_YET: BlobElement = { value: new Uint8Array(32), commitment: new Uint8Array(48), proof: new Uint8Array(48) };

/**
 * Evidence of an ordinary step. Which elements of blobs it opens shows in a first pass, for opening one takes a sixth of a
 * second, on another thread. TRACE_CONTRADICTED for a blob that is not here, as the batch could not have been derived.
 */
const evidenceOf = async (
  machineNow: () => EvmMachine,
  { hashes, blob }: ExecutionComponents["blobs"],
): Promise<Bytes> => {
  const wanted = new Map<string, { readonly hash: Hex; readonly index: number }>();
  const keyOf = (hash: Hex, index: number) => `${hash}/${index}`;
  const blobHashes = (record: bigint) => hashes(record).map((hash) => fromHex(hash));
  const first = machineEvidence(machineNow(), {
    blobs: {
      blobHashes,
      element(bytes, index) {
        const hash = toHex(bytes);
        wanted.set(keyOf(hash, index), { hash, index });
        return NOT_YET;
      },
    },
  });
  if (first === undefined) return (machineNow().encode() as Bytes).slice();
  if (wanted.size === 0) return first;
  const opened = new Map<string, BlobElement>();
  for (const [key, { hash, index }] of wanted) {
    const bytes = blob(hash);
    if (bytes === undefined) throw contradicted(`blob ${hash} of a batch that was derived is not here`);
    opened.set(key, await openBlobElement(bytes, index));
  }
  const element = (hash: Bytes, index: number) => opened.get(keyOf(toHex(hash), index)) as BlobElement;
  return machineEvidence(machineNow(), { blobs: { blobHashes, element } }) as Bytes;
};

/** Level 1 of one unit: the states after its steps. */
const traceOf = (
  run: UnitTrace,
  {
    models,
    blobs,
    open: openProgram = openRun,
    memory,
  }: Pick<ExecutionComponents, "models" | "blobs" | "open"> & { readonly memory: TraceMemory },
): Trace => {
  /** The unit, and what is asked of it is held a while. */
  const asked = <Value>(question: () => Value): Value => {
    try {
      return question();
    } finally {
      memory.touch(run);
    }
  };
  const unit = {
    ...{ height: run.height, steps: run.steps, start: run.start, ended: run.ended },
    node: (height: number, index: number) => asked(() => run.node(height, index)),
    pre: (position: number) => asked(() => run.pre(position)),
    machineAt: (position: number) => asked(() => run.machineAt(position)),
  };

  const admissionAt = (position: number): AdmissionCall | undefined =>
    position === 0 || position >= unit.steps ? undefined : pendingAdmission(unit.machineAt(position));

  /** Undefined where the leaf is no call of a model. */
  const pendingAt = (position: number): PendingInference | undefined =>
    position === 0 || position >= unit.steps ? undefined : pendingInference(unit.machineAt(position));

  const open = async ({ call, id, input }: PendingInference, program: Program): Promise<Trace> => {
    const openings = await memory.run(() => openProgram(program, input, memory.trees));
    // INVARIANT: PRECOMPILE has judged the length, and a program takes every input of its length.
    if (openings === undefined) throw contradicted(`program ${id} refuses an input of its length`);
    return createInferenceTrace(call, openings);
  };

  return {
    level: LEVEL.execution,
    height: unit.height,
    start: unit.start,
    node: async (height, index) => unit.node(height, index),
    pre: async (position) => unit.pre(position),
    async leafKind(position): Promise<LeafKind> {
      if (admissionAt(position) !== undefined)
        return { kind: "refine", level: LEVEL.inference, height: ADMISSION.height };
      const pending = pendingAt(position);
      if (pending === undefined) return { kind: "prove" };
      const { operators } = await models.program(pending.id);
      return { kind: "refine", level: LEVEL.inference, height: ceilLog2(operators.length + 1) };
    },
    async evidence(position): Promise<Bytes> {
      if (position >= unit.steps) return encodeChainState(unit.ended.chain);
      const admission = admissionAt(position);
      if (admission !== undefined) return admission.state;
      const pending = pendingAt(position);
      if (pending === undefined) return evidenceOf(() => unit.machineAt(position), blobs);
      const { preimage } = identityOf(await models.program(pending.id));
      const { state, rest, registers } = pending.call;
      return concat(state, rest, registers, preimage);
    },
    async step(position) {
      if (position >= unit.steps) return undefined;
      const machine = unit.machineAt(position);
      const [name, before] = [machine.name(), machine.view()];
      machine.step();
      return { name, before, after: machine.view() };
    },
    async below(position) {
      const admission = admissionAt(position);
      const pending = pendingAt(position);
      const trace =
        admission !== undefined
          ? createAdmissionTrace(admission, await models.artifact(contentHashOf(admission.content)))
          : pending !== undefined
            ? await open(pending, await models.program(pending.id))
            : undefined;
      if (trace === undefined) throw noTreeBelow(LEVEL.execution, position);
      // INVARIANT: the tree of level 2 ends in the leaf above it.
      if (!equalBytes(await trace.node(0, 2 ** trace.height - 1), unit.node(0, position)))
        throw contradicted(`two runs of what stands at step ${position} differ`);
      return trace;
    },
  };
};

/**
 * Opens units of the chain, each a run of its own: the machine goes from the last place at which no block was open to the
 * unit, then through it. `height`: of the trees. STATE_PRUNED, MODEL_MISSING and what machines fail with;
 * TRACE_CONTRADICTED.
 */
export const createExecution = async (
  { memory = createTraceMemory(), ...components }: ExecutionComponents,
  height: number,
) => {
  const { chain, inbox, models } = components;
  const precompiles = await loadPrecompiles();
  const answer = createAnswering(models);
  const rules = {
    parameters: chain.parameters,
    baseFeeVault: fromHex(ADDRESS.baseFeeVault),
    gasCap: TRANSACTION_GAS_CAP,
  };
  const open = async ({ pre, place }: UnitPlace, signal: AbortSignal): Promise<UnitTrace> => {
    signal.throwIfAborted();
    const { world, tree } = openWorld(chain.ground(place.number));
    const parts = { inbox, world, rules, precompiles };
    let machine = createEvmMachine(parts, { chain: chainStateAt(chain, place.number, place.position), tree });
    for (let passed = 0; passed < place.ahead; passed++) {
      while (machine.ended === undefined) {
        await supplyTo(machine, answer);
        machine.step();
        if (machine.steps % BREATH !== 0) continue;
        await setImmediate();
        signal.throwIfAborted();
      }
      machine = createEvmMachine(parts, machine.ended);
    }
    // INVARIANT: machine and chain agree on where the unit begins, and on where it ends: both trees have that leaf.
    if (!equalBytes(machine.hash(), hashChainState(pre)))
      throw contradicted("the machine comes to another chain state");
    return createUnitTrace(machine, answer, height);
  };
  return async (unit: UnitPlace, signal: AbortSignal): Promise<Trace> =>
    traceOf(await memory.run(() => open(unit, signal)), { ...components, memory });
};
