import { denseStrides, product } from "../../tensor/address.ts";
import type { Dtype, Guard, Instruction, Interval } from "../../tensor/program.ts";
import { IMMEDIATE_SOURCE, immediateBits, MAX_INSTRUCTIONS, OPERAND_SOURCE } from "../../tensor/scalar.ts";
import {
  type Apply,
  apply,
  type Expr,
  evaluateAll,
  evaluateAt,
  int,
  intervalOfData,
  isConstant,
  type Leaf,
  leafOf,
  leavesOf,
  mapLeaves,
  nodesOf,
  type Scalar,
  type Storage,
  scalar,
  scaledOf,
  sizeOf,
  viewIndex,
} from "./expression.ts";
import { refuse } from "./refusal.ts";
import type { Draft, DraftOperand, Stores } from "./storage.ts";

/** Makes operators of expressions: axes ordered and merged, constants folded, tables where they are cheaper. */

const MAX_OPERANDS = 8;
const MAX_AXES = 8;
/** From this many instructions on, 256 gathers are cheaper than 256 runs. */
const TABLE_INSTRUCTIONS = 6;

export type Emitter = {
  readonly stores: Stores;
  /** A constant tensor; data in row-major order of the shape that the caller has in mind. */
  constant(dtype: Dtype, data: ArrayLike<number>): Storage;
  /** Replaces constant subexpressions by constants; a dequantised constant stays codes and scale. */
  fold(expr: Expr, shape: readonly number[]): Expr;
  /** Stores the expression's elements and answers the view of them. */
  materialise(expr: Expr, shape: readonly number[], options?: MaterialiseOptions): Leaf;
  /** A leaf: the expression itself if it is one. */
  view(expr: Expr, shape: readonly number[], options?: MaterialiseOptions): Leaf;
  /** A leaf whose strides are row-major. */
  rowMajor(expr: Expr, shape: readonly number[], options?: MaterialiseOptions): Leaf;
  /** The same elements under another shape. */
  reshape(expr: Expr, from: readonly number[], to: readonly number[]): Expr;
};

export type MaterialiseOptions = {
  readonly dtype?: Dtype;
  /** Axes from the slowest to the fastest in memory; without it the order of the largest operand. */
  readonly order?: readonly number[];
};

/** The narrowest integer type that holds an interval. */
export const integerType = ({ lo, hi }: Interval): Dtype => {
  if (lo >= 0 && hi <= 255) return "u8";
  if (lo >= -128 && hi <= 127) return "i8";
  return lo >= -(2 ** 31) && hi <= 2 ** 31 - 1 ? "i32" : "i64";
};

/** Strides of `to` over memory that `from`, `stride` describe; undefined when the elements would have to move. */
const reshapedStride = (
  from: readonly number[],
  stride: readonly number[],
  to: readonly number[],
): number[] | undefined => {
  const extents: number[] = [];
  const steps: number[] = [];
  for (let x = 0; x < from.length; x++) {
    const extent = from[x] as number;
    if (extent === 1) continue;
    const last = steps.length - 1;
    if (last >= 0 && steps[last] === (stride[x] as number) * extent) {
      extents[last] = (extents[last] as number) * extent;
      steps[last] = stride[x] as number;
    } else {
      extents.push(extent);
      steps.push(stride[x] as number);
    }
  }
  const out = new Array<number>(to.length).fill(0);
  let group = extents.length - 1;
  let rest = group >= 0 ? (extents[group] as number) : 1;
  let step = group >= 0 ? (steps[group] as number) : 0;
  for (let y = to.length - 1; y >= 0; y--) {
    const extent = to[y] as number;
    if (extent === 1) continue;
    if (rest === 1) {
      group--;
      if (group < 0) return undefined;
      rest = extents[group] as number;
      step = steps[group] as number;
    }
    if (rest % extent !== 0) return undefined;
    out[y] = step;
    rest /= extent;
    step *= extent;
  }
  return out;
};

/** Output axes of an elementwise operator: extents, and for each view its strides. */
type Axes = { readonly extents: number[]; readonly strides: number[][]; readonly order: readonly number[] };

/** Orders the axes as the largest view lies in memory and merges what is adjacent in every view. */
const arrange = (shape: readonly number[], leaves: readonly Leaf[], wanted?: readonly number[]): Axes => {
  const axes = shape.map((_, x) => x).filter((x) => (shape[x] as number) > 1);
  let order = wanted?.filter((x) => (shape[x] as number) > 1);
  if (order === undefined) {
    const reach = (leaf: Leaf): number =>
      leaf.storage.constant !== undefined
        ? 0
        : product(axes.filter((x) => leaf.stride[x] !== 0).map((x) => shape[x] as number));
    let main: Leaf | undefined;
    for (const leaf of leaves) if (main === undefined || reach(leaf) > reach(main)) main = leaf;
    const step = (x: number): number => Math.abs(main?.stride[x] ?? 0);
    order = main === undefined || reach(main) <= 1 ? axes : [...axes].sort((x, y) => step(y) - step(x) || x - y);
  }
  const extents: number[] = [];
  const strides: number[][] = leaves.map(() => []);
  for (const x of order) {
    const extent = shape[x] as number;
    const last = extents.length - 1;
    const merges = last >= 0 && leaves.every((leaf, j) => strides[j]?.[last] === (leaf.stride[x] as number) * extent);
    for (const [j, leaf] of leaves.entries()) {
      const list = strides[j] as number[];
      if (merges) list[last] = leaf.stride[x] as number;
      else list.push(leaf.stride[x] as number);
    }
    if (merges) extents[last] = (extents[last] as number) * extent;
    else extents.push(extent);
  }
  if (extents.length === 0) {
    extents.push(1);
    for (const list of strides) list.push(0);
  }
  return { extents, strides, order };
};

/** Axes from the slowest to the fastest as a view lies in memory; those of extent 1 come first. */
export const memoryOrder = (leaf: Leaf, shape: readonly number[]): number[] => {
  const step = (x: number): number => (shape[x] === 1 ? Number.MAX_VALUE : Math.abs(leaf.stride[x] as number));
  return shape.map((_, x) => x).sort((x, y) => step(y) - step(x) || x - y);
};

/** Strides over `shape` of memory written in `order`. */
export const stridesInOrder = (shape: readonly number[], order: readonly number[]): number[] => {
  const stride = new Array<number>(shape.length).fill(0);
  let step = 1;
  for (let i = order.length - 1; i >= 0; i--) {
    const x = order[i] as number;
    stride[x] = step;
    step *= shape[x] as number;
  }
  return stride;
};

const operandOf = (leaf: Leaf, stride: readonly number[], guards: readonly Guard[] = []): DraftOperand => ({
  storage: leaf.storage,
  base: leaf.base,
  stride,
  guards,
});

export const createEmitter = (stores: Stores): Emitter => {
  const constant = (dtype: Dtype, data: ArrayLike<number>): Storage => stores.constant(dtype, data);

  /** Folds one constant expression: axes along which no view moves keep stride 0. */
  const foldWhole = (expr: Expr, shape: readonly number[]): Expr => {
    if (expr.kind !== "apply") return expr;
    const leaves = leavesOf(expr);
    const compact = shape.map((extent, x) => (leaves.some((leaf) => leaf.stride[x] !== 0) ? extent : 1));
    const data = evaluateAll(expr, compact);
    if (data.length === 1) return scalar(expr.type, data[0] as number);
    const dtype = expr.type === "F" ? "f32" : integerType(intervalOfData(data));
    const stride = denseStrides(compact).map((step, x) => (compact[x] === 1 ? 0 : step));
    return leafOf(constant(dtype, data), stride);
  };

  const foldAll = (expr: Expr, shape: readonly number[]): Expr => {
    const done = new Map<Expr, Expr>();
    const visit = (node: Expr): Expr => {
      if (node.kind !== "apply") return node;
      let out = done.get(node);
      if (out === undefined) {
        if (isConstant(node)) out = foldWhole(node, shape);
        else {
          const args = node.args.map(visit);
          out = args.every((arg, j) => arg === node.args[j]) ? node : apply(node.spec.name, ...args);
        }
        done.set(node, out);
      }
      return out;
    };
    return visit(expr);
  };

  const fold = (expr: Expr, shape: readonly number[]): Expr => {
    const scaled = scaledOf(expr);
    if (scaled === undefined || !isConstant(scaled.codes)) return foldAll(expr, shape);
    const codes = foldAll(scaled.codes, shape);
    const scale = foldAll(scaled.scale, shape);
    return codes.kind === "scalar" ? foldAll(expr, shape) : apply("FMUL", apply("I2F", codes), scale);
  };

  /** Instructions an expression needs, counting those that only make a second immediate. */
  const costOf = (expr: Expr): number => {
    let cost = 0;
    for (const node of nodesOf(expr))
      if (node.kind === "apply") {
        const scalars = new Set(node.args.filter((arg) => arg.kind === "scalar").map((arg) => (arg as Scalar).value));
        cost += Math.max(1, scalars.size);
      }
    return cost;
  };

  const fits = (expr: Expr): boolean => costOf(expr) <= MAX_INSTRUCTIONS && leavesOf(expr).length <= MAX_OPERANDS - 1;

  /** Stores inner parts until the whole fits one MAP. */
  const shrink = (expr: Expr, shape: readonly number[]): Expr => {
    let current = expr;
    while (!fits(current)) {
      let best: Apply | undefined;
      let bestCost = 0;
      for (const node of nodesOf(current))
        if (node.kind === "apply" && node !== current && fits(node)) {
          const cost = costOf(node) + 8 * leavesOf(node).length;
          if (cost >= bestCost) {
            best = node;
            bestCost = cost;
          }
        }
      if (best === undefined) return refuse("C1", "an expression has no part that fits one MAP");
      const cut = best;
      const stored = emitMap(cut, shape, {});
      const done = new Map<Expr, Expr>([[cut, stored]]);
      const visit = (node: Expr): Expr => {
        if (node.kind !== "apply") return node;
        let out = done.get(node);
        if (out === undefined) {
          out = { ...node, args: node.args.map(visit) };
          done.set(node, out);
        }
        return out;
      };
      current = visit(current);
    }
    return current;
  };

  const compile = (expr: Expr, leaves: Leaf[]): Instruction[] => {
    const instructions: Instruction[] = [];
    const at = new Map<Expr, number>();
    const emit = (op: number, sources: readonly number[], imm: number): number => {
      const [a = 0, b = 0, c = 0] = sources;
      instructions.push({ op, a, b, c, imm });
      return instructions.length - 1;
    };
    for (const node of nodesOf(expr)) {
      if (node.kind === "scalar") continue;
      if (node.kind === "leaf") {
        at.set(node, OPERAND_SOURCE + viewIndex(leaves, node));
        continue;
      }
      let imm: Scalar | undefined;
      const sources = node.args.map((arg) => {
        if (arg.kind !== "scalar") return at.get(arg) as number;
        if (arg.type === "I" && (arg.value < -(2 ** 31) || arg.value > 2 ** 31 - 1)) {
          const leaf = leafOf(
            constant("i64", [arg.value]),
            (leaves[0]?.stride ?? [0]).map(() => 0),
          );
          if (viewIndex(leaves, leaf) < 0) leaves.push(leaf);
          return OPERAND_SOURCE + viewIndex(leaves, leaf);
        }
        if (imm === undefined || imm === arg || (imm.value === arg.value && imm.type === arg.type)) {
          imm = arg;
          return IMMEDIATE_SOURCE;
        }
        const larger = arg.type === "F" ? 24 : 6;
        return emit(larger, [IMMEDIATE_SOURCE, IMMEDIATE_SOURCE], immediateBits(arg.type, arg.value));
      });
      at.set(node, emit(node.spec.code, sources, imm === undefined ? 0 : immediateBits(imm.type, imm.value)));
    }
    return instructions;
  };

  /** One run-time operand of 8 bits and only scalars beside it: a table. */
  const tableOf = (expr: Expr, leaves: readonly Leaf[]): { leaf: Leaf; data: Float64Array } | undefined => {
    const [leaf] = leaves;
    if (leaves.length !== 1 || leaf === undefined || leaf.storage.constant !== undefined) return undefined;
    if (leaf.storage.dtype !== "u8" && leaf.storage.dtype !== "i8") return undefined;
    if (costOf(expr) < TABLE_INSTRUCTIONS) return undefined;
    const { lo, hi } = leaf.interval;
    const codes = Float64Array.from({ length: hi - lo + 1 }, (_, i) => lo + i);
    const probe: Leaf = { ...leaf, storage: { ...leaf.storage, constant: codes }, base: 0, stride: [1] };
    const over = mapLeaves(expr, () => probe);
    return { leaf, data: Float64Array.from(codes, (_, i) => evaluateAt(over, [i])) };
  };

  const emitMap = (expr: Expr, shape: readonly number[], options: MaterialiseOptions): Leaf => {
    const leaves = leavesOf(expr);
    const table = tableOf(expr, leaves);
    const instructions = table === undefined ? compile(expr, leaves) : [];
    const { extents, strides, order } = arrange(shape, leaves, options.order);
    if (extents.length > MAX_AXES) refuse("C1", `an elementwise operator over ${extents.length} axes`);
    const dtypeFor = (interval: Interval): Dtype =>
      options.dtype ?? (expr.type === "F" ? "f32" : integerType(interval));
    let draft: Draft;
    if (table !== undefined) {
      const interval = intervalOfData(table.data);
      const dtype = dtypeFor(interval);
      draft = {
        kind: "GATHER",
        dtype,
        output: extents,
        reduction: [],
        first: table.leaf.interval.lo,
        num: table.data.length,
        step: 1,
        operands: [
          operandOf(table.leaf, strides[0] as number[]),
          { storage: constant(dtype, table.data), base: 0, stride: extents.map(() => 0), guards: [] },
        ],
      };
    } else {
      draft = {
        kind: "MAP",
        dtype: dtypeFor(expr.interval),
        output: extents,
        reduction: [],
        operands: leaves.map((leaf, j) => operandOf(leaf, strides[j] as number[])),
        instructions,
      };
    }
    return leafOf(stores.emit(draft), stridesInOrder(shape, order));
  };

  const move = (leaf: Leaf, shape: readonly number[], options: MaterialiseOptions): Leaf => {
    const { extents, strides, order } = arrange(shape, [leaf], options.order ?? shape.map((_, x) => x));
    if (extents.length > MAX_AXES) refuse("C1", `a move over ${extents.length} axes`);
    const stored = stores.emit({
      kind: "MOVE",
      dtype: leaf.storage.dtype,
      output: extents,
      reduction: [],
      fill: 0,
      operands: [operandOf(leaf, strides[0] as number[])],
    });
    return leafOf(stored, stridesInOrder(shape, order));
  };

  const materialise: Emitter["materialise"] = (raw, shape, options = {}) => {
    const folded = foldAll(raw, shape);
    if (folded.kind === "scalar") {
      const dtype = options.dtype ?? (folded.type === "F" ? "f32" : integerType(folded.interval));
      return move(
        leafOf(
          constant(dtype, [folded.value]),
          shape.map(() => 0),
        ),
        shape,
        options,
      );
    }
    if (folded.kind === "leaf") {
      if (options.dtype === undefined || options.dtype === folded.storage.dtype) return move(folded, shape, options);
      if (folded.storage.constant !== undefined) {
        const data = evaluateAll(folded, shape);
        return move(leafOf(constant(options.dtype, data), denseStrides(shape)), shape, options);
      }
      const same: Expr =
        folded.type === "F"
          ? { ...(apply("FMAX", folded, scalar("F", folded.interval.lo)) as Apply), interval: folded.interval }
          : { ...(apply("MAX", folded, int(folded.interval.lo)) as Apply), interval: folded.interval };
      return emitMap(same, shape, options);
    }
    return emitMap(shrink(folded, shape), shape, options);
  };

  const view: Emitter["view"] = (raw, shape, options = {}) => {
    const folded = foldAll(raw, shape);
    if (folded.kind === "leaf" && (options.dtype === undefined || options.dtype === folded.storage.dtype))
      return folded;
    if (folded.kind === "scalar") {
      const dtype = options.dtype ?? (folded.type === "F" ? "f32" : integerType(folded.interval));
      return leafOf(
        constant(dtype, [folded.value]),
        shape.map(() => 0),
      );
    }
    return materialise(folded, shape, options);
  };

  const isRowMajor = (leaf: Leaf, shape: readonly number[]): boolean => {
    const wanted = denseStrides(shape);
    return shape.every((extent, x) => extent === 1 || leaf.stride[x] === wanted[x]);
  };

  const rowMajor: Emitter["rowMajor"] = (raw, shape, options = {}) => {
    const folded = foldAll(raw, shape);
    const order = shape.map((_, x) => x);
    if (
      folded.kind === "leaf" &&
      isRowMajor(folded, shape) &&
      (options.dtype === undefined || options.dtype === folded.storage.dtype)
    )
      return folded;
    return materialise(folded, shape, { ...options, order });
  };

  const reshape: Emitter["reshape"] = (raw, from, to) => {
    if (sizeOf(from) !== sizeOf(to)) return refuse("O8", `[${from}] does not reshape to [${to}]`);
    if (sizeOf(from) === 0) return mapLeaves(raw, (leaf) => ({ ...leaf, stride: denseStrides(to) }));
    const folded = fold(raw, from);
    const leaves = leavesOf(folded);
    const stuck = leaves.filter((leaf) => reshapedStride(from, leaf.stride, to) === undefined);
    const reshaped = (leaf: Leaf): Leaf => {
      const stride = reshapedStride(from, leaf.stride, to);
      return stride === undefined ? reshaped(rowMajor(leaf, from)) : { ...leaf, stride };
    };
    if (stuck.filter((leaf) => leaf.storage.constant === undefined).length > 1)
      return mapLeaves(rowMajor(folded, from), reshaped);
    return mapLeaves(folded, reshaped);
  };

  return { stores, constant, fold, materialise, view, rowMajor, reshape };
};
