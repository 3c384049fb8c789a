import type { Emitter } from "./emitter.ts";
import { type Element, type Expr, evaluateAll, isConstant, isFloat, STORED, type Value } from "./expression.ts";
import { type GraphNode, readTensor, type TensorConstant } from "./graph.ts";
import { refuse } from "./refusal.ts";

/** What a lowering sees of its node: its operands as lazy values, its attributes by name, the emitter. */
export type NodeContext = {
  readonly node: GraphNode;
  readonly emitter: Emitter;
  /** Operands as given; undefined where one is left out. */
  readonly operands: readonly (Value | undefined)[];
  has(index: number): boolean;
  /** Whether an operand is an input of the model itself. */
  isInput(index: number): boolean;
  /** Operand of a type that the profile computes with (O3). */
  value(index: number): Value;
  /** Operand of any type, as the compile-time operators take it. */
  any(index: number): Value;
  /** Elements of an operand that must be known now (O6). */
  constant(index: number): TensorConstant;
  /** The same, as integers of a shape, axes, pads ...; undefined when left out. */
  integers(index: number): number[] | undefined;
  int(name: string, fallback?: number): number;
  ints(name: string): number[] | undefined;
  float(name: string, fallback: number): number;
  floats(name: string): number[] | undefined;
  text(name: string, fallback: string): string;
  tensor(name: string): TensorConstant | undefined;
  hasAttribute(name: string): boolean;
  /** Says in the report where the program is defined and ONNX is not. */
  note(text: string): void;
};

export type Lowering = (context: NodeContext) => readonly (Value | undefined)[];
/** Operator name -> lowering. */
export type LoweringTable = Readonly<Record<string, Lowering>>;

export const tensorOf = (element: Element, shape: readonly number[], expr: Expr): Value => ({ element, shape, expr });

/** Axis -rank..rank-1 as 0..rank-1. */
export const axisOf = (axis: number, rank: number): number => {
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(positive) || positive < 0 || positive >= Math.max(rank, 1))
    return refuse("O8", `axis ${axis} of a tensor of rank ${rank}`);
  return positive;
};

const constantOf = (value: Value, name: string): TensorConstant => {
  if (!isConstant(value.expr)) return refuse("O6", `${name} is only known at run time`, name);
  return { element: value.element, shape: value.shape, data: evaluateAll(value.expr, value.shape) };
};

export const createContext = (
  node: GraphNode,
  operands: readonly (Value | undefined)[],
  emitter: Emitter,
  note: (text: string) => void,
  isInput: (name: string) => boolean,
): NodeContext => {
  const any = (index: number): Value =>
    operands[index] ?? refuse("O5", `${node.operator} without its operand ${index}`);
  const constant = (index: number): TensorConstant => constantOf(any(index), node.inputs[index] ?? "");
  const attribute = (name: string) => node.attributes.get(name);
  const checkRef = (name: string) => {
    const found = attribute(name);
    if (found !== undefined && found.refAttrName !== "") refuse("O5", `attribute ${name} refers to a function's`);
    return found;
  };
  return {
    node,
    note,
    emitter,
    operands,
    any,
    constant,
    isInput: (index) => isInput(node.inputs[index] ?? ""),
    has: (index) => operands[index] !== undefined,
    value(index) {
      const value = any(index);
      if (STORED[value.element] === undefined) refuse("O3", `operand ${index} is ${value.element}`);
      return value;
    },
    integers(index) {
      if (operands[index] === undefined) return undefined;
      const { element, data } = constant(index);
      if (isFloat(element)) refuse("O8", `operand ${index} is ${element}, not an integer`);
      return [...data];
    },
    int(name, fallback) {
      const found = checkRef(name);
      if (found !== undefined) return Number(found.i);
      return fallback ?? refuse("O8", `attribute ${name} is missing`);
    },
    ints: (name) => checkRef(name)?.ints.map(Number),
    float: (name, fallback) => checkRef(name)?.f ?? fallback,
    floats: (name) => checkRef(name)?.floats,
    text(name, fallback) {
      const found = checkRef(name);
      return found === undefined ? fallback : new TextDecoder().decode(found.s);
    },
    tensor(name) {
      const found = checkRef(name)?.t;
      return found === undefined ? undefined : readTensor(found);
    },
    hasAttribute: (name) => attribute(name) !== undefined,
  };
};
