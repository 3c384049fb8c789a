import { denseStrides } from "../../tensor/address.ts";
import type { Dtype } from "../../tensor/program.ts";
import { axisOf, type Lowering, type LoweringTable, type NodeContext, tensorOf } from "../emit/context.ts";
import { type Emitter, integerType, memoryOrder, stridesInOrder } from "../emit/emitter.ts";
import {
  apply,
  type Element,
  int,
  intervalOfData,
  isFloat,
  type Leaf,
  leafOf,
  rebuild,
  STORED,
  type Storage,
  scalar,
  sizeOf,
  type Value,
  wrappingOf,
} from "../emit/expression.ts";
import { refuse } from "../emit/refusal.ts";
import type { DraftOperand } from "../emit/storage.ts";
import { broadcastShape, type Cut, expanded, overLeaf, reshaped, sliced, transposed } from "../emit/views.ts";

/** Data movement: views where strides suffice, MOVE and GATHER where they do not. */

const checked = (shape: readonly number[]): readonly number[] => {
  if (shape.some((extent) => !Number.isSafeInteger(extent) || extent < 0)) refuse("O8", `the shape [${shape}]`);
  if (shape.length > 8) refuse("O4", `rank ${shape.length}`);
  return shape;
};

const reshape: Lowering = (context) => {
  const value = context.any(0);
  const wanted = context.integers(1) ?? context.ints("shape") ?? refuse("O5", "Reshape without a shape");
  const zeroIsZero = context.int("allowzero", 0) !== 0;
  const shape = wanted.map((extent, x) => (extent === 0 && !zeroIsZero ? (value.shape[x] ?? 0) : extent));
  const free = shape.indexOf(-1);
  if (free >= 0) shape[free] = sizeOf(value.shape) / sizeOf(shape.filter((_, x) => x !== free));
  return [reshaped(context.emitter, value, checked(shape))];
};

const flatten: Lowering = (context) => {
  const value = context.any(0);
  const axis = context.int("axis", 1);
  const at = axis < 0 ? axis + value.shape.length : axis;
  if (at < 0 || at > value.shape.length) refuse("O8", `axis ${axis}`);
  return [reshaped(context.emitter, value, [sizeOf(value.shape.slice(0, at)), sizeOf(value.shape.slice(at))])];
};

/** Axes of Squeeze, Unsqueeze, reductions: an attribute, later an operand. */
export const axesOf = (context: NodeContext, index = 1): number[] | undefined =>
  context.ints("axes") ?? context.integers(index);

const squeeze: Lowering = (context) => {
  const value = context.any(0);
  const rank = value.shape.length;
  const axes = axesOf(context)?.map((axis) => axisOf(axis, rank));
  const gone = (x: number): boolean => (axes === undefined ? value.shape[x] === 1 : axes.includes(x));
  if (axes?.some((axis) => value.shape[axis] !== 1)) refuse("O8", `axes ${axes} of [${value.shape}] are not all 1`);
  return [
    reshaped(
      context.emitter,
      value,
      value.shape.filter((_, x) => !gone(x)),
    ),
  ];
};

const unsqueeze: Lowering = (context) => {
  const value = context.any(0);
  const given = axesOf(context) ?? refuse("O5", "Unsqueeze without axes");
  const rank = value.shape.length + given.length;
  const axes = given.map((axis) => axisOf(axis, rank));
  if (new Set(axes).size !== axes.length) refuse("O8", `axes ${given} repeat`);
  let next = 0;
  const shape = Array.from({ length: rank }, (_, x) => (axes.includes(x) ? 1 : (value.shape[next++] as number)));
  return [reshaped(context.emitter, value, checked(shape))];
};

const transpose: Lowering = (context) => {
  const value = context.any(0);
  const rank = value.shape.length;
  const permutation = context.ints("perm") ?? Array.from({ length: rank }, (_, x) => rank - 1 - x);
  if (permutation.length !== rank || new Set(permutation.map((axis) => axisOf(axis, rank))).size !== rank)
    refuse("O8", `perm ${permutation} of rank ${rank}`);
  return [
    transposed(
      value,
      permutation.map((axis) => axisOf(axis, rank)),
    ),
  ];
};

const expand: Lowering = (context) => {
  const value = context.any(0);
  const shape = context.integers(1) ?? refuse("O5", "Expand without a shape");
  return [expanded(value, broadcastShape(value.shape, checked(shape)))];
};

const slice: Lowering = (context) => {
  const value = context.any(0);
  const rank = value.shape.length;
  const starts = context.ints("starts") ?? context.integers(1) ?? refuse("O5", "Slice without starts");
  const ends = context.ints("ends") ?? context.integers(2) ?? refuse("O5", "Slice without ends");
  const axes = context.ints("axes") ?? context.integers(3) ?? starts.map((_, x) => x);
  const steps = context.integers(4) ?? starts.map(() => 1);
  const cuts = starts.map((given, j): Cut => {
    const axis = axisOf(axes[j] as number, rank);
    const extent = value.shape[axis] as number;
    const step = steps[j] as number;
    if (step === 0) return refuse("O8", "a step of 0");
    const clamp = (index: number): number => {
      const positive = index < 0 ? index + extent : index;
      return step > 0 ? Math.min(Math.max(positive, 0), extent) : Math.min(Math.max(positive, -1), extent - 1);
    };
    const start = clamp(given);
    return { axis, start, step, extent: Math.max(0, Math.ceil((clamp(ends[j] as number) - start) / step)) };
  });
  return [sliced(value, cuts)];
};

const split: Lowering = (context) => {
  const value = context.any(0);
  const axis = axisOf(context.int("axis", 0), value.shape.length);
  const extent = value.shape[axis] as number;
  const parts = context.hasAttribute("num_outputs") ? context.int("num_outputs") : context.node.outputs.length;
  const size = Math.ceil(extent / parts);
  const sizes =
    context.ints("split") ??
    context.integers(1) ??
    Array.from({ length: parts }, (_, j) => Math.max(0, Math.min(size, extent - j * size)));
  if (sizes.reduce((a, b) => a + b, 0) !== extent) refuse("O8", `a split of ${extent} into ${sizes}`);
  let start = 0;
  return sizes.map((size) => {
    const part = sliced(value, [{ axis, start, step: 1, extent: size }]);
    start += size;
    return part;
  });
};

/** One operand of a MOVE along one axis: live for `length` positions from `at`, reading `leaf` from its start. */
export type Piece = { readonly leaf: Leaf; readonly at: number; readonly length: number };

const PIECES = 8;

/** A tensor made of pieces along an axis; where there is none, `fill`. */
export const assemble = (
  emitter: Emitter,
  shape: readonly number[],
  axis: number,
  pieces: readonly Piece[],
  fill = 0,
): Leaf => {
  const total = shape[axis] as number;
  if (pieces.length > PIECES) {
    const head = pieces.slice(0, PIECES - 1);
    const last = head[head.length - 1] as Piece;
    const cut = last.at + last.length;
    const rest = pieces.slice(PIECES - 1).map((piece) => ({ ...piece, at: piece.at - cut }));
    const restShape = shape.map((extent, x) => (x === axis ? total - cut : extent));
    const leaf = assemble(emitter, restShape, axis, rest, fill);
    return assemble(emitter, shape, axis, [...head, { leaf, at: cut, length: total - cut }], fill);
  }
  const [first] = pieces as [Piece];
  const order = memoryOrder(first.leaf, shape);
  const output = order.map((x) => shape[x] as number);
  const operands = pieces.map(({ leaf, at, length }): DraftOperand => {
    const whole = at === 0 && length === total;
    const guard = { off: -at, coef: order.map((x) => (x === axis ? 1 : 0)), limit: length };
    return {
      storage: leaf.storage,
      base: leaf.base - at * (leaf.stride[axis] as number),
      stride: order.map((x) => leaf.stride[x] as number),
      guards: whole ? [] : [guard],
    };
  });
  const { dtype } = first.leaf.storage;
  const stored = emitter.stores.emit({ kind: "MOVE", dtype, output, reduction: [], fill, operands });
  return leafOf(stored, stridesInOrder(shape, order));
};

/** One dtype that holds them all, integers as wide as needed. */
const commonType = (values: readonly Value[]): Dtype => {
  if (isFloat((values[0] as Value).element)) return "f32";
  const lo = Math.min(...values.map(({ expr }) => expr.interval.lo));
  const hi = Math.max(...values.map(({ expr }) => expr.interval.hi));
  return integerType({ lo, hi });
};

const leavesFor = (emitter: Emitter, values: readonly Value[]): Leaf[] => {
  const views = values.map(({ expr, shape }) => emitter.fold(expr, shape));
  const dtypes = new Set(views.map((expr) => (expr.kind === "leaf" ? expr.storage.dtype : undefined)));
  const [only] = dtypes;
  const dtype = dtypes.size === 1 && only !== undefined ? only : commonType(values);
  return values.map(({ expr, shape }) => emitter.view(expr, shape, { dtype }));
};

/** Values of one element type, joined along an axis. O8 when another extent differs. */
export const concatenated = (emitter: Emitter, values: readonly Value[], axis: number): Value => {
  const [first] = values;
  if (first === undefined) return refuse("O5", "a concatenation of nothing");
  const parts = values.filter(({ shape }) => shape[axis] !== 0);
  if (parts.length === 0) return first;
  for (const { shape, element } of parts)
    if (
      element !== first.element ||
      shape.length !== first.shape.length ||
      shape.some((e, x) => x !== axis && e !== first.shape[x])
    )
      refuse("O8", `[${shape}] does not continue [${first.shape}] along axis ${axis}`);
  const wrappings = parts.map(({ expr, shape }) => wrappingOf(emitter.fold(expr, shape)));
  const [wrapping] = wrappings;
  if (
    wrapping !== undefined &&
    first.expr.kind === "apply" &&
    wrappings.every((other) => other?.key === wrapping.key)
  ) {
    const stored = parts.map((part, j) => ({ ...part, expr: wrappings[j]?.leaf as Leaf }));
    const joined = concatenated(emitter, stored, axis);
    return { ...joined, expr: rebuild((parts[0] as Value).expr, () => joined.expr) };
  }
  const total = parts.reduce((sum, { shape }) => sum + (shape[axis] as number), 0);
  const shape = first.shape.map((extent, x) => (x === axis ? total : extent));
  let at = 0;
  const pieces = leavesFor(emitter, parts).map((leaf, j): Piece => {
    const length = parts[j]?.shape[axis] as number;
    at += length;
    return { leaf, at: at - length, length };
  });
  return tensorOf(first.element, shape, assemble(emitter, shape, axis, pieces));
};

const concat: Lowering = (context) => {
  const values = context.operands.map((_, j) => context.any(j));
  const rank = values[0]?.shape.length ?? 0;
  return [concatenated(context.emitter, values, axisOf(context.int("axis", 1), rank))];
};

const tile: Lowering = (context) => {
  const value = context.value(0);
  const repeats = context.integers(1) ?? refuse("O5", "Tile without repeats");
  if (repeats.length !== value.shape.length) refuse("O8", `repeats ${repeats} of [${value.shape}]`);
  const { emitter } = context;
  const flat = value.shape.flatMap((extent) => [1, extent]);
  if (flat.length > 8) refuse("O4", `Tile of rank ${value.shape.length}`);
  const wide = value.shape.flatMap((extent, x) => [repeats[x] as number, extent]);
  const repeated = expanded(reshaped(emitter, value, flat), wide);
  return [
    reshaped(
      emitter,
      repeated,
      value.shape.map((extent, x) => extent * (repeats[x] as number)),
    ),
  ];
};

/** Blocks of channels and of space: a reshape, a transpose, a reshape. */
const blocks =
  (form: (n: number, c: number, h: number, w: number, b: number) => [number[], number[], number[]]): Lowering =>
  (context) => {
    const value = context.value(0);
    const [n, c, h, w] = value.shape;
    if (value.shape.length !== 4 || n === undefined || c === undefined || h === undefined || w === undefined)
      return refuse("O5", `${context.node.operator} of rank ${value.shape.length}`);
    const [split, order, joined] = form(n, c, h, w, context.int("blocksize"));
    return [reshaped(context.emitter, transposed(reshaped(context.emitter, value, split), order), joined)];
  };

const depthToSpace: Lowering = (context) =>
  blocks((n, c, h, w, b) => {
    const rest = c / (b * b);
    const joined = [n, rest, h * b, w * b];
    return context.text("mode", "DCR") === "CRD"
      ? [[n, rest, b, b, h, w], [0, 1, 4, 2, 5, 3], joined]
      : [[n, b, b, rest, h, w], [0, 3, 4, 1, 5, 2], joined];
  })(context);

const spaceToDepth = blocks((n, c, h, w, b) => [
  [n, c, h / b, b, w / b, b],
  [0, 3, 5, 1, 2, 4],
  [n, c * b * b, h / b, w / b],
]);

/** Indices as GATHER reads them: negative ones count from the end, others are clamped to the axis. */
const indicesOf = (emitter: Emitter, indices: Value, extent: number): Leaf => {
  const clamped = apply("MIN", apply("MAX", indices.expr, int(-extent)), int(extent - 1));
  const wrapped =
    clamped.interval.lo >= 0
      ? clamped
      : apply("SEL", apply("LT", clamped, int(0)), apply("ADD", clamped, int(extent)), clamped);
  const leaf = emitter.view(indices.expr, indices.shape);
  const { lo, hi } = leaf.interval;
  if (leaf.storage.dtype !== "i64" && lo >= 0 && hi < extent) return leaf;
  return emitter.view(wrapped, indices.shape, { dtype: "i32" });
};

/** GATHER along `axis`: `output` axes, strides of the index and of the data over them. */
const gatherAlong = (
  emitter: Emitter,
  element: Element,
  data: { readonly leaf: Leaf; readonly stride: readonly number[]; readonly step: number; readonly extent: number },
  index: { readonly leaf: Leaf; readonly stride: readonly number[] },
  shape: readonly number[],
): Value => {
  const output = shape.length === 0 ? [1] : shape;
  const fitted = (stride: readonly number[]): readonly number[] => (shape.length === 0 ? [0] : stride);
  const stored = emitter.stores.emit({
    kind: "GATHER",
    dtype: data.leaf.storage.dtype,
    output,
    reduction: [],
    first: 0,
    num: data.extent,
    step: data.step,
    operands: [
      { storage: index.leaf.storage, base: index.leaf.base, stride: fitted(index.stride), guards: [] },
      { storage: data.leaf.storage, base: data.leaf.base, stride: fitted(data.stride), guards: [] },
    ],
  });
  return tensorOf(element, shape, leafOf(stored, denseStrides(shape)));
};

/** ONNX Gather: `indices` (negative ones count from the end) take the place of `axis`. */
export const gathered = (emitter: Emitter, value: Value, indices: Value, axis: number): Value =>
  overLeaf(value, (stored) => gatheredStored(emitter, stored, indices, axis));

const gatheredStored = (emitter: Emitter, value: Value, indices: Value, axis: number): Value => {
  const extent = value.shape[axis] as number;
  const shape = [...value.shape.slice(0, axis), ...indices.shape, ...value.shape.slice(axis + 1)];
  checked(shape);
  const leaf = emitter.view(value.expr, value.shape);
  const index = indicesOf(emitter, indices, extent);
  const inner = value.shape.slice(axis + 1).map(() => 0);
  return gatherAlong(
    emitter,
    value.element,
    {
      leaf,
      extent,
      step: leaf.stride[axis] as number,
      stride: [...leaf.stride.slice(0, axis), ...indices.shape.map(() => 0), ...leaf.stride.slice(axis + 1)],
    },
    { leaf: index, stride: [...value.shape.slice(0, axis).map(() => 0), ...index.stride, ...inner] },
    shape,
  );
};

const gather: Lowering = (context) => {
  const value = context.value(0);
  const axis = axisOf(context.int("axis", 0), value.shape.length);
  const indices = context.value(1);
  if (sizeOf(indices.shape) === 1 && indices.expr.kind === "scalar") {
    const extent = value.shape[axis] as number;
    const [raw = 0] = context.constant(1).data;
    const start = Math.min(Math.max(raw < 0 ? raw + extent : raw, 0), extent - 1);
    const one = sliced(value, [{ axis, start, step: 1, extent: 1 }]);
    const shape = [...value.shape.slice(0, axis), ...indices.shape, ...value.shape.slice(axis + 1)];
    return [reshaped(context.emitter, one, shape)];
  }
  return [gathered(context.emitter, value, indices, axis)];
};

/** For each position of `indices` the element at that index of `axis`. */
export const gatheredElements = (emitter: Emitter, value: Value, indices: Value, axis: number): Value =>
  overLeaf(value, (stored) => {
    const extent = stored.shape[axis] as number;
    const leaf = emitter.view(stored.expr, stored.shape);
    const index = indicesOf(emitter, indices, extent);
    const stride = leaf.stride.map((step, x) => (x === axis ? 0 : step));
    return gatherAlong(
      emitter,
      stored.element,
      { leaf, extent, step: leaf.stride[axis] as number, stride },
      { leaf: index, stride: index.stride },
      indices.shape,
    );
  });

const gatherElements: Lowering = (context) => {
  const value = context.value(0);
  const indices = context.value(1);
  const axis = axisOf(context.int("axis", 0), value.shape.length);
  if (indices.shape.some((extent, x) => x !== axis && extent > (value.shape[x] as number)))
    refuse("O8", `indices [${indices.shape}] over [${value.shape}]`);
  return [gatheredElements(context.emitter, value, indices, axis)];
};

/** A value of known elements. */
export const known = (emitter: Emitter, element: Element, shape: readonly number[], data: ArrayLike<number>): Value => {
  if (data.length === 1) return tensorOf(element, shape, scalar(isFloat(element) ? "F" : "I", data[0] as number));
  const dtype = isFloat(element) ? "f32" : (STORED[element] ?? integerType(intervalOfData(data)));
  const storage: Storage = emitter.constant(dtype, data);
  return tensorOf(element, shape, leafOf(storage, denseStrides(shape)));
};

const identity: Lowering = (context) => [context.any(0)];

export const MOVEMENT: LoweringTable = {
  Concat: concat,
  DepthToSpace: depthToSpace,
  Expand: expand,
  Flatten: flatten,
  Gather: gather,
  GatherElements: gatherElements,
  Identity: identity,
  Reshape: reshape,
  Slice: slice,
  SpaceToDepth: spaceToDepth,
  Split: split,
  Squeeze: squeeze,
  Tile: tile,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
};
