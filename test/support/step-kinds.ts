import type { L1Source } from "../../bridge/index.ts";
import type { Trace } from "../../challenger/index.ts";
import type { StepView } from "../../executor/index.ts";

/** A step of a range's units, and what it is. */
export type Met = {
  readonly unit: number;
  readonly step: number;
  readonly view: StepView;
  /** Of the batch that the unit is in. */
  readonly medium: "calldata" | "blobs" | "forced";
};

type Is = (met: Met) => boolean;

/** By what the step is called, an instruction's immediate apart. */
const named =
  (...names: readonly string[]): Is =>
  ({ view: { name } }) =>
    names.includes(name) || names.includes(name.split(" ")[0] as string);

const numbered = (name: string, first: number, last: number): readonly string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => `${name}${first + i}`);

const resultOf = ({ view: { after } }: Met): string | undefined =>
  after.kind === "machine" ? after.result : undefined;
const ending =
  (result: string): Is =>
  ({ view: { before, name } }) =>
    name === "exit" && before.kind === "machine" && before.result === result;
const within =
  (medium: Met["medium"], is: Is): Is =>
  (met) =>
    met.medium === medium && is(met);
const both =
  (one: Is, other: Is): Is =>
  (met) =>
    one(met) && other(met);

const isPhase: Is = ({ view: { before } }) => before.kind === "machine" && before.phase !== "op";
const isRefusal: Is = ({ view: { name, after } }) => name === "decode" && after.kind === "chain";

const PRECOMPILES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 256] as const;
type Precompile = `precompile-${(typeof PRECOMPILES)[number]}`;
/** One kind for each of Ethereum's. */
const PRECOMPILE_KINDS = Object.fromEntries(
  PRECOMPILES.map((address) => [
    `precompile-${address}`,
    named(`precompile 0x${address.toString(16).padStart(2, "0")}`),
  ]),
) as Record<Precompile, Is>;

/** Kinds of steps that L1 decides, by name, and how one is told. */
export const STEP_KINDS = {
  // Derivation: a unit's first step.
  begin: named("begin"),
  end: named("end"),
  next: named("next"),
  skip: named("skip"),
  arrival: within("calldata", named("envelope")),
  "arrival-in-blobs": within("blobs", named("envelope")),
  message: within("calldata", named("message")),
  "forced-message": within("forced", named("message")),
  "forced-begin": within("forced", named("begin")),
  "end-spent": named("end-spent"),
  "skip-unpaid": named("skip-unpaid"),
  "refuse-length": named("refuse"),
  // A transaction's phases.
  load: named("load"),
  decode: both(named("decode"), (met) => !isRefusal(met)),
  "decode-refuses": isRefusal,
  access: named("access"),
  authorize: named("authorize"),
  initcode: named("initcode"),
  enter: named("enter"),
  exit: ending("success"),
  "exit-revert": ending("revert"),
  "exit-halt": ending("halt"),
  deposit: named("deposit"),
  bulk: named("bulk"),
  txend: named("txend"),
  sweep: named("sweep"),
  receipt: named("receipt"),
  ...PRECOMPILE_KINDS,
  "precompile-infer": named("precompile infer"),
  // Instructions.
  arithmetic: named("add", "mul", "sub", "div", "sdiv", "mod", "smod", "addmod", "mulmod", "exp", "signextend"),
  compare: named("lt", "gt", "slt", "sgt", "eq", "iszero"),
  bits: named("and", "or", "xor", "not", "byte", "shl", "shr", "sar", "clz"),
  environment: named(
    "address",
    "origin",
    "caller",
    "callvalue",
    "calldatasize",
    "codesize",
    "gasprice",
    "returndatasize",
  ),
  block: named(
    "coinbase",
    "timestamp",
    "number",
    "prevrandao",
    "gaslimit",
    "chainid",
    "basefee",
    "blobhash",
    "blobbasefee",
  ),
  account: named("balance", "extcodesize", "extcodehash", "selfbalance"),
  blockhash: named("blockhash"),
  calldataload: named("calldataload"),
  push: named("push0", ...numbered("push", 1, 32)),
  pop: named("pop"),
  dup: named(...numbered("dup", 1, 16)),
  swap: named(...numbered("swap", 1, 16)),
  jump: named("jump", "jumpi"),
  jumpdest: named("jumpdest", "pc", "msize", "gas"),
  memory: named("mload", "mstore", "mstore8"),
  calldatacopy: named("calldatacopy", "codecopy", "returndatacopy", "mcopy"),
  extcodecopy: named("extcodecopy"),
  keccak: named("keccak256"),
  log: named(...numbered("log", 0, 4)),
  sload: named("sload"),
  sstore: named("sstore"),
  tload: named("tload"),
  tstore: named("tstore"),
  call: named("call", "callcode"),
  delegatecall: named("delegatecall", "staticcall"),
  create: named("create", "create2"),
  selfdestruct: named("selfdestruct"),
  return: named("return"),
  revert: named("revert"),
  stop: named("stop"),
  halt: (met) => !isPhase(met) && resultOf(met) === "halt",
} as const satisfies Record<string, Is>;

export type StepKind = keyof typeof STEP_KINDS;
export const STEP_KIND_NAMES = Object.keys(STEP_KINDS) as readonly StepKind[];

/** Steps of one kind that are remembered. */
const MOST_OF_A_KIND = 64;

/** All steps of a range's units by their kind: at most so many of each. */
export const surveyOf = async (
  trace: Trace,
  { units, l1 }: { readonly units: number; readonly l1: L1Source },
): Promise<ReadonlyMap<StepKind, readonly Met[]>> => {
  const found = new Map<StepKind, Met[]>();
  for (let unit = 0; unit < units; unit++) {
    const execution = await trace.below(unit);
    let medium: Met["medium"] | undefined;
    for (let step = 0; ; step++) {
      const view = await execution.step?.(step);
      if (view === undefined) break;
      const { before } = view;
      if (before.kind === "chain") medium = l1.record(BigInt(before.batch))?.kind;
      if (medium === undefined) throw new Error("a unit's batch is not here");
      const met: Met = { unit, step, view, medium };
      for (const kind of STEP_KIND_NAMES) {
        if (!STEP_KINDS[kind](met)) continue;
        const known = found.get(kind) ?? [];
        if (known.length < MOST_OF_A_KIND) known.push(met);
        found.set(kind, known);
      }
    }
  }
  return found;
};
