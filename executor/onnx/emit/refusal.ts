import { CodedError } from "../../foundation/errors.ts";
import type { OnnxErrorCode } from "./decode.ts";

/**
 * What an ONNX model must satisfy to be imported, by number; C1..C16 are the tensor program's own constraints
 * (`executor/tensor/constraints.ts`). A refusal names exactly one.
 */
export const IMPORT_CONSTRAINTS = {
  O1: "the model imports ai.onnx at opset 1 to 26 and no domain without a version",
  O2: "every operator is in the lowering table",
  O3: "run-time tensors are float32, uint8, int8, int32, int64 or bool",
  O4: "shapes are static, of rank 8 at most, without an empty tensor",
  O5: "the form of the operator (its attributes, the number of its inputs and outputs) has a lowering",
  O6: "shapes, axes, scales and zero points are known when the model is compiled",
  O7: "a sum of products runs on integers: its operands are 8-bit, or dequantised from 8 bits",
  O8: "the graph is well formed: names are defined once, nothing waits for itself, types and shapes agree",
  O9: "constants that reach the program are finite",
  O10: "the model is within the import's limits",
} as const;
export type ImportConstraint = keyof typeof IMPORT_CONSTRAINTS;
export type ProgramConstraint = `C${number}`;
export type Constraint = ImportConstraint | ProgramConstraint;

/** One reason: the node it is about (or an input, an output, the model). */
export type Refusal = {
  readonly node: string;
  readonly operator: string;
  readonly constraint: Constraint;
  readonly reason: string;
  /** O6: the inputs of the model that would have to be frozen. */
  readonly inputs?: readonly string[];
};

/** A lowering's way out; the importer adds the node and goes on to collect the other reasons. */
export const refuse = (constraint: Constraint, reason: string, tensor?: string): never => {
  throw refusal(constraint, reason, tensor);
};

export const refusal = (constraint: Constraint, reason: string, tensor?: string): CodedError<OnnxErrorCode> =>
  new CodedError("ONNX_REFUSED", reason, { constraint, ...(tensor === undefined ? {} : { tensor }) });

/** All reasons at once: `data.refusals`. */
export const refusedWith = (refusals: readonly Refusal[]): CodedError<OnnxErrorCode> =>
  new CodedError<OnnxErrorCode>(
    "ONNX_REFUSED",
    `the model cannot be lowered exactly: ${refusals
      .map(({ node, operator, constraint, reason }) => `[${constraint}] ${operator} ${node}: ${reason}`)
      .join("; ")}`,
    { refusals },
  );

/** The refusals that an import error carries. */
export const refusalsOf = (error: unknown): readonly Refusal[] =>
  error instanceof CodedError && Array.isArray(error.data["refusals"])
    ? (error.data["refusals"] as readonly Refusal[])
    : [];
