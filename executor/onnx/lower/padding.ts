import { axisOf, type Lowering, type LoweringTable, tensorOf } from "../emit/context.ts";
import { type Emitter, integerType, memoryOrder, stridesInOrder } from "../emit/emitter.ts";
import { evaluateAt, isFloat, type Leaf, leafOf, mapLeaves, type Value, wrappingOf } from "../emit/expression.ts";
import { refuse } from "../emit/refusal.ts";
import { overLeaf, sliced } from "../emit/views.ts";
import { assemble, type Piece } from "./movement.ts";

/** Borders: constant ones by guards, the others by pieces of the tensor itself. */

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

/** Guards of one access. */
const GUARDS = 4;

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
const padConstant = (
  emitter: Emitter,
  value: Value,
  before: readonly number[],
  after: readonly number[],
  fill: number,
): Value => {
  const padded = value.shape.map((_, x) => x).filter((x) => before[x] !== 0 || after[x] !== 0);
  if (padded.length === 0) return value;
  const code = codeOf(emitter, value, fill);
  if (code !== undefined) return overLeaf(value, (stored) => padConstant(emitter, stored, before, after, code));
  const dtype =
    value.expr.type === "F"
      ? "f32"
      : integerType({ lo: Math.min(value.expr.interval.lo, fill), hi: Math.max(value.expr.interval.hi, fill) });
  const leaf = emitter.view(value.expr, value.shape, { dtype });
  const order = memoryOrder(leaf, value.shape);
  let at: Value = { ...value, expr: leaf };
  for (let done = 0; done < padded.length; done += GUARDS) {
    const axes = padded.slice(done, done + GUARDS);
    const view = at.expr as Leaf;
    const from = at.shape;
    const shape = from.map((extent, x) =>
      axes.includes(x) ? extent + (before[x] as number) + (after[x] as number) : extent,
    );
    const stored = emitter.stores.emit({
      kind: "MOVE",
      dtype,
      output: order.map((x) => shape[x] as number),
      reduction: [],
      fill,
      operands: [
        {
          storage: view.storage,
          base: axes.reduce((base, x) => base - (before[x] as number) * (view.stride[x] as number), view.base),
          stride: order.map((x) => view.stride[x] as number),
          guards: axes.map((x) => ({
            off: -(before[x] as number),
            coef: order.map((y) => (x === y ? 1 : 0)),
            limit: from[x] as number,
          })),
        },
      ],
    });
    at = tensorOf(value.element, shape, leafOf(stored, stridesInOrder(shape, order)));
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

export const PADDING: LoweringTable = { Pad: pad };
