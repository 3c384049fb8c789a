import { createOnnxGraph, type OnnxValue } from "../../executor/index.ts";

/**
 * A residual network of about 106 million multiply-adds, generated: once in float32, once with the same weights
 * quantised as the standard tools write it (QDQ, u8 activations, s8 weights a channel), from ranges that the float
 * network itself shows.
 */

export const SIDE = 64;
export const CHANNELS = 3;
export const CLASSES = 10;

const createSequence = (seed: number) => {
  let state = seed >>> 0;
  const real = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return { real, normal: (): number => real() + real() + real() + real() + real() + real() - 3 };
};

export const imageOf = (seed: number): Float32Array => {
  const { real } = createSequence(seed);
  return Float32Array.from({ length: SIDE * SIDE * CHANNELS }, () => real());
};

type Layer =
  | {
      readonly kind: "conv";
      readonly name: string;
      readonly from: string;
      readonly channels: readonly [number, number];
      readonly kernel: number;
      readonly stride: number;
      readonly side: number;
      readonly relu: boolean;
    }
  | {
      readonly kind: "add";
      readonly name: string;
      readonly from: string;
      readonly other: string;
      readonly channels: number;
      readonly side: number;
    };

/** Layers in order; `side` is that of the output. */
const LAYERS: readonly Layer[] = (() => {
  const layers: Layer[] = [];
  let from = "image";
  let channels = CHANNELS;
  let side = SIDE;
  const conv = (
    source: string,
    out: number,
    kernel: number,
    stride: number,
    relu: boolean,
    inner = channels,
  ): string => {
    const name = `conv${layers.length}`;
    const outSide = layers.length === 0 ? SIDE / 2 : stride === 2 ? side / 2 : side;
    layers.push({ kind: "conv", name, from: source, channels: [inner, out], kernel, stride, side: outSide, relu });
    return name;
  };
  from = conv(from, 32, 3, 2, true);
  channels = 32;
  side = SIDE / 2;
  for (const [width, blocks] of [
    [32, 2],
    [64, 2],
    [128, 2],
  ] as const)
    for (let block = 0; block < blocks; block++) {
      const down = width !== channels;
      const stride = down ? 2 : 1;
      const first = conv(from, width, 3, stride, true);
      const skip = down ? conv(from, width, 1, 2, false) : from;
      if (down) side /= 2;
      channels = width;
      const second = conv(first, width, 3, 1, false, width);
      const name = `add${layers.length}`;
      layers.push({ kind: "add", name, from: second, other: skip, channels, side });
      from = name;
    }
  return layers;
})();

const LAST = LAYERS.at(-1) as Extract<Layer, { kind: "add" }>;

export const MULTIPLY_ADDS = LAYERS.reduce(
  (sum, layer) =>
    layer.kind === "conv" ? sum + layer.side ** 2 * layer.channels[0] * layer.channels[1] * layer.kernel ** 2 : sum,
  LAST.channels * CLASSES,
);

type Weights = { readonly w: Float32Array; readonly bias: Float32Array; readonly scales: Float32Array };

/** Weights on the grid of `steps` codes, so that both networks hold the same numbers. */
const weightsOf = (steps: number) => {
  const made = new Map<string, Weights>();
  return (name: string, outputs: number, reads: number): Weights => {
    const known = made.get(name);
    if (known !== undefined) return known;
    const { normal } = createSequence([...name].reduce((sum, c) => sum * 31 + c.charCodeAt(0), 7));
    const spread = Math.sqrt(4 / reads);
    const scales = Float32Array.from({ length: outputs }, () => (3 * spread) / steps);
    const w = Float32Array.from({ length: outputs * reads }, (_, i) => {
      const scale = scales[Math.floor(i / reads)] as number;
      return Math.max(-steps, Math.min(steps, Math.round((normal() * spread) / scale))) * scale;
    });
    const weights = { w, bias: Float32Array.from({ length: outputs }, () => 0.1 * normal()), scales };
    made.set(name, weights);
    return weights;
  };
};

const planes = (channels: number, side: number): number[] => [1, channels, side, side];

/** Largest magnitudes of the named activations, from which scales are made. */
export type Ranges = ReadonlyMap<string, { readonly lo: number; readonly hi: number }>;

export const createNetwork = (steps: 64 | 127) => {
  const weights = weightsOf(steps);

  const attributes = (kernel: number, stride: number) => {
    // The padding of a stride of 2 over an even side: none before, one behind.
    const pad = kernel === 1 ? [0, 0, 0, 0] : stride === 2 ? [0, 0, 1, 1] : [1, 1, 1, 1];
    return { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: pad };
  };

  /** Layers over a graph; `seen` is called with every activation and answers what the next layers read. */
  const write = (
    g: ReturnType<typeof createOnnxGraph>,
    parameter: (name: string, dims: readonly number[], weights: Weights) => readonly [OnnxValue, OnnxValue],
    seen: (name: string, value: OnnxValue) => OnnxValue,
  ): OnnxValue => {
    const values = new Map<string, OnnxValue>();
    const keep = (name: string, value: OnnxValue): void => void values.set(name, seen(name, value));
    keep("image", g.input("image", "float32", planes(CHANNELS, SIDE)));
    const node = (op: string, inputs: readonly OnnxValue[], shape: readonly number[], extra = {}): OnnxValue =>
      g.node({ op, inputs, type: "float32", shape, attributes: extra });
    for (const layer of LAYERS) {
      const x = values.get(layer.from) as OnnxValue;
      if (layer.kind === "conv") {
        const [inner, outer] = layer.channels;
        const dims = [outer, inner, layer.kernel, layer.kernel];
        const [w, b] = parameter(layer.name, dims, weights(layer.name, outer, inner * layer.kernel ** 2));
        const shape = planes(outer, layer.side);
        const y = node("Conv", [x, w, b], shape, attributes(layer.kernel, layer.stride));
        keep(layer.name, layer.relu ? node("Relu", [y], shape) : y);
      } else {
        const shape = planes(layer.channels, layer.side);
        keep(layer.name, node("Relu", [node("Add", [x, values.get(layer.other) as OnnxValue], shape)], shape));
      }
    }
    const pooled = node("GlobalAveragePool", [values.get(LAST.name) as OnnxValue], planes(LAST.channels, 1));
    keep("pooled", pooled);
    const flat = node("Flatten", [values.get("pooled") as OnnxValue], [1, LAST.channels], { axis: 1 });
    const [w, b] = parameter("head", [CLASSES, LAST.channels], weights("head", CLASSES, LAST.channels));
    const logits = node("Gemm", [flat, w, b], [1, CLASSES], { transB: 1 });
    return seen("logits", logits);
  };

  return {
    /** The float network; with `all` every activation is an output, in the order of `names`. */
    float(all = false): {
      readonly model: Uint8Array;
      readonly names: readonly string[];
      readonly outputs: readonly string[];
    } {
      const g = createOnnxGraph();
      const names: string[] = [];
      const outputs: string[] = [];
      const last = write(
        g,
        (name, dims, { w, bias }) => [
          g.constant(`w ${name}`, "float32", dims, () => w),
          g.constant(`b ${name}`, "float32", [bias.length], () => bias),
        ],
        (name, value) => {
          if (all && name !== "image" && name !== "logits") {
            names.push(name);
            outputs.push(value.name);
            g.output(value);
          }
          return value;
        },
      );
      g.output(last);
      return { model: g.encode(), names: [...names, "logits"], outputs: [...outputs, last.name] };
    },

    /** The same network between QuantizeLinear and DequantizeLinear. */
    quantised(ranges: Ranges): Uint8Array {
      const g = createOnnxGraph();
      const scaleOf = (name: string): { scale: number; zero: number } => {
        const { lo, hi } = ranges.get(name) ?? { lo: 0, hi: 1 };
        const bottom = Math.min(lo, 0);
        const scale = Math.fround((Math.max(hi, 1e-3) - bottom) / 255);
        return { scale, zero: Math.round(-bottom / scale) };
      };
      const inputScale = new Map(
        LAYERS.flatMap((layer) => (layer.kind === "conv" ? [[layer.name, layer.from] as const] : [])),
      );
      const dequantise = (inputs: readonly OnnxValue[], shape: readonly number[], extra = {}): OnnxValue =>
        g.node({ op: "DequantizeLinear", inputs, type: "float32", shape, attributes: extra });
      const last = write(
        g,
        (name, dims, { w, bias, scales }) => {
          const reads = w.length / bias.length;
          const codes = (): Int8Array =>
            Int8Array.from(w, (v, i) => Math.round(v / (scales[Math.floor(i / reads)] as number)));
          const q = g.constant(`w ${name}`, "int8", dims, codes);
          const s = g.constant(`s ${name}`, "float32", [scales.length], () => scales);
          const z = g.constant(`z ${name}`, "int8", [scales.length], () => new Int8Array(scales.length));
          const { scale } = scaleOf(name === "head" ? "pooled" : (inputScale.get(name) as string));
          const biasScales = Float32Array.from(scales, (v) => v * scale);
          const t = g.constant(`t ${name}`, "float32", [scales.length], () => biasScales);
          const b = g.constant(`b ${name}`, "int32", [bias.length], () =>
            Int32Array.from(bias, (v, i) => Math.round(v / (biasScales[i] as number))),
          );
          const y = g.constant(`y ${name}`, "int32", [bias.length], () => new Int32Array(bias.length));
          return [dequantise([q, s, z], dims, { axis: 0 }), dequantise([b, t, y], [bias.length], { axis: 0 })];
        },
        (name, value) => {
          const { scale, zero } = scaleOf(name);
          const parameters = [g.scalar("float32", scale), g.scalar("uint8", zero)];
          const { shape } = value;
          const codes = g.node({ op: "QuantizeLinear", inputs: [value, ...parameters], type: "uint8", shape });
          return dequantise([codes, ...parameters], shape);
        },
      );
      g.output(last);
      return g.encode();
    },
  };
};
