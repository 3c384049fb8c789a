import { ceilLog2 } from "../foundation/merkle.ts";
import { MAX_OPENING_BYTES, MAX_READS, MAX_RUNS, openingBytes, product, walkedRuns } from "./address.ts";
import { spend } from "./budget.ts";
import { operatorRecordBytes } from "./codec.ts";
import { type Constraint, eachOperand, eachOperator, type Finding, finding, firstFinding } from "./constraint.ts";
import { constantData, paddedBytes } from "./elements.ts";
import { programGas } from "./gas.ts";
import { contains, isFault, lies } from "./interval.ts";
import { deadOutput, looseReachOf, reachOf } from "./liveness.ts";
import { countOf, DTYPES, type Operator, type OperatorOf, type Program } from "./program.ts";
import {
  IMMEDIATE_SOURCE,
  immediateOf,
  instructionOf,
  OPERAND_SOURCE,
  type ScalarType,
  scalarTypeOf,
} from "./scalar.ts";

/** C6 to C17: what a program does. They hold for programs that keep C1 to C5. */

const addresses: Constraint["check"] = eachOperand((operand, operator, place, { budget }) => {
  const span = operator.kind === "GATHER" && place.operand === 1 ? operator.step * (operator.num - 1) : 0;
  const below = Math.min(span, 0);
  const above = Math.max(span, 0);
  const loose = looseReachOf(operator, operand);
  if (loose.lo + below >= 0 && loose.hi + above < operand.count) return undefined;
  const reach = reachOf(operator, operand, budget);
  if (reach === undefined) return finding("the guards couple too many digits to be judged");
  if (!reach.live) return undefined;
  if (reach.lo + below < 0)
    return finding("a live address lies before the tensor", { ...reach.loAt, address: reach.lo + below });
  if (reach.hi + above >= operand.count)
    return finding("a live address lies behind the tensor", { ...reach.hiAt, address: reach.hi + above });
  return undefined;
});

/** C13: walks a body's types; the type of the last result. */
const typeBody = (operator: OperatorOf<"MAP">): ScalarType | Finding => {
  const types: ScalarType[] = [];
  for (const [instruction, { op, a, b, c, imm }] of operator.instructions.entries()) {
    const spec = instructionOf(op);
    if (spec === undefined) return finding(`no instruction has code ${op}`, { instruction });
    let immediate = false;
    for (const [place, source] of [a, b, c].entries()) {
      const wanted = spec.operands[place];
      if (wanted === undefined) {
        if (source !== 0) return finding("an unused source is 0", { instruction, place });
        continue;
      }
      if (source === IMMEDIATE_SOURCE) {
        immediate = true;
        if (!Number.isFinite(immediateOf(wanted, imm))) return finding("an immediate is finite", { instruction });
        continue;
      }
      const operand = operator.operands[source - OPERAND_SOURCE];
      const given = source >= OPERAND_SOURCE ? operand && scalarTypeOf(operand.dtype) : types[source];
      if (given === undefined) return finding(`no source ${source}`, { instruction, place });
      if (given !== wanted) return finding(`${spec.name} takes ${wanted}, not ${given}`, { instruction, place });
    }
    if (!immediate && imm !== 0) return finding("an unused immediate is 0", { instruction });
    types.push(spec.result);
  }
  return types[types.length - 1] as ScalarType;
};

const declared: Constraint["check"] = eachOperator((operator, index, { bounded }) => {
  if (!lies(operator.dtype, operator.interval)) return finding("the declared interval is not one of the dtype");
  if (operator.kind === "MOVE" && !lies(operator.dtype, { lo: operator.fill, hi: operator.fill }))
    return finding("fill is not a value of the dtype");
  const computed = bounded(index);
  if (isFault(computed)) return computed.constraint === "C9" ? finding(computed.message, computed.data) : undefined;
  return contains(operator.interval, computed.interval)
    ? undefined
    : finding("the declared interval does not contain the computed one", { computed: computed.interval });
});

const accumulators: Constraint["check"] = eachOperator((operator, index, { bounded }) => {
  if (operator.kind !== "CONTRACT") return undefined;
  for (const [j, zero] of [operator.za, operator.zw].entries()) {
    const { lo, hi } = DTYPES[operator.operands[j]?.dtype ?? "u8"];
    if (zero < lo || zero > hi) return finding("a zero point lies in the operand's dtype", { operand: j });
  }
  const computed = bounded(index);
  return isFault(computed) && computed.constraint === "C10" ? finding(computed.message, computed.data) : undefined;
});

const liveOutputs: Constraint["check"] = eachOperator((operator, _, { budget }) => {
  const [x] = operator.operands;
  if (operator.kind !== "REDUCE" || x === undefined || x.guards.length === 0) return undefined;
  const dead = deadOutput(operator, x, budget);
  if (dead === undefined) return finding("the guards couple too many digits to be judged");
  return dead === "none" ? undefined : finding("an output has no live read", { i: dead });
});

const ranks = (operator: Operator): Finding | undefined => {
  const A = operator.output.length;
  if (operator.kind === "TOPK") {
    if ((operator.output[A - 1] as number) > product(operator.reduction))
      return finding("more ranks than elements in a row");
    if (operator.operands[0]?.stride[A - 1] !== 0) return finding("a row does not depend on the rank");
  }
  const bias = operator.kind === "CONTRACT" ? operator.operands[2] : undefined;
  if (bias !== undefined) {
    if (bias.dtype !== "i32") return finding("a bias is i32", { operand: 2 });
    if (bias.stride.slice(A).some((s) => s !== 0)) return finding("a bias does not depend on r", { operand: 2 });
  }
  return undefined;
};

/** Bytes that open all outputs: of each its record, its words, and the paths of both. */
const finishBytes = ({ outputs, operators }: Program): number => {
  const paths = 2 * 32 * ceilLog2(operators.length + 1);
  return outputs.reduce((sum, index) => {
    const operator = operators[index] as Operator;
    return sum + 2 + operatorRecordBytes(operator) + paddedBytes(operator.dtype, countOf(operator)) + paths;
  }, 0);
};

const constantsHold: Constraint["check"] = ({ program, budget }) =>
  firstFinding(program.constants, (constant, index) => {
    const { dtype, interval } = constant;
    if (!lies(dtype, interval)) return finding("the interval is not one of the dtype", { constant: index });
    if (!spend(budget, constant.count)) return finding("the constants are too large to be judged", { constant: index });
    const { lo, hi } = interval;
    const data = constantData(constant);
    for (let i = 0; i < data.length; i++) {
      const v = data[i] as number;
      if (!(v >= lo && v <= hi) || (v === 0 && Object.is(v, -0)))
        return finding(`element ${i} is ${v}`, { constant: index, element: i });
    }
    return undefined;
  });

export const CONSTRAINTS_OF_MEANING: readonly Constraint[] = [
  {
    id: "C6",
    sentence: "Wherever an access is live, its address lies in the tensor.",
    rationale: "Every read has an opening; one point (i, r) refutes it.",
    stage: 5,
    check: addresses,
  },
  {
    id: "C7",
    sentence: "One element reads at most 4,096 points of its reduction, in at most 1,536 runs.",
    rationale: "One element is proven in one call.",
    stage: 5,
    check: eachOperator((operator) => {
      const reads = product(operator.reduction);
      if (reads > MAX_READS) return finding(`${reads} reads an element`, { reads });
      const runs = walkedRuns(operator);
      return runs <= MAX_RUNS ? undefined : finding(`${runs} runs an element`, { runs });
    }),
  },
  {
    id: "C8",
    sentence: "The openings of one element sum to at most 98,304 bytes.",
    rationale: "A proof with its paths fits a transaction of 128 KiB.",
    stage: 5,
    check: eachOperator((operator) => {
      const bytes = operator.operands.reduce((sum, operand) => sum + openingBytes(operand, operator), 0);
      return bytes <= MAX_OPENING_BYTES ? undefined : finding(`openings of ${bytes} bytes`, { bytes });
    }),
  },
  {
    id: "C9",
    sentence: "Computed intervals stay exact and finite, and lie in the declared ones, which lie in the dtype.",
    rationale: "No value wraps, no NaN or infinity comes up, whatever the input.",
    stage: 6,
    check: declared,
  },
  {
    id: "C10",
    sentence: "Every row's |bias| + sum |w - zw| * max|a - za| is below 2^31; zero points lie in the operands' dtypes.",
    rationale: "Accumulators of 32 bits are exact in every order of summation.",
    stage: 6,
    check: accumulators,
  },
  {
    id: "C11",
    sentence: "Every output of a REDUCE has a live read.",
    rationale: "An empty fold has no value.",
    stage: 5,
    check: liveOutputs,
  },
  {
    id: "C12",
    sentence: "TOPK's ranks fit its row and do not move it; CONTRACT's bias is i32 and does not move with r.",
    rationale: "One row, one bias an output.",
    stage: 5,
    check: eachOperator(ranks),
  },
  {
    id: "C13",
    sentence: "In a MAP sources exist, types match, unused fields are 0 and the last type is the output's.",
    rationale: "Straight-line programs run without a check.",
    stage: 5,
    check: eachOperator((operator) => {
      if (operator.kind !== "MAP") return undefined;
      const type = typeBody(operator);
      if (typeof type !== "string") return type;
      return type === scalarTypeOf(operator.dtype) ? undefined : finding(`the result is ${type}`);
    }),
  },
  {
    id: "C14",
    sentence: "Constants lie in their intervals and hold no -0, NaN, infinity or integer of 2^53.",
    rationale: "What is read from a constant is a value.",
    stage: 5,
    check: constantsHold,
  },
  {
    id: "C15",
    sentence: "The header's gas is what operators, records and constants weigh.",
    rationale: "A call knows its price without the program.",
    stage: 5,
    check: ({ program }) => {
      const gas = programGas(program);
      return gas === program.gas && gas < 2 ** 53 ? undefined : finding(`the program weighs ${gas}`, { gas });
    },
  },
  {
    id: "C16",
    sentence: "Outputs are operators, ascending, not repeated; 98,304 bytes open all of them.",
    rationale: "One set of outputs has one encoding, and the packed output is proven in one call.",
    stage: 5,
    check: ({ program }) => {
      const { outputs, operators } = program;
      const unordered = firstFinding(outputs, (operator, place) =>
        operator < operators.length && (place === 0 || operator > (outputs[place - 1] as number))
          ? undefined
          : finding("outputs ascend", { output: place }),
      );
      if (unordered !== undefined) return unordered;
      const bytes = finishBytes(program);
      return bytes <= MAX_OPENING_BYTES ? undefined : finding(`outputs are opened by ${bytes} bytes`, { bytes });
    },
  },
  {
    id: "C17",
    sentence: "Every operator that is neither INPUT nor output has a reader.",
    rationale: "No dead weight.",
    stage: 5,
    check: ({ program: { outputs, operators } }) => {
      const read = new Set<number>(outputs);
      for (const { operands } of operators)
        for (const { source } of operands) if (!source.constant) read.add(source.index);
      return firstFinding(operators, ({ kind }, operator) =>
        kind === "INPUT" || read.has(operator) ? undefined : finding("nothing reads it", { operator }),
      );
    },
  },
];
