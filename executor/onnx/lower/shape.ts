import { denseStrides } from "../../tensor/address.ts";
import { axisOf, type Lowering, type LoweringTable, type NodeContext, tensorOf } from "../emit/context.ts";
import { apply, type Element, type Expr, float, int, isFloat, leafOf, sizeOf, type Value } from "../emit/expression.ts";
import { elementOf, type TensorConstant } from "../emit/graph.ts";
import { refuse } from "../emit/refusal.ts";
import { expanded, reshaped } from "../emit/views.ts";
import { castTo } from "./elementwise.ts";
import { known } from "./movement.ts";

/** Constants, shapes, and tensors made of positions. */

const literal = (context: NodeContext, { element, shape, data }: TensorConstant): Value =>
  known(context.emitter, element, shape, data);

const constant: Lowering = (context) => {
  const tensor = context.tensor("value");
  if (tensor !== undefined) return [literal(context, tensor)];
  const list = (element: Element, data: readonly number[], shape: readonly number[]): Value =>
    known(context.emitter, element, shape, data);
  if (context.hasAttribute("value_int")) return [list("int64", [context.int("value_int")], [])];
  if (context.hasAttribute("value_float")) return [list("float32", [context.float("value_float", 0)], [])];
  const ints = context.ints("value_ints");
  if (ints !== undefined && context.hasAttribute("value_ints")) return [list("int64", ints, [ints.length])];
  const floats = context.floats("value_floats");
  if (floats !== undefined && context.hasAttribute("value_floats")) return [list("float32", floats, [floats.length])];
  return refuse("O3", "a Constant that holds no numbers");
};

const constantOfShape: Lowering = (context) => {
  const shape = context.integers(0) ?? [];
  const tensor = context.tensor("value") ?? { element: "float32", shape: [1], data: Float64Array.of(0) };
  const one = known(context.emitter, tensor.element, [], tensor.data);
  return [expanded(one, shape)];
};

const shape: Lowering = (context) => {
  const { shape: whole } = context.any(0);
  const clamp = (index: number): number =>
    Math.min(Math.max(index < 0 ? index + whole.length : index, 0), whole.length);
  const extents = whole.slice(clamp(context.int("start", 0)), clamp(context.int("end", whole.length)));
  return [known(context.emitter, "int64", [extents.length], extents)];
};

const size: Lowering = (context) => [tensorOf("int64", [], int(sizeOf(context.any(0).shape)))];

const range: Lowering = (context) => {
  const { element } = context.any(0);
  const [start = 0, limit = 0, step = 1] = [0, 1, 2].map((index) => context.constant(index).data[0]);
  const count = Math.max(0, Math.ceil((limit - start) / step));
  if (!Number.isFinite(count) || count > 2 ** 24) refuse("O4", `a range of ${count}`);
  const at = (i: number): number => (isFloat(element) ? Math.fround(start + Math.fround(i * step)) : start + i * step);
  return [
    known(
      context.emitter,
      element,
      [count],
      Float64Array.from({ length: count }, (_, i) => at(i)),
    ),
  ];
};

const eyeLike: Lowering = (context) => {
  const value = context.any(0);
  const [rows, columns] = value.shape;
  if (rows === undefined || columns === undefined || value.shape.length !== 2)
    return refuse("O5", "EyeLike of no matrix");
  const element = context.hasAttribute("dtype") ? elementOf(context.int("dtype")) : value.element;
  if (element === undefined) return refuse("O3", "EyeLike of a type outside the profile");
  const k = context.int("k", 0);
  const data = Float64Array.from({ length: rows * columns }, (_, i) =>
    (i % columns) - Math.floor(i / columns) === k ? 1 : 0,
  );
  return [known(context.emitter, element, [rows, columns], data)];
};

/** 1 where the element is kept: on, above or below diagonal k. */
const trilu: Lowering = (context) => {
  const value = context.value(0);
  const rank = value.shape.length;
  const k = context.has(1) ? (context.constant(1).data[0] as number) : 0;
  const upper = context.int("upper", 1) !== 0;
  const [rows, columns] = value.shape.slice(-2) as [number, number];
  const data = Uint8Array.from({ length: rows * columns }, (_, i) => {
    const offset = (i % columns) - Math.floor(i / columns);
    return Number(upper ? offset >= k : offset <= k);
  });
  const mask = leafOf(context.emitter.constant("u8", data), [...value.shape.slice(2).map(() => 0), columns, 1]);
  if (rank < 2) return refuse("O8", "Trilu of no matrix");
  const float32 = isFloat(value.element);
  return [{ ...value, expr: apply(float32 ? "FSEL" : "SEL", mask, value.expr, float32 ? float(0) : int(0)) }];
};

/** on where index == position, off elsewhere; an index outside gives a row of off. */
const oneHot: Lowering = (context) => {
  const indices = context.value(0);
  const depth = context.constant(1).data[0] as number;
  const values = context.value(2);
  const rank = indices.shape.length + 1;
  const axis = axisOf(context.int("axis", -1), rank);
  const { emitter } = context;
  const shape = [...indices.shape.slice(0, axis), depth, ...indices.shape.slice(axis)];
  const at = castTo(indices, "int64");
  const wide = reshaped(emitter, at, [...indices.shape.slice(0, axis), 1, ...indices.shape.slice(axis)]);
  const index = expanded(wide, shape).expr;
  const positive = apply("SEL", apply("LT", index, int(0)), apply("ADD", index, int(depth)), index);
  const iota = emitter.constant(
    "i32",
    Float64Array.from({ length: depth }, (_, i) => i),
  );
  const position = leafOf(
    iota,
    shape.map((_, x) => (x === axis ? 1 : 0)),
  );
  const pick = (which: number): Expr => {
    const view = emitter.view(values.expr, values.shape);
    return { ...view, base: view.base + which * (view.stride[0] as number), stride: denseStrides(shape).map(() => 0) };
  };
  const hit = apply("EQ", positive, position);
  return [tensorOf(values.element, shape, apply(isFloat(values.element) ? "FSEL" : "SEL", hit, pick(1), pick(0)))];
};

export const SHAPE: LoweringTable = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  EyeLike: eyeLike,
  OneHot: oneHot,
  Range: range,
  Shape: shape,
  Size: size,
  Trilu: trilu,
};
