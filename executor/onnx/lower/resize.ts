import { axisOf, type Lowering, type LoweringTable, type NodeContext, tensorOf } from "../emit/context.ts";
import type { Emitter } from "../emit/emitter.ts";
import { apply, type Expr, float, isFloat, leafOf, sizeOf, type Value } from "../emit/expression.ts";
import { refuse } from "../emit/refusal.ts";
import { expanded, reshaped, sliced } from "../emit/views.ts";
import { gathered } from "./movement.ts";

/** Resize and Upsample: along each axis every output is a fixed weighted sum of inputs, as onnx.reference computes it. */

type Form = {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubic: number;
  readonly excludeOutside: boolean;
  readonly antialias: boolean;
  readonly extrapolation: number;
};

type AxisPlan = {
  readonly axis: number;
  readonly extent: number;
  readonly out: number;
  readonly scale: number;
  readonly roi: readonly [number, number];
};

/** Where output position x lies among the inputs. */
const sourceOf = ({ coordinates }: Form, { extent, out, scale, roi }: AxisPlan, x: number): number => {
  const [from, to] = roi;
  switch (coordinates) {
    case "align_corners":
      return out === 1 ? 0 : (x * (extent - 1)) / (out - 1);
    case "asymmetric":
      return x / scale;
    case "tf_crop_and_resize":
      return (
        from * (extent - 1) +
        (out === 1 ? ((to - from) * (extent - 1)) / 2 : (x * (to - from) * (extent - 1)) / (out - 1))
      );
    case "pytorch_half_pixel":
      return out === 1 ? -0.5 : (x + 0.5) / scale - 0.5;
    case "half_pixel":
      return (x + 0.5) / scale - 0.5;
    case "half_pixel_symmetric":
      return (extent / 2) * (1 - out / (scale * extent)) + (x + 0.5) / scale - 0.5;
    default:
      return refuse("O5", `coordinate_transformation_mode ${coordinates}`);
  }
};

const cubicWeight = (distance: number, a: number): number => {
  const x = Math.abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
};

/** Weights of the neighbours of a point, the first being `first` positions from the point's floor. */
const weightsOf = (form: Form, ratio: number, scale: number): { first: number; weights: number[] } => {
  if (form.mode === "nearest") {
    const { nearest } = form;
    const up =
      ratio === 1 ||
      nearest === "ceil" ||
      (nearest === "round_prefer_floor" && ratio > 0.5) ||
      (nearest === "round_prefer_ceil" && ratio >= 0.5);
    return { first: 0, weights: up ? [0, 1] : [1, 0] };
  }
  const reach = form.mode === "linear" ? 1 : 2;
  const shrunk = form.antialias ? Math.min(scale, 1) : 1;
  const first = Math.floor(-reach / shrunk) + 1;
  const weights = Array.from({ length: 2 * (1 - first) }, (_, j) => {
    const distance = (first + j - ratio) * shrunk;
    return form.mode === "linear" ? Math.max(0, 1 - Math.abs(distance)) : cubicWeight(distance, form.cubic);
  });
  const sum = weights.reduce((a, b) => a + b, 0);
  return { first, weights: form.antialias ? weights.map((w) => w / sum) : weights };
};

type Tap = { readonly index: number[]; readonly weight: number[] };

/** For each tap the input position and the weight of every output position. */
const tapsOf = (form: Form, plan: AxisPlan): Tap[] => {
  const taps: Tap[] = [];
  for (let x = 0; x < plan.out; x++) {
    const source = sourceOf(form, plan, x);
    const whole = Number.isInteger(source);
    // A whole source is the upper neighbour of the position below it.
    const floor = whole ? source - 1 : Math.floor(source);
    const { first, weights } = weightsOf(form, whole ? 1 : source - floor, plan.scale);
    const inside = weights.map((w, j) => {
      const at = floor + first + j;
      return form.excludeOutside && (at < 0 || at >= plan.extent) ? 0 : w;
    });
    const sum = inside.reduce((a, b) => a + b, 0);
    for (const [j, w] of inside.entries()) {
      const tap = taps[j] ?? { index: [], weight: [] };
      taps[j] = tap;
      tap.index[x] = Math.min(Math.max(floor + first + j, 0), plan.extent - 1);
      tap.weight[x] = form.excludeOutside ? w / sum : w;
    }
  }
  return taps;
};

/** Elements of an axis by constant positions: a slice, a repetition, or a gather. */
const pick = (emitter: Emitter, value: Value, axis: number, index: readonly number[]): Value => {
  const [start = 0, second = 0] = index;
  const step = index.length > 1 ? second - start : 1;
  if (index.every((at, i) => at === start + step * i))
    return sliced(value, [{ axis, start, step, extent: index.length }]);
  const extent = value.shape[axis] as number;
  const factor = index.length / extent;
  if (Number.isInteger(factor) && value.shape.length < 8 && index.every((at, i) => at === Math.floor(i / factor))) {
    const before = value.shape.slice(0, axis);
    const after = value.shape.slice(axis + 1);
    const single = reshaped(emitter, value, [...before, extent, 1, ...after]);
    return reshaped(emitter, expanded(single, [...before, extent, factor, ...after]), [
      ...before,
      index.length,
      ...after,
    ]);
  }
  const indices = tensorOf("int64", [index.length], leafOf(emitter.constant("i32", index), [1]));
  return gathered(emitter, value, indices, axis);
};

const along = (emitter: Emitter, list: readonly number[], rank: number, axis: number): Expr =>
  list.every((v) => v === list[0])
    ? float(list[0] as number)
    : leafOf(
        emitter.constant("f32", list),
        Array.from({ length: rank }, (_, x) => (x === axis ? 1 : 0)),
      );

const resizeAxis = (emitter: Emitter, value: Value, form: Form, plan: AxisPlan): Value => {
  const taps = tapsOf(form, plan);
  if (form.mode === "nearest") {
    const index = Array.from({ length: plan.out }, (_, x) => {
      const chosen = taps.find(({ weight }) => weight[x] === 1);
      return chosen?.index[x] ?? 0;
    });
    return pick(emitter, value, plan.axis, index);
  }
  const stored: Value = { ...value, expr: emitter.view(value.expr, value.shape) };
  let sum: Value | undefined;
  for (const { index, weight } of taps) {
    if (weight.every((w) => w === 0)) continue;
    const part = pick(emitter, stored, plan.axis, index);
    const weighted = apply("FMUL", part.expr, along(emitter, weight, part.shape.length, plan.axis));
    sum = { ...part, expr: sum === undefined ? weighted : apply("FADD", sum.expr, weighted) };
  }
  return sum ?? refuse("O5", "a resize whose weights are all 0");
};

/** Output extents and scales along the resized axes. */
const extentsOf = (
  context: NodeContext,
  value: Value,
  axes: readonly number[],
  at: { scales: number; sizes: number },
): { out: number[]; scale: number[] } => {
  const extents = axes.map((axis) => value.shape[axis] as number);
  const given = (index: number): Float64Array | undefined => {
    if (index < 0 || !context.has(index) || sizeOf(context.any(index).shape) === 0) return undefined;
    const { data } = context.constant(index);
    return data.length === axes.length ? data : refuse("O8", `${data.length} factors for ${axes.length} axes`);
  };
  const sizes = given(at.sizes);
  if (sizes === undefined) {
    const scales = given(at.scales) ?? context.floats("scales") ?? refuse("O5", "Resize without scales or sizes");
    return { scale: [...scales], out: extents.map((extent, x) => Math.floor(extent * (scales[x] as number))) };
  }
  const ratios = extents.map((extent, x) => (sizes[x] as number) / extent);
  const policy = context.text("keep_aspect_ratio_policy", "stretch");
  if (policy === "stretch") return { scale: ratios, out: [...sizes] };
  const ratio = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  return { scale: extents.map(() => ratio), out: extents.map((extent) => Math.floor(extent * ratio + 0.5)) };
};

const resized = (context: NodeContext, form: Form, at: { roi: number; scales: number; sizes: number }): Value => {
  const value = context.value(0);
  const { emitter } = context;
  const rank = value.shape.length;
  if (form.mode !== "nearest" && !isFloat(value.element))
    refuse("O3", `${form.mode} interpolation of ${value.element}`);
  if (!["nearest", "linear", "cubic"].includes(form.mode)) refuse("O5", `Resize mode ${form.mode}`);
  const axes = (context.ints("axes") ?? value.shape.map((_, x) => x)).map((axis) => axisOf(axis, rank));
  const { out, scale } = extentsOf(context, value, axes, at);
  const roi = at.roi >= 0 && form.coordinates === "tf_crop_and_resize" ? context.constant(at.roi).data : undefined;
  const plans = axes.map((axis, j): AxisPlan => {
    const from = roi?.[j] ?? 0;
    const to = roi?.[j + axes.length] ?? 1;
    return {
      axis,
      extent: value.shape[axis] as number,
      out: out[j] as number,
      scale: scale[j] as number,
      roi: [from, to],
    };
  });
  if (plans.some((plan) => !(plan.scale > 0) || plan.out < 1 || plan.out > 2 ** 24))
    refuse("O4", `a resize to [${out}]`);
  const shape = [...value.shape];
  let result = value;
  for (const plan of plans) {
    shape[plan.axis] = plan.out;
    const still = plan.out === plan.extent && plan.scale === 1 && roi === undefined;
    if (!still) result = resizeAxis(emitter, result, form, plan);
  }
  if (roi === undefined) return result;
  let expr = result.expr;
  for (const plan of plans) {
    const outside = Array.from({ length: plan.out }, (_, x) => {
      const source = sourceOf(form, plan, x);
      return Number(source < 0 || source > plan.extent - 1);
    });
    if (outside.every((flag) => flag === 0)) continue;
    const mask = leafOf(
      emitter.constant("u8", outside),
      shape.map((_, x) => (x === plan.axis ? 1 : 0)),
    );
    expr = isFloat(value.element)
      ? apply("FSEL", mask, float(form.extrapolation), expr)
      : refuse("O3", `extrapolation of ${value.element}`);
  }
  return { ...result, expr };
};

const resize: Lowering = (context) => {
  const old = context.node.opset < 11;
  const form: Form = {
    mode: context.text("mode", "nearest"),
    coordinates: old ? "asymmetric" : context.text("coordinate_transformation_mode", "half_pixel"),
    nearest: old ? "floor" : context.text("nearest_mode", "round_prefer_floor"),
    cubic: context.float("cubic_coeff_a", -0.75),
    excludeOutside: context.int("exclude_outside", 0) !== 0,
    antialias: context.int("antialias", 0) !== 0,
    extrapolation: context.float("extrapolation_value", 0),
  };
  return [resized(context, form, old ? { roi: -1, scales: 1, sizes: -1 } : { roi: 1, scales: 2, sizes: 3 })];
};

const upsample: Lowering = (context) => {
  const form: Form = {
    mode: context.text("mode", "nearest"),
    coordinates: "asymmetric",
    nearest: "floor",
    cubic: -0.75,
    excludeOutside: false,
    antialias: false,
    extrapolation: 0,
  };
  return [resized(context, form, { roi: -1, scales: context.hasAttribute("scales") ? -1 : 1, sizes: -1 })];
};

export const RESIZE: LoweringTable = { Resize: resize, Upsample: upsample };
