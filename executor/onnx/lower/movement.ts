import type { Dtype } from "../../tensor/program.ts";
import { axisOf, type Lowering, type LoweringTable, type NodeContext, tensorOf } from "../context.ts";
import { type Emitter, integerType } from "../emitter.ts";
import {
  apply,
  dense,
  type Element,
  evaluateAt,
  int,
  intervalOfData,
  isFloat,
  type Leaf,
  leafOf,
  mapLeaves,
  rebuild,
  STORED,
  type Storage,
  scalar,
  sizeOf,
  type Value,
  wrappingOf,
} from "../expression.ts";
import { refuse } from "../refusal.ts";
import type { DraftOperand } from "../storage.ts";
import { broadcastShape, type Cut, expanded, overLeaf, reshaped, sliced, transposed } from "../views.ts";

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
  const output = shape.length === 0 ? [1] : shape;
  const dtype = (pieces[0] as Piece).leaf.storage.dtype;
  const operands = pieces.map(({ leaf, at, length }): DraftOperand => {
    const whole = at === 0 && length === total;
    const step = leaf.stride[axis] as number;
    return {
      storage: leaf.storage,
      base: leaf.base - at * step,
      stride: leaf.stride,
      guards: whole ? [] : [{ off: -at, coef: output.map((_, x) => (x === axis ? 1 : 0)), limit: length }],
    };
  });
  const stored = emitter.stores.emit({ kind: "MOVE", dtype, output, reduction: [], fill, operands });
  return leafOf(stored, dense(shape));
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

/** Values around an axis: `mode` as in ONNX Pad. */
const padAxis = (emitter: Emitter, value: Value, axis: number, before: number, after: number, mode: string): Value => {
  const extent = value.shape[axis] as number;
  const leaf = emitter.view(value.expr, value.shape);
  const part = (start: number, step: number, length: number): Leaf =>
    sliced({ ...value, expr: leaf }, [{ axis, start, step, extent: length }]).expr as Leaf;
  const pieces: Piece[] = [];
  const add = (piece: Leaf, at: number, length: number): void => {
    if (length > 0) pieces.push({ leaf: piece, at, length });
  };
  if (mode === "edge") add(part(0, 0, before), 0, before);
  else if (mode === "reflect") {
    if (before >= extent || after >= extent) refuse("O5", `a reflection of ${before}, ${after} of ${extent} elements`);
    add(part(before, -1, before), 0, before);
  } else {
    if (before > extent || after > extent) refuse("O5", `wrapping ${before}, ${after} of ${extent} elements`);
    add(part(extent - before, 1, before), 0, before);
  }
  add(leaf, before, extent);
  if (mode === "edge") add(part(extent - 1, 0, after), before + extent, after);
  else if (mode === "reflect") add(part(extent - 2, -1, after), before + extent, after);
  else add(part(0, 1, after), before + extent, after);
  const shape = value.shape.map((e, x) => (x === axis ? e + before + after : e));
  return { ...value, shape, expr: assemble(emitter, shape, axis, pieces) };
};

/** The 8-bit code under an expression that stands for `wanted`. */
const codeOf = (emitter: Emitter, value: Value, wanted: number): number | undefined => {
  const wrapping = wrappingOf(emitter.fold(value.expr, value.shape));
  if (value.expr.kind !== "apply" || wrapping === undefined || wrapping.leaf.storage.dtype !== "u8") return undefined;
  const codes = Float64Array.from({ length: 256 }, (_, code) => code);
  const probe = leafOf({ ...wrapping.leaf.storage, constant: codes }, [1]);
  const over = mapLeaves(value.expr, () => probe);
  const found = codes.findIndex((code) => evaluateAt(over, [code]) === wanted);
  return found < 0 ? undefined : found;
};

/** A constant border: one MOVE with a guard an axis. */
export const padConstant = (
  emitter: Emitter,
  value: Value,
  before: readonly number[],
  after: readonly number[],
  fill: number,
): Value => {
  const shape = value.shape.map((extent, x) => extent + (before[x] as number) + (after[x] as number));
  const padded = shape.map((_, x) => x).filter((x) => before[x] !== 0 || after[x] !== 0);
  if (padded.length === 0) return value;
  const code = codeOf(emitter, value, fill);
  if (code !== undefined) return overLeaf(value, (stored) => padConstant(emitter, stored, before, after, code));
  const dtype =
    value.expr.type === "F"
      ? "f32"
      : integerType({ lo: Math.min(value.expr.interval.lo, fill), hi: Math.max(value.expr.interval.hi, fill) });
  const leaf = emitter.view(value.expr, value.shape, { dtype });
  let at: Value = { ...value, expr: leaf };
  for (let done = 0; done < padded.length; done += 4) {
    const axes = padded.slice(done, done + 4);
    const view = at.expr as Leaf;
    const output = at.shape.map((extent, x) =>
      axes.includes(x) ? extent + (before[x] as number) + (after[x] as number) : extent,
    );
    const from = at.shape;
    const stored = emitter.stores.emit({
      kind: "MOVE",
      dtype,
      output,
      reduction: [],
      fill,
      operands: [
        {
          storage: view.storage,
          base: axes.reduce((base, x) => base - (before[x] as number) * (view.stride[x] as number), view.base),
          stride: view.stride,
          guards: axes.map((x) => ({
            off: -(before[x] as number),
            coef: output.map((_, y) => (x === y ? 1 : 0)),
            limit: from[x] as number,
          })),
        },
      ],
    });
    at = tensorOf(value.element, output, leafOf(stored, dense(output)));
  }
  return at;
};

/** Negative pads cut. */
const cropped = (value: Value, before: readonly number[], after: readonly number[]): Value =>
  sliced(
    value,
    value.shape.map((extent, axis) => {
      const front = Math.max(0, -(before[axis] as number));
      return { axis, start: front, step: 1, extent: extent - front - Math.max(0, -(after[axis] as number)) };
    }),
  );

const pad: Lowering = (context) => {
  const value = context.value(0);
  const rank = value.shape.length;
  const pads = context.ints("pads") ?? context.integers(1) ?? refuse("O5", "Pad without pads");
  const axes = (context.integers(3) ?? value.shape.map((_, x) => x)).map((axis) => axisOf(axis, rank));
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  for (const [j, axis] of axes.entries()) {
    before[axis] = pads[j] as number;
    after[axis] = pads[j + axes.length] as number;
  }
  const mode = context.text("mode", "constant");
  const inner = cropped(value, before, after);
  const front = before.map((n) => Math.max(0, n));
  const back = after.map((n) => Math.max(0, n));
  if (mode === "constant") {
    const fill = context.has(2) ? (context.constant(2).data[0] as number) : context.float("value", 0);
    return [padConstant(context.emitter, inner, front, back, isFloat(value.element) ? Math.fround(fill) + 0 : fill)];
  }
  let padded = inner;
  for (let axis = 0; axis < rank; axis++)
    if (front[axis] !== 0 || back[axis] !== 0)
      padded = overLeaf(padded, (stored) =>
        padAxis(context.emitter, stored, axis, front[axis] as number, back[axis] as number, mode),
      );
  return [padded];
};

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
  return tensorOf(element, shape, leafOf(stored, dense(shape)));
};

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
  return tensorOf(element, shape, leafOf(storage, dense(shape)));
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
  Pad: pad,
  Reshape: reshape,
  Slice: slice,
  SpaceToDepth: spaceToDepth,
  Split: split,
  Squeeze: squeeze,
  Tile: tile,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
};
