import { EVM, EVMError } from "@ethereumjs/evm";
import type { Bytes } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import type { Pace } from "../foundation/pace.ts";
import { GAS_HANDLERS, type GasState } from "./gas.ts";

export type EngineErrorCode =
  /** @ethereumjs/evm is not the version that the rules were pinned to. Install with npm ci. */
  "ENGINE_LIBRARY_CHANGED";

type Opcode = {
  readonly opcodeInfo: { readonly feeBigInt: bigint; readonly dynamicGas: boolean; readonly isInvalid: boolean };
  readonly opHandler: (state: RunState, common: unknown) => unknown;
  readonly gasHandler: (state: RunState, gas: bigint, common: unknown) => bigint | Promise<bigint>;
};

type RunState = GasState & {
  programCounter: number;
  opCode: number;
  code: Bytes;
  gasLeft: bigint;
  readonly gasRefund: bigint;
  validJumps: Bytes;
  cachedPushes: (bigint | undefined)[];
  shouldDoJumpAnalysis: boolean;
};

/** Where a code may jump to, and what its pushes have pushed: filled as they run. */
type Analysis = { readonly jumps: Bytes; readonly pushes: (bigint | undefined)[] };

/** The library's interpreter: what of it the loop below relies on. */
type InterpreterFace = {
  _runState: RunState;
  readonly _evm: { readonly _opcodeMap: readonly Opcode[]; readonly pace?: Pace | undefined };
  readonly common: unknown;
  readonly _env: unknown;
  readonly _result: Record<string, unknown>;
  run(code: Bytes, options?: { pc?: number }): Promise<InterpreterResult>;
};
type InterpreterResult = { readonly runState: RunState; readonly exceptionError: EVMError | undefined };
export type InterpreterClass = new (...parameters: unknown[]) => InterpreterFace;

/** The library does not export its interpreter: one run of one opcode gives an instance of it. */
const libraryInterpreter = async (): Promise<InterpreterClass> => {
  const { createEVM } = await import("@ethereumjs/evm");
  const evm = await createEVM();
  const { runState } = await evm.runCode({ code: Uint8Array.of(0x5f) });
  return (runState as unknown as { interpreter: { constructor: InterpreterClass } }).interpreter.constructor;
};

/** Names that the library keeps to itself and this engine uses: on the interpreter, its prototype, its state, the machine. */
export const PRIVATE_NAMES = {
  interpreter: ["_runState", "_evm", "common", "_env", "_result"],
  prototype: ["run", "_baseCall", "create"],
  state: [
    "programCounter",
    "opCode",
    "code",
    "gasLeft",
    "validJumps",
    "cachedPushes",
    "shouldDoJumpAnalysis",
    "memoryWordCount",
    "highestMemCost",
    "stack",
  ],
  stack: ["_store", "_len"],
  machine: ["_opcodeMap", "_block", "_tx", "_optsCached", "performanceLogger"],
  machinePrototype: ["_loadCode", "runInterpreter", "runPrecompile", "_executeCall", "_executeCreate"],
} as const;

/** Opcodes between two looks at the clock, where there is a pace. */
const STRIDE = 64;

const analyses = new WeakMap<Bytes, Analysis>();

/** A few microseconds for the longest code: a call pays 100 gas, whether the code was seen before or not. */
const analyse = (code: Bytes): Analysis => {
  const { length } = code;
  const jumps = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const opcode = code[i] as number;
    if (opcode === 0x5b) jumps[i] = 1;
    else if (opcode >= 0x60 && opcode <= 0x7f) i += opcode - 0x5f;
  }
  return { jumps, pushes: new Array<bigint | undefined>(length) };
};

const isEvmError = (error: unknown): error is EVMError =>
  typeof error === "object" && error !== null && "errorType" in error && error.errorType === "EVMError";

const Library = await libraryInterpreter();

/**
 * The library's interpreter with a loop that awaits only what is a promise, gas handlers that are plain functions, and
 * the analysis of a code's jumps kept with the code. Handlers and results are the library's.
 */
export class SyncInterpreter extends Library {
  override async run(code: Bytes): Promise<InterpreterResult> {
    const state = this._runState;
    const common = this.common;
    const table = this._evm._opcodeMap;
    let analysis = analyses.get(code);
    if (analysis === undefined) {
      analysis = analyse(code);
      analyses.set(code, analysis);
    }
    state.code = code;
    state.validJumps = analysis.jumps;
    state.cachedPushes = analysis.pushes;
    state.shouldDoJumpAnalysis = false;
    const { length } = code;
    const { pace } = this._evm;
    /** Without a pace it never comes down to zero. */
    let stride = pace === undefined ? 0 : STRIDE;
    try {
      while (state.programCounter < length) {
        if (--stride === 0) {
          stride = STRIDE;
          const pause = pace?.pause();
          if (pause !== undefined) await pause;
        }
        const opcode = code[state.programCounter] as number;
        const { opcodeInfo, opHandler, gasHandler } = table[opcode] as Opcode;
        state.opCode = opcode;
        let gas = opcodeInfo.feeBigInt;
        if (opcodeInfo.dynamicGas) {
          const handler = GAS_HANDLERS.get(opcode);
          if (handler !== undefined) gas = handler(state, gas);
          else {
            const priced = gasHandler(state, gas, common);
            gas = typeof priced === "bigint" ? priced : await priced;
          }
        }
        if (opcodeInfo.isInvalid) throw new EVMError(EVMError.errorMessages.INVALID_OPCODE);
        state.gasLeft -= gas;
        if (state.gasLeft < 0n) {
          state.gasLeft = 0n;
          throw new EVMError(EVMError.errorMessages.OUT_OF_GAS);
        }
        state.programCounter++;
        const pending = opHandler(state, common);
        if (pending instanceof Promise) await pending;
      }
    } catch (error) {
      if (!isEvmError(error)) throw error;
      if (error.error !== EVMError.errorMessages.STOP) return { runState: state, exceptionError: error };
    }
    return { runState: state, exceptionError: undefined };
  }
}

/** Fails when the installed library is not the one this engine was written against. ENGINE_LIBRARY_CHANGED. */
export const assertLibrary = (machine: EVM): void => {
  const missing: string[] = [];
  const check = (what: string, object: object, names: readonly string[]) => {
    for (const name of names) if (!(name in object)) missing.push(`${what}.${name}`);
  };
  check("Interpreter.prototype", Library.prototype, PRIVATE_NAMES.prototype);
  check(
    "EVM",
    machine,
    PRIVATE_NAMES.machine.filter((name) => name !== "_block" && name !== "_tx"),
  );
  check("EVM.prototype", EVM.prototype, PRIVATE_NAMES.machinePrototype);
  if (missing.length > 0)
    throw new CodedError<EngineErrorCode>(
      "ENGINE_LIBRARY_CHANGED",
      `@ethereumjs/evm is another version than the engine expects: it lacks ${missing.join(", ")}`,
      { missing },
    );
};
