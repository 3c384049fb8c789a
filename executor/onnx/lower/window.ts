import type { NodeContext } from "../emit/context.ts";
import type { ConvShape } from "../emit/contraction.ts";
import { refuse } from "../emit/refusal.ts";

/** Sliding windows: what kernel_shape, strides, dilations, pads, auto_pad and ceil_mode say. */

export type Axis = {
  readonly extent: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
  readonly out: number;
};

/**
 * The window over `extents` (spatial axes only) with a kernel of these lengths, by ONNX's formulas for Conv and pools. O8
 * when attributes contradict each other or the input, O5 for negative pads.
 */
export const axesOfWindow = (context: NodeContext, extents: readonly number[], kernel: readonly number[]): Axis[] => {
  const rank = extents.length;
  const given = context.ints("kernel_shape");
  if (kernel.length !== rank || given?.some((k, x) => k !== kernel[x]))
    return refuse("O8", `a kernel [${given ?? kernel}] over ${rank} axes`);
  const strides = context.ints("strides") ?? extents.map(() => 1);
  const dilations = context.ints("dilations") ?? extents.map(() => 1);
  const pads = context.ints("pads") ?? [...extents, ...extents].map(() => 0);
  const auto = context.text("auto_pad", "NOTSET");
  const ceil = context.int("ceil_mode", 0) !== 0;
  if (strides.length !== rank || dilations.length !== rank || pads.length !== 2 * rank)
    return refuse("O8", `strides [${strides}], dilations [${dilations}], pads [${pads}] over ${rank} axes`);
  if (pads.some((pad) => pad < 0)) return refuse("O5", `negative pads ${pads}`);
  return extents.map((extent, x) => {
    const stride = strides[x] as number;
    const dilation = dilations[x] as number;
    const size = kernel[x] as number;
    const span = (size - 1) * dilation + 1;
    if (!(stride > 0 && dilation > 0 && size > 0)) return refuse("O8", "a stride, dilation or kernel of 0");
    let before = auto === "NOTSET" ? (pads[x] as number) : 0;
    let after = auto === "NOTSET" ? (pads[x + rank] as number) : 0;
    if (auto === "SAME_UPPER" || auto === "SAME_LOWER") {
      const total = Math.max(0, (Math.ceil(extent / stride) - 1) * stride + span - extent);
      before = auto === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2);
      after = total - before;
    }
    const room = extent + before + after - span;
    if (room < 0) return refuse("O8", `a window of ${span} over ${extent + before + after} elements`);
    let out = Math.floor(room / stride) + 1;
    if (ceil) {
      out = Math.ceil(room / stride) + 1;
      if ((out - 1) * stride >= extent + before) out--;
    }
    return { extent, kernel: size, stride, dilation, before, after, out };
  });
};

export type Plane = Pick<
  ConvShape,
  "outHeight" | "outWidth" | "strideY" | "strideX" | "dilationY" | "dilationX" | "padTop" | "padLeft"
>;

const ONE: Axis = { extent: 1, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, out: 1 };

/** The window over a plane; a line has height 1. */
export const planeOf = (context: NodeContext, extents: readonly number[], kernel: readonly number[]): Plane => {
  const axes = axesOfWindow(context, extents, kernel);
  const [y, x] = (axes.length === 1 ? [ONE, axes[0]] : axes) as [Axis, Axis];
  return {
    outHeight: y.out,
    outWidth: x.out,
    strideY: y.stride,
    strideX: x.stride,
    dilationY: y.dilation,
    dilationX: x.dilation,
    padTop: y.before,
    padLeft: x.before,
  };
};
