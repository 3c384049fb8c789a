import {
  afterInference,
  type Bytes,
  ceilLog2,
  concat,
  countOf,
  DTYPES,
  elementHeight,
  type InferenceCall,
  identityOf,
  keccak256,
  type Openings,
  type Operator,
  openOperator,
  operatorLeaf,
  paddedBytes,
  paddedNodes,
  proveStep,
  type Source,
  type TensorTree,
  uintBE,
} from "../../executor/index.ts";
import { createTensorTrace } from "./tensor-trace.ts";
import { LEVEL, type LeafKind, noTreeBelow, type Trace } from "./trace.ts";

const keyOf = ({ constant, index }: Source): string => `${constant} ${index}`;

/**
 * Level 2: the operators' outputs in order, then the machine after the call, then padding. `call`: the machine that is
 * about to make it; `openings`: of the run that it asks for.
 */
export const createInferenceTrace = (call: InferenceCall, openings: Openings): Trace => {
  const { program, roots } = openings;
  const { operators } = program;
  const finish = operators.length;
  const height = ceilLog2(finish + 1);
  const operatorLeaves = roots.map((root, index) => operatorLeaf(index, root));
  const start = keccak256(call.state);
  const after = keccak256(afterInference(call, openings.output));
  const nodes = paddedNodes(concat(...operatorLeaves, after), height);
  const evidenceOfCall = concat(call.state, call.rest, call.registers, identityOf(program).preimage);
  const operatorAt = (index: number): Operator => operators[index] as Operator;

  const recordOf = (index: number): Bytes => {
    const { record, path } = openOperator(program, index);
    return concat(uintBE(record.length, 2), record, ...path);
  };
  /** Siblings of a leaf in the complete subtree left of the finish that holds it. */
  const pathLeftOfFinish = (index: number): Bytes[] => {
    const size = 31 - Math.clz32(finish ^ index);
    return Array.from({ length: size }, (_, h) => nodes.node(h, Math.floor(index / 2 ** h) ^ 1));
  };
  const evidenceOfFinish = (): Bytes => {
    let at = 0;
    const tensors = program.outputs.map((index) => {
      const operator = operatorAt(index);
      const length = paddedBytes(operator.dtype, countOf(operator));
      const words = openings.output.subarray(at, at + length);
      at += length;
      return concat(recordOf(index), words, ...pathLeftOfFinish(index));
    });
    return concat(identityOf(program).outputs, ...tensors);
  };

  const proveElement = async (index: number, position: number): Promise<Bytes> => {
    const trees = new Map<string, TensorTree>();
    if (position < countOf(operatorAt(index)))
      for (const { source } of operatorAt(index).operands) trees.set(keyOf(source), await openings.tree(source));
    const tensor = (source: Source): TensorTree => trees.get(keyOf(source)) as TensorTree;
    return proveStep({ program, call, tensor, operatorLeaves }, index, position).evidence;
  };

  return {
    level: LEVEL.inference,
    height,
    start,
    node: async (h, index) => nodes.node(h, index),
    pre: async (position) => (position === 0 ? start : nodes.node(0, position - 1)),
    async leafKind(position): Promise<LeafKind> {
      if (position >= finish) return { kind: "prove" };
      const operator = operatorAt(position);
      return {
        kind: "descend",
        level: LEVEL.tensor + DTYPES[operator.dtype].wordExponent,
        height: elementHeight(operator.dtype, countOf(operator)),
      };
    },
    async evidence(position) {
      if (position < finish) return concat(evidenceOfCall, recordOf(position));
      return position === finish ? concat(evidenceOfCall, evidenceOfFinish()) : evidenceOfCall;
    },
    async below(index) {
      if (index >= finish) throw noTreeBelow(LEVEL.inference, index);
      const tree = () => openings.tree({ constant: false, index });
      const { height, wordHeight } = await tree();
      return createTensorTrace({ height, wordHeight, tree, prove: (position) => proveElement(index, position) });
    },
  };
};
