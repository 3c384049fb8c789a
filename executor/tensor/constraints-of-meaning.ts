import { ceilLog2 } from "../foundation/merkle.ts";
import { MAX_OPENING_BYTES, MAX_READS, MAX_RUNS, openingBytes, product, walkedRuns } from "./address.ts";
import { operatorRecordBytes } from "./codec.ts";
import { type Constraint, type Finding, finding, type Header, type Named, type OperatorPlace } from "./constraint.ts";
import { paddedBytes } from "./elements.ts";
import { contains, isFault, lies, operatorInterval } from "./interval.ts";
import { type Constant, countOf, DTYPES, type Operator, type OperatorOf } from "./program.ts";
import {
  IMMEDIATE_SOURCE,
  immediateOf,
  instructionOf,
  OPERAND_SOURCE,
  type ScalarType,
  scalarTypeOf,
} from "./scalar.ts";

/** C7 to C16: what a record does that keeps C1 to C5. */

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

const computedOf = (operator: Operator, { named }: OperatorPlace) =>
  operatorInterval(operator, (j) => (named(j) as Named).interval);

const declared = (operator: Operator, place: OperatorPlace): Finding | undefined => {
  if (!lies(operator.dtype, operator.interval)) return finding("the declared interval is not one of the dtype");
  if (operator.kind === "MOVE" && !lies(operator.dtype, { lo: operator.fill, hi: operator.fill }))
    return finding("fill is not a value of the dtype");
  const computed = computedOf(operator, place);
  if (isFault(computed)) return computed.constraint === "C9" ? finding(computed.message, computed.data) : undefined;
  return contains(operator.interval, computed.interval)
    ? undefined
    : finding("the declared interval does not contain the computed one", { computed: computed.interval });
};

const accumulators = (operator: Operator, place: OperatorPlace): Finding | undefined => {
  if (operator.kind !== "CONTRACT") return undefined;
  for (const [j, zero] of [operator.za, operator.zw].entries()) {
    const { lo, hi } = DTYPES[operator.operands[j]?.dtype ?? "u8"];
    if (zero < lo || zero > hi) return finding("a zero point lies in the operand's dtype", { operand: j });
  }
  const computed = computedOf(operator, place);
  return isFault(computed) && computed.constraint === "C10" ? finding(computed.message, computed.data) : undefined;
};

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

/** Bytes that open one output: its record, its words, and the paths of both. */
export const outputBytes = ({ operators }: Header, operator: Operator): number =>
  2 + operatorRecordBytes(operator) + paddedBytes(operator.dtype, countOf(operator)) + 64 * ceilLog2(operators + 1);

const isByte = (dtype: Constant["dtype"]): boolean => dtype === "u8" || dtype === "i8";

/** What a constant declares; its data are never looked at. */
const constantInterval = ({ dtype, interval }: Constant): Finding | undefined => {
  if (!lies(dtype, interval)) return finding("the interval is not one of the dtype");
  const { lo, hi } = DTYPES[dtype];
  return isByte(dtype) && (interval.lo !== lo || interval.hi !== hi)
    ? finding("a constant of bytes declares its dtype's whole range")
    : undefined;
};

export const CONSTRAINTS_OF_MEANING: readonly Constraint[] = [
  {
    id: "C7",
    sentence: "One element reads at most 4,096 points of its reduction, in at most 1,536 runs.",
    rationale: "One element is proven in one call.",
    operator: (operator) => {
      const reads = product(operator.reduction);
      if (reads > MAX_READS) return finding(`${reads} reads an element`, { reads });
      const runs = walkedRuns(operator);
      return runs <= MAX_RUNS ? undefined : finding(`${runs} runs an element`, { runs });
    },
  },
  {
    id: "C8",
    sentence: "The openings of one element sum to at most 98,304 bytes.",
    rationale: "A proof with its paths fits a transaction of 128 KiB.",
    operator: (operator) => {
      const bytes = operator.operands.reduce((sum, operand) => sum + openingBytes(operand, operator), 0);
      return bytes <= MAX_OPENING_BYTES ? undefined : finding(`openings of ${bytes} bytes`, { bytes });
    },
  },
  {
    id: "C9",
    sentence: "Computed intervals stay exact and finite, and lie in the declared ones, which lie in the dtype.",
    rationale: "No value wraps, no NaN or infinity comes up, whatever the input.",
    operator: declared,
  },
  {
    id: "C10",
    sentence: "max|bias| + reads * max|a - za| * max|w - zw| is below 2^31; zero points lie in the operands' dtypes.",
    rationale: "Accumulators of 32 bits are exact in every order of summation.",
    operator: accumulators,
  },
  {
    id: "C12",
    sentence: "TOPK's ranks fit its row and do not move it; CONTRACT's bias is i32 and does not move with r.",
    rationale: "One row, one bias an output.",
    operator: ranks,
  },
  {
    id: "C13",
    sentence: "In a MAP sources exist, types match, unused fields are 0 and the last type is the output's.",
    rationale: "Straight-line programs run without a check.",
    operator: (operator) => {
      if (operator.kind !== "MAP") return undefined;
      const type = typeBody(operator);
      if (typeof type !== "string") return type;
      return type === scalarTypeOf(operator.dtype) ? undefined : finding(`the result is ${type}`);
    },
  },
  {
    id: "C14",
    sentence: "A constant's interval is one of its dtype; of u8 and i8 it is the whole range.",
    rationale: "What is read from a constant is a value, whatever its bytes.",
    constant: constantInterval,
  },
  {
    id: "C15",
    sentence: "The header's gas is what operators, records and constants weigh.",
    rationale: "A call knows its price without the program.",
    end: ({ gas }, { weight }) =>
      gas === weight && gas < 2 ** 53 ? undefined : finding(`the program weighs ${weight}`, { gas: weight }),
  },
  {
    id: "C16",
    sentence: "Outputs are operators, ascending, not repeated; 98,304 bytes open all of them.",
    rationale: "One set of outputs has one encoding, and the packed output is proven in one call.",
    output: (index, { header, sums, operator }) => {
      if (operator === undefined || index <= sums.lastOutput) return finding("outputs ascend");
      const bytes = sums.outputBytes + outputBytes(header, operator);
      return bytes <= MAX_OPENING_BYTES ? undefined : finding(`outputs are opened by ${bytes} bytes`, { bytes });
    },
  },
];
