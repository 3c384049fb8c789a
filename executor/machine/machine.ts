import type { Bytes } from "../foundation/bytes.ts";
import { type ChainState, encodeChainState, hashChainState } from "../protocol/chain-state.ts";
import {
  type Answer,
  type Answers,
  createAnswers,
  type Ended,
  fault,
  type MachineRules,
  type Need,
  type UnitContext,
} from "./context.ts";
import { beginUnit, type UnitSource } from "./derive.ts";
import { nameOfStep, nameOfUnit, type StateView, viewOfChain, viewOfMachine } from "./describe.ts";
import { needOf } from "./native.ts";
import type { Precompiles } from "./precompiles.ts";
import {
  createHasher,
  encodeBlockContext,
  encodeEnvironment,
  encodeFrame,
  encodeLogs,
  encodeRegisters,
  encodeRest,
  encodeSuspended,
  encodeSweep,
  type MachineState,
} from "./state/state.ts";
import type { Tree } from "./state/tree.ts";
import type { World } from "./state/world.ts";
import { arrive, stepTransaction } from "./step.ts";

/** Preimages of the parts of a state, undefined where there is no such part. A chain state has `chain` alone. */
export type Preimages = Readonly<
  Partial<
    Record<"state" | "rest" | "frame" | "parent" | "env" | "block" | "registers" | "logs" | "sweep" | "chain", Bytes>
  >
>;

/** A place in a unit: cheap to keep, because all parts are shared. */
export type Snapshot = {
  readonly step: number;
  readonly state: Readonly<MachineState> | undefined;
  readonly context: UnitContext | undefined;
  readonly ended: Ended | undefined;
};

export type MachineComponents = {
  /** What L1 holds. */
  readonly inbox: UnitSource;
  readonly world: World;
  readonly rules: MachineRules;
  readonly precompiles: Precompiles;
  /** Of other machines as well: what is known is not asked again. */
  readonly answers?: Answers;
};

/** The chain state at which a unit stands, the state behind its root, and where both are read. */
export type UnitBegin = Pick<MachineComponents, "inbox" | "world" | "rules"> & {
  readonly chain: ChainState;
  readonly tree: Tree;
};

/** The unit at a chain state, step by step. */
export type EvmMachine = {
  /** Steps taken. */
  readonly steps: number;
  /** Set once the unit has ended: the chain state and the state tree behind its root. */
  readonly ended: Ended | undefined;
  /** The machine's state, read only; undefined before the first step and at the end. */
  readonly state: Readonly<MachineState> | undefined;
  /** What the next step needs from the model runtime, if it was not supplied yet. */
  readonly need: Need | undefined;
  supply(need: Need, answer: Answer): void;
  /** One step. MACHINE_NEEDS_ANSWER, MACHINE_DONE, MACHINE_INBOX_GAP. */
  step(): void;
  /** Hash of the state: of a chain state before the first step and at the end. */
  hash(): Bytes;
  /** The 128 bytes behind the hash of a machine state, valid until the next call; undefined for a chain state. */
  encode(): Bytes | undefined;
  preimages(): Preimages;
  /** What the unit begins with, and is read from. */
  readonly unit: UnitBegin;
  /** What the next step does, as `StepView` names it. MACHINE_DONE, MACHINE_INBOX_GAP. */
  name(): string;
  view(): StateView;
  snapshot(): Snapshot;
  restore(snapshot: Snapshot): void;
};

/**
 * The machine at the unit that begins with `chain`; `tree`: the state behind its root. Total: from every state there is
 * exactly one next, whatever the inbox holds.
 */
export const createEvmMachine = (
  { inbox, world, rules, precompiles, answers = createAnswers() }: MachineComponents,
  { chain, tree }: { readonly chain: ChainState; readonly tree: Tree },
): EvmMachine => {
  const hasher = createHasher();
  const chainPre = hashChainState(chain);
  let steps = 0;
  let state: MachineState | undefined;
  let context: UnitContext | undefined;
  let ended: Ended | undefined;

  const begin = (): void => {
    const first = beginUnit({ chain, tree, world, rules }, inbox);
    if ("chain" in first) {
      ended = first;
      return;
    }
    context = { ...rules, ...first, pre: chain, chainPre, precompiles, answers };
    state = arrive(first, { tree, world, chainPre });
  };

  const end = (result: Ended): void => {
    ended = result;
    state = undefined;
  };

  const advance = (running: MachineState, unit: UnitContext): void => {
    const last = stepTransaction(running, unit);
    if (last !== undefined) end(last);
  };

  return {
    get steps() {
      return steps;
    },
    get ended() {
      return ended;
    },
    get state() {
      return state;
    },
    get need() {
      if (state === undefined) return undefined;
      const need = needOf(state);
      return need === undefined || answers.get(need) !== undefined ? undefined : need;
    },
    supply: answers.set,
    step() {
      if (ended !== undefined) throw fault("MACHINE_DONE", "the unit has ended");
      if (state === undefined || context === undefined) begin();
      else advance(state, context);
      steps++;
    },
    hash() {
      if (state !== undefined) return hasher.hash(state);
      return ended === undefined ? chainPre : hashChainState(ended.chain);
    },
    encode: () => (state === undefined ? undefined : hasher.encode(state)),
    preimages() {
      if (state === undefined) return { chain: encodeChainState(ended?.chain ?? chain) };
      const { frame, env, registers } = state;
      return {
        state: hasher.encode(state).slice(),
        rest: encodeRest(state),
        logs: encodeLogs(state.logs),
        sweep: encodeSweep(state.sweep),
        chain: encodeChainState(chain),
        ...(frame === undefined ? {} : { frame: encodeFrame(frame) }),
        ...(frame?.parent === undefined ? {} : { parent: encodeSuspended(frame.parent) }),
        ...(env === undefined ? {} : { env: encodeEnvironment(env), block: encodeBlockContext(env.block) }),
        ...(registers === undefined ? {} : { registers: encodeRegisters(registers) }),
      };
    },
    unit: { chain, tree, world, rules, inbox },
    name() {
      if (state !== undefined) return nameOfStep(state);
      if (ended !== undefined) throw fault("MACHINE_DONE", "the unit has ended");
      const { batch } = chain.position;
      const record = inbox.record(batch);
      if (record === undefined)
        throw fault("MACHINE_INBOX_GAP", `record ${batch} has not been read from L1`, { batch });
      return nameOfUnit(chain, record, rules.parameters);
    },
    view: () => (state === undefined ? viewOfChain(ended?.chain ?? chain) : viewOfMachine(state)),
    snapshot: () => ({ step: steps, state: state === undefined ? undefined : { ...state }, context, ended }),
    restore(snapshot) {
      steps = snapshot.step;
      state = snapshot.state === undefined ? undefined : { ...snapshot.state };
      context = snapshot.context;
      ended = snapshot.ended;
    },
  };
};
