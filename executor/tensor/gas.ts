import { ceilLog2 } from "../foundation/merkle.ts";
import { product } from "./address.ts";
import { operatorRecordBytes } from "./codec.ts";
import { bytesOf } from "./elements.ts";
import { type Constant, countOf, type Operator, type Program } from "./program.ts";
import { instructionOf } from "./scalar.ts";

/** What one run costs, in units. */

const PER_PRODUCT = 1;
const PER_CONTRACT_OUTPUT = 8;
const PER_MOVE = 2;
const PER_GATHER = 8;
const PER_MAP = 2;
const PER_REDUCE_READ = 2;
const PER_TOPK_STEP = 8;
const PER_TOPK_OUTPUT = 8;
const PER_INPUT = 1;
const PER_RECORD_BYTE = 64;
const PER_CONSTANT_BYTE = 1;

/** Units of computing one operator's whole output. */
const computingGas = (operator: Operator): number => {
  const count = countOf(operator);
  const reads = product(operator.reduction);
  switch (operator.kind) {
    case "INPUT":
      return count * PER_INPUT;
    case "MOVE":
      return count * PER_MOVE;
    case "GATHER":
      return count * PER_GATHER;
    case "CONTRACT":
      return count * (reads * PER_PRODUCT + PER_CONTRACT_OUTPUT);
    case "REDUCE":
      return count * reads * PER_REDUCE_READ;
    case "TOPK": {
      const rows = count / (operator.output[operator.output.length - 1] as number);
      return rows * reads * PER_TOPK_STEP * ceilLog2(reads) + count * PER_TOPK_OUTPUT;
    }
    case "MAP": {
      let units = PER_MAP;
      for (const { op } of operator.instructions) units += instructionOf(op)?.gas ?? 1;
      return count * units;
    }
  }
};

/** Units of an operator: of computing its output, and of its record. */
export const operatorGas = (operator: Operator): number =>
  computingGas(operator) + operatorRecordBytes(operator) * PER_RECORD_BYTE;

/** Units of loading a constant. */
export const constantGas = ({ dtype, count }: Pick<Constant, "dtype" | "count">): number =>
  bytesOf(dtype, count) * PER_CONSTANT_BYTE;

/** Units of one run of the program: all operators, their records, and loading the constants. */
export const programGas = ({ operators, constants }: Pick<Program, "operators" | "constants">): number => {
  let units = 0;
  for (const constant of constants) units += constantGas(constant);
  for (const operator of operators) units += operatorGas(operator);
  return units;
};

/** A node may have to open the model for the call: whoever makes a thousand models can have each of them opened anew. */
const GAS_BASE = 20_000n;
const UNITS_PER_GAS = 64n;
const GAS_PER_WORD = 3n;

/** EVM gas of one call: `20000 + ceil(units / 64) + 3 * words(input) + 3 * words(output)`. */
export const callGas = (units: number, inputBytes: number, outputBytes: number): bigint =>
  GAS_BASE +
  (BigInt(units) + UNITS_PER_GAS - 1n) / UNITS_PER_GAS +
  GAS_PER_WORD * BigInt(Math.ceil(inputBytes / 32) + Math.ceil(outputBytes / 32));
