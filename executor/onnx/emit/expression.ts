import { DTYPES, type Dtype, type Interval } from "../../tensor/program.ts";
import { codeOf, type InstructionSpec, instructionOf, type ScalarType, scalarTypeOf } from "../../tensor/scalar.ts";
import { refuse } from "./refusal.ts";

/**
 * Lazy tensors. A value is an elementwise expression over strided views of stored tensors: data movement rewrites the
 * views, arithmetic extends the expression, and one MAP (or a table) is made of it where something must be stored.
 */

/** A tensor of the program under construction: a constant, or an operator's output. */
export type Storage = {
  readonly id: number;
  readonly dtype: Dtype;
  readonly count: number;
  readonly interval: Interval;
  /** Elements, when they are known at compile time. */
  readonly constant?: ArrayLike<number>;
  /** An exact integer sum: requantising it is one fused step. */
  readonly accumulator?: boolean;
};

export type Leaf = {
  readonly kind: "leaf";
  readonly type: ScalarType;
  readonly interval: Interval;
  readonly storage: Storage;
  readonly base: number;
  readonly stride: readonly number[];
};
export type Scalar = {
  readonly kind: "scalar";
  readonly type: ScalarType;
  readonly interval: Interval;
  readonly value: number;
};
export type Apply = {
  readonly kind: "apply";
  readonly type: ScalarType;
  readonly interval: Interval;
  readonly spec: InstructionSpec;
  readonly args: readonly Expr[];
};
export type Expr = Leaf | Scalar | Apply;

export type Element =
  | "float32"
  | "uint8"
  | "int8"
  | "int32"
  | "int64"
  | "bool"
  | "uint16"
  | "int16"
  | "uint32"
  | "uint64"
  | "float16"
  | "float64";

/** How an ONNX element type is stored; types without one exist only as compile-time constants. */
export const STORED: Partial<Record<Element, Dtype>> = {
  float32: "f32",
  uint8: "u8",
  int8: "i8",
  int32: "i32",
  int64: "i64",
  bool: "u8",
};

const RANGES: Record<Element, Interval> = {
  float32: DTYPES.f32,
  float16: DTYPES.f32,
  float64: DTYPES.f32,
  uint8: DTYPES.u8,
  int8: DTYPES.i8,
  int32: DTYPES.i32,
  int64: DTYPES.i64,
  bool: { lo: 0, hi: 1 },
  uint16: { lo: 0, hi: 2 ** 16 - 1 },
  int16: { lo: -(2 ** 15), hi: 2 ** 15 - 1 },
  uint32: { lo: 0, hi: 2 ** 32 - 1 },
  uint64: { lo: 0, hi: 2 ** 53 - 1 },
};
export const rangeOf = (element: Element): Interval => RANGES[element];
export const isFloat = (element: Element): boolean => element.startsWith("float");

export type Value = {
  readonly element: Element;
  readonly shape: readonly number[];
  readonly expr: Expr;
};

export const sizeOf = (shape: readonly number[]): number => {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
};

export const intervalOfData = (data: ArrayLike<number>): Interval => {
  let lo = Number.POSITIVE_INFINITY;
  let hi = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < data.length; i++) {
    const v = data[i] as number;
    if (Number.isNaN(v)) return { lo: Number.NEGATIVE_INFINITY, hi: Number.POSITIVE_INFINITY };
    if (v < lo) lo = v;
    if (v > hi) hi = v;
  }
  return { lo: lo + 0, hi: hi + 0 };
};

export const leafOf = (storage: Storage, stride: readonly number[], base = 0): Leaf => ({
  kind: "leaf",
  type: scalarTypeOf(storage.dtype),
  interval: storage.interval,
  storage,
  base,
  stride,
});

export const scalar = (type: ScalarType, value: number): Scalar => {
  const v = (type === "F" ? Math.fround(value) : value) + 0;
  return { kind: "scalar", type, interval: { lo: v, hi: v }, value: v };
};
export const int = (value: number): Scalar => scalar("I", value);
export const float = (value: number): Scalar => scalar("F", value);

export const isConstant = (expr: Expr): boolean =>
  expr.kind === "scalar" || (expr.kind === "leaf" ? expr.storage.constant !== undefined : expr.args.every(isConstant));

/** Rewrites every view; shared subexpressions stay shared. */
export const mapLeaves = (expr: Expr, rewrite: (leaf: Leaf) => Leaf): Expr => {
  const done = new Map<Expr, Expr>();
  const visit = (node: Expr): Expr => {
    if (node.kind === "scalar") return node;
    const known = done.get(node);
    if (known !== undefined) return known;
    const out: Expr = node.kind === "leaf" ? rewrite(node) : { ...node, args: node.args.map(visit) };
    done.set(node, out);
    return out;
  };
  return visit(expr);
};

/** The expression over other leaves, its bounds computed anew. */
export const rebuild = (expr: Expr, replace: (leaf: Leaf) => Expr): Expr => {
  const done = new Map<Expr, Expr>();
  const visit = (node: Expr): Expr => {
    if (node.kind === "scalar") return node;
    let out = done.get(node);
    if (out === undefined) {
      out = node.kind === "leaf" ? replace(node) : apply(node.spec.name, ...node.args.map(visit));
      done.set(node, out);
    }
    return out;
  };
  return visit(expr);
};

/** What an expression does to its one view, as a key; undefined when it reads several. */
export const wrappingOf = (expr: Expr): { readonly key: string; readonly leaf: Leaf } | undefined => {
  const leaves = leavesOf(expr);
  const [leaf] = leaves;
  if (leaf === undefined || leaves.length > 1) return undefined;
  const nodes = nodesOf(expr);
  const key = nodes.map((node) => {
    if (node.kind === "leaf") return node.storage.dtype;
    if (node.kind === "scalar") return `${node.type}${node.value}`;
    return `${node.spec.name}(${node.args.map((arg) => nodes.indexOf(arg))})`;
  });
  return { key: key.join(";"), leaf };
};

/** Distinct nodes below and including `expr`, arguments first. */
export const nodesOf = (expr: Expr): Expr[] => {
  const seen = new Set<Expr>();
  const visit = (node: Expr): void => {
    if (seen.has(node)) return;
    if (node.kind === "apply") for (const arg of node.args) visit(arg);
    seen.add(node);
  };
  visit(expr);
  return [...seen];
};

const sameView = (a: Leaf, b: Leaf): boolean =>
  a.storage === b.storage && a.base === b.base && a.stride.every((s, x) => s === b.stride[x]);

/** Distinct views that an expression reads. */
export const leavesOf = (expr: Expr): Leaf[] => {
  const leaves: Leaf[] = [];
  for (const node of nodesOf(expr))
    if (node.kind === "leaf" && !leaves.some((known) => sameView(known, node))) leaves.push(node);
  return leaves;
};
export const viewIndex = (leaves: readonly Leaf[], leaf: Leaf): number =>
  leaves.findIndex((known) => sameView(known, leaf));

/** Value of an expression at output digits, every leaf being constant. */
export const evaluateAt = (expr: Expr, digits: readonly number[]): number => {
  const results = new Map<Expr, number>();
  for (const node of nodesOf(expr)) {
    if (node.kind === "scalar") results.set(node, node.value);
    else if (node.kind === "leaf") {
      let address = node.base;
      for (let x = 0; x < digits.length; x++) address += (node.stride[x] as number) * (digits[x] as number);
      results.set(node, (node.storage.constant as ArrayLike<number>)[address] as number);
    } else {
      const [a = 0, b = 0, c = 0] = node.args.map((arg) => results.get(arg) as number);
      results.set(node, node.spec.value(a, b, c) + 0);
    }
  }
  return results.get(expr) as number;
};

/** Elements of a constant expression in row-major order; i64 and integers as doubles. */
export const evaluateAll = (expr: Expr, shape: readonly number[]): Float64Array => {
  const out = new Float64Array(sizeOf(shape));
  if (expr.kind === "leaf" && expr.storage.constant !== undefined) {
    const data = expr.storage.constant;
    const rank = shape.length;
    const digits = new Array<number>(rank).fill(0);
    let address = expr.base;
    for (let i = 0; i < out.length; i++) {
      out[i] = data[address] as number;
      for (let x = rank - 1; x >= 0; x--) {
        const extent = shape[x] as number;
        const step = expr.stride[x] as number;
        digits[x] = (digits[x] as number) + 1;
        address += step;
        if ((digits[x] as number) < extent) break;
        address -= step * extent;
        digits[x] = 0;
      }
    }
    return out;
  }
  const digits = new Array<number>(shape.length).fill(0);
  for (let i = 0; i < out.length; i++) {
    out[i] = evaluateAt(expr, digits);
    for (let x = shape.length - 1; x >= 0; x--) {
      digits[x] = (digits[x] as number) + 1;
      if ((digits[x] as number) < (shape[x] as number)) break;
      digits[x] = 0;
    }
  }
  return out;
};

const MAX_I = 2 ** 53 - 1;
const MAX_F = DTYPES.f32.hi;

/** Refuses a bound that leaves the type (C9). */
const bounded = (spec: InstructionSpec, args: readonly Expr[], interval: Interval | undefined): Interval => {
  const limit = spec.result === "I" ? MAX_I : MAX_F;
  if (interval === undefined || !(interval.lo >= -limit && interval.hi <= limit))
    return refuse(
      "C9",
      `${spec.name} of ${args.map(({ interval: i }) => `[${i.lo}, ${i.hi}]`).join(", ")} ${
        interval === undefined ? "is outside its domain" : `reaches [${interval.lo}, ${interval.hi}]`
      }; declare narrower inputs`,
    );
  return { lo: interval.lo + 0, hi: interval.hi + 0 };
};

/** Constants are folded before they meet a run-time value: their true bounds come then. */
const rangeOfType = (type: ScalarType): Interval => (type === "I" ? DTYPES.i64 : DTYPES.f32);

const specs = new Map<string, InstructionSpec>();
const specOf = (name: string): InstructionSpec => {
  let spec = specs.get(name);
  if (spec === undefined) {
    spec = instructionOf(codeOf(name)) as InstructionSpec;
    specs.set(name, spec);
  }
  return spec;
};

const none: Interval = { lo: 0, hi: 0 };

/** One instruction; sums with constants are kept as one ADD, so that a zero point stays recognisable. */
export const apply = (name: string, ...args: readonly Expr[]): Expr => {
  const [a, b] = args as [Expr, Expr];
  if (name === "SUB" && b.kind === "scalar") return apply("ADD", a, int(-b.value));
  if (name === "ADD" && a.kind === "scalar" && b.kind !== "scalar") return apply("ADD", b, a);
  if (name === "ADD" && b.kind === "scalar" && a.kind !== "scalar") {
    if (b.value === 0) return a;
    if (a.kind === "apply" && a.spec.name === "ADD" && a.args[1]?.kind === "scalar")
      return apply("ADD", a.args[0] as Expr, int(a.args[1].value + b.value));
  }
  const spec = specOf(name);
  const range = spec.interval(a.interval, args[1]?.interval ?? none, args[2]?.interval ?? none);
  const interval = args.every(isConstant) ? (range ?? rangeOfType(spec.result)) : bounded(spec, args, range);
  if (args.every((arg) => arg.kind === "scalar")) {
    const [x = 0, y = 0, z = 0] = args.map((arg) => (arg as Scalar).value);
    return scalar(spec.result, spec.value(x, y, z));
  }
  return { kind: "apply", type: spec.result, interval, spec, args };
};

/** `leaf + offset`, the form of codes with a zero point. */
export const linearOf = (expr: Expr): { leaf: Leaf; offset: number } | undefined => {
  if (expr.kind === "leaf") return { leaf: expr, offset: 0 };
  if (expr.kind !== "apply" || expr.spec.name !== "ADD") return undefined;
  const [a, b] = expr.args as [Expr, Expr];
  return a.kind === "leaf" && b.kind === "scalar" ? { leaf: a, offset: b.value } : undefined;
};

/** `I2F(codes) * scale` with a constant scale: a dequantised tensor. */
export const scaledOf = (expr: Expr): { codes: Expr; scale: Expr } | undefined => {
  if (expr.kind !== "apply" || expr.spec.name !== "FMUL") return undefined;
  const [a, scale] = expr.args as [Expr, Expr];
  if (a.kind !== "apply" || a.spec.name !== "I2F" || !isConstant(scale)) return undefined;
  return { codes: a.args[0] as Expr, scale };
};

export const sameConstants = (a: Expr, b: Expr): boolean => {
  if (a.kind === "scalar" && b.kind === "scalar") return a.value === b.value;
  return a.kind === "leaf" && b.kind === "leaf" && sameView(a, b);
};
