import { readdirSync } from "node:fs";
import { join } from "node:path";
import { IMPORT_CONSTRAINTS, messageOf, SUPPORTED_OPERATORS } from "../../executor/index.ts";
import {
  type Comparison,
  compare,
  importFor,
  type ModelFile,
  readDataSets,
  readModel,
  type Tolerance,
} from "./onnx-case.ts";
import type { Exclusion, Suite, SuiteOptions, SuiteResult } from "./suite.ts";

/** ONNX's own operator tests: each model is imported and matches, or is refused by a numbered constraint. */

/** FLOAT, UINT8, INT8, INT32, INT64, BOOL. */
const ALLOWED_TYPES = new Set([1, 2, 3, 6, 7, 9]);
/** Of the cases whose operators and types are supported, as many must match. */
const GOAL = 0.9;

/** Operators whose float results are not the correctly rounded ones of their definition, and by how much. */
const APPROXIMATE: Tolerance = { absolute: 2e-6, relative: 2e-5 };
const EXACT: Tolerance = { absolute: 0, relative: 0 };
const APPROXIMATE_OPERATORS = new Set(
  (
    "AveragePool BatchNormalization Celu Cos Cosh Elu Erf Exp Gelu GlobalAveragePool HardSigmoid HardSwish Log LogSoftmax " +
    "Mean Mish Pow ReduceL1 ReduceL2 ReduceLogSum ReduceMean ReduceProd ReduceSum ReduceSumSquare Resize Selu Sigmoid Sin " +
    "Softmax Softplus Softsign Swish Tanh Range Sqrt Reciprocal Div"
  ).split(" "),
);

const toleranceOf = ({ operators, elementTypes }: ModelFile): Tolerance =>
  elementTypes.includes(1) && operators.some((operator) => APPROXIMATE_OPERATORS.has(operator)) ? APPROXIMATE : EXACT;

const isNumbered = (constraint: string): boolean =>
  constraint in IMPORT_CONSTRAINTS || /^C([1-9]|1[0-7])$/.test(constraint);

export type CaseResult =
  | { readonly kind: "matched"; readonly comparison: Comparison }
  | { readonly kind: "wrong"; readonly reason: string }
  | { readonly kind: "refused"; readonly constraint: string; readonly reason: string };

/** One case; never throws for what is in the files. */
const runCase = async (directory: string, model: ModelFile): Promise<CaseResult> => {
  const sets = readDataSets(directory);
  const outcome = importFor(model, sets);
  if (outcome.kind === "refused") {
    const [first] = outcome.refusals;
    const odd = outcome.refusals.find(({ constraint }) => !isNumbered(constraint));
    if (first === undefined || odd !== undefined) return { kind: "wrong", reason: "refused without a constraint" };
    return {
      kind: "refused",
      constraint: first.constraint,
      reason: `${first.operator} ${first.node}: ${first.reason}`,
    };
  }
  if (sets.length === 0) return { kind: "wrong", reason: "imported, but its data are no tensors" };
  const comparison = await compare(model, outcome, sets, toleranceOf(model));
  if (comparison.fault === "the input is refused")
    return { kind: "refused", constraint: "C9", reason: "the data hold a NaN or an infinity" };
  if (comparison.fault !== "") return { kind: "wrong", reason: comparison.fault };
  return comparison.within ? { kind: "matched", comparison } : { kind: "wrong", reason: `off by ${comparison.worst}` };
};

type Tally = { matched: number; refused: number; wrong: number };

const bump = (tallies: Map<string, Tally>, keys: readonly string[], field: keyof Tally): void => {
  for (const key of keys) {
    const tally = tallies.get(key) ?? { matched: 0, refused: 0, wrong: 0 };
    tally[field]++;
    tallies.set(key, tally);
  }
};

const casesIn = (directory: string, { filter }: SuiteOptions): string[] =>
  readdirSync(directory)
    .filter((name) => name.startsWith("test_") && name.includes(filter ?? ""))
    .sort();

const run = async (directory: string, options: SuiteOptions): Promise<SuiteResult> => {
  const failures: Exclusion[] = [];
  const exclusions: Exclusion[] = [];
  const byOperator = new Map<string, Tally>();
  const byConstraint = new Map<string, Tally>();
  const notes: string[] = [];
  let matched = 0;
  let exact = 0;
  let listed = 0;
  let listedMatched = 0;
  for (const folder of ["cases", "negative"]) {
    let accepted = 0;
    const names = casesIn(join(directory, folder), options);
    for (const name of names) {
      const path = join(directory, folder, name);
      let model: ModelFile;
      let result: CaseResult;
      try {
        model = readModel(path);
        result = await runCase(path, model);
      } catch (error) {
        failures.push({ name, reason: `threw ${messageOf(error)}` });
        continue;
      }
      const supported = model.operators.every((operator) => SUPPORTED_OPERATORS.includes(operator));
      const allowed = model.elementTypes.every((type) => ALLOWED_TYPES.has(type));
      const counts = folder === "cases" && supported && allowed;
      if (counts) listed++;
      if (result.kind === "matched") {
        accepted++;
        matched++;
        if (result.comparison.exact) exact++;
        if (counts) listedMatched++;
        bump(byOperator, model.operators, "matched");
      } else if (result.kind === "refused") {
        exclusions.push({ name, reason: `[${result.constraint}] ${result.reason}` });
        bump(byConstraint, [result.constraint], "refused");
        if (counts) bump(byOperator, model.operators, "refused");
      } else {
        failures.push({ name, reason: result.reason });
        bump(byOperator, model.operators, "wrong");
      }
    }
    notes.push(`${folder}: ${accepted} of ${names.length} match`);
  }
  const operators = [...byOperator].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [operator, { matched: good, refused, wrong }] of operators)
    if (SUPPORTED_OPERATORS.includes(operator))
      notes.push(`${operator}: ${good} of ${good + refused + wrong}${wrong > 0 ? `, ${wrong} wrong` : ""}`);
  const constraints = [...byConstraint].sort(([a], [b]) => (a < b ? -1 : 1));
  notes.push(`refusals: ${constraints.map(([constraint, { refused }]) => `${constraint} ${refused}`).join(", ")}`);
  notes.push(`bit for bit: ${exact} of ${matched} matches`);
  const share = listed === 0 ? 1 : listedMatched / listed;
  notes.push(`operators and types supported: ${listedMatched} of ${listed} match (${(100 * share).toFixed(1)} %)`);
  if (share < GOAL) failures.push({ name: "supported operators", reason: `${listedMatched} of ${listed} match` });
  return { passed: matched, failures, exclusions, notes };
};

export const onnxSuite: Suite = { name: "onnx", folder: "onnx-node", run };
