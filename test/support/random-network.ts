import {
  type Access,
  type Assembly,
  type Conv2d,
  concatAxis,
  conv2d,
  createAssembly,
  type Dtype,
  expand,
  gatherRows,
  instruction,
  lookup,
  map,
  matmul,
  type OperatorSpec,
  type Program,
  pad,
  pool2d,
  type Ref,
  reduceAxes,
  requantise,
  slice,
  topkAxes,
  transpose,
  upsample2d,
} from "../../executor/index.ts";
import type { Random } from "./random-program.ts";

/**
 * Networks of recognisable layers at random: what the fast executor gives to vector kernels, with weights, scales and
 * accumulators at extremes and ties. Everything follows from the random source.
 */

type Shape = readonly [batch: number, height: number, width: number, channels: number];
type Plane = { readonly ref: Ref; readonly shape: Shape };
type Network = {
  readonly assembly: Assembly;
  readonly random: Random;
  /** u8 and i8 tensors to go on from; the last one is the newest. */
  readonly planes: Plane[];
  readonly outputs: Ref[];
};

type Requantised = {
  readonly rows: number;
  readonly columns: number;
  readonly zero: number;
  readonly scale: number | "column";
};

const at = (ref: Ref): { readonly ref: Ref } => ({ ref });
const add = (assembly: Assembly, built: { readonly operands: readonly Access[] }): Ref =>
  assembly.operator(built as unknown as OperatorSpec);
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** 8-bit weights: all extremes, alternating, sparse, anything; |w| <= 64 or the whole type. */
const weights = (random: Random, count: number): { dtype: "u8" | "i8"; zw: number; data: number[] } => {
  const form = random.pick(["u8", "i8", "s7", "u7"] as const);
  const [lo, hi] = { u8: [0, 255], i8: [-128, 127], s7: [-64, 64], u7: [64, 192] }[form] as [number, number];
  const style = random.below(4);
  const data = Array.from({ length: count }, (_, i) => {
    if (style === 0) return hi;
    if (style === 1) return i % 2 === 0 ? hi : lo;
    if (style === 2 && random.chance(0.7)) return form === "u7" ? 128 : 0;
    return random.between(lo, hi);
  });
  const zw = form === "u8" ? random.pick([0, 128, 255, random.below(256)]) : form === "u7" ? 128 : 0;
  return { dtype: form === "u8" || form === "u7" ? "u8" : "i8", zw: form === "i8" ? random.pick([0, -3]) : zw, data };
};

/** A scale that spreads sums of `reads` products over the output's codes; powers of two make ties. */
const scale = (random: Random, reads: number): number => {
  const whole = 2 ** -Math.round(Math.log2(reads) + random.between(3, 9));
  return random.chance(0.5) ? whole : Math.fround(whole * (0.5 + random.real()));
};

const zeroOf = (random: Random, { dtype }: Ref): number =>
  dtype === "u8" ? random.pick([0, 128, 255, random.below(256)]) : random.pick([0, -128, 127, random.below(100)]);

const requantised = (net: Network, acc: Ref, columns: number, reads: number): Ref => {
  const { assembly, random } = net;
  const perColumn = random.chance(0.5);
  const form = {
    rows: acc.count / columns,
    columns,
    zero: random.pick([0, 100, 128, 255]),
    dtype: "u8",
    scale: perColumn ? "column" : scale(random, reads),
  } as const;
  const scales = perColumn
    ? assembly.constant(
        "f32",
        Array.from({ length: columns }, () => scale(random, reads)),
      )
    : undefined;
  if (random.chance(0.6))
    return add(
      assembly,
      requantise<{ readonly ref: Ref }>(form, at(acc), scales === undefined ? undefined : at(scales)),
    );
  return add(assembly, rectified(net, form, acc, scales));
};

/** Relu on the sum, and sometimes a clamp of the codes behind. */
const rectified = ({ random }: Network, form: Requantised, acc: Ref, scales: Ref | undefined) => {
  const { rows, columns, zero, scale: factor } = form;
  const operands = [{ tensor: at(acc), stride: [columns, 1] }];
  if (scales !== undefined) operands.push({ tensor: at(scales), stride: [0, 1] });
  const body = [
    instruction("MAX", { operand: 0 }, { int: 0 }),
    instruction("I2F", 0),
    instruction("FMUL", 1, factor === "column" ? { operand: 1 } : { float: factor }),
    instruction("QU8", 2, { int: zero }),
  ];
  if (random.chance(0.4))
    body.push(instruction(random.pick(["MAX", "MIN"]), 3, { int: random.pick([0, 17, 255, 300, -1]) }));
  if (body.length > 4) body.push(instruction("MIN", 4, { int: 255 }), instruction("MAX", 5, { int: 0 }));
  return map("u8", [rows, columns], operands, body);
};

const newest = ({ random, planes }: Network): Plane =>
  random.chance(0.7) ? (planes.at(-1) as Plane) : random.pick(planes);

/** `dilations`: with 1 alone, and padding below the kernel, every window has an element of the plane. */
const windowOf = (random: Random, [batch, height, width, channels]: Shape, dilations: readonly number[]) => {
  const kernelHeight = random.between(1, 3);
  const kernelWidth = random.between(1, 3);
  const axis = (extent: number, kernel: number) => {
    const dilation = random.pick(dilations);
    const stride = random.pick([1, 1, 2, 3]);
    const reach = (kernel - 1) * dilation + 1;
    const begin = random.between(0, kernel - 1);
    const end = random.between(Math.max(0, reach - extent - begin), Math.max(kernel - 1, reach - extent - begin));
    return { dilation, stride, begin, out: Math.floor((extent + begin + end - reach) / stride) + 1 };
  };
  const y = axis(height, kernelHeight);
  const x = axis(width, kernelWidth);
  return {
    ...{ batch, height, width, channels, kernelHeight, kernelWidth, outHeight: y.out, outWidth: x.out },
    ...{ strideY: y.stride, strideX: x.stride, dilationY: y.dilation, dilationX: x.dilation },
    ...{ padTop: y.begin, padLeft: x.begin },
  };
};

const addConv = (net: Network): void => {
  const { assembly, random } = net;
  const { ref, shape } = newest(net);
  const channels = shape[3];
  const groups = random.pick([1, 1, channels, channels % 2 === 0 ? 2 : 1]);
  const outChannels = groups * random.between(1, 6);
  const window = windowOf(random, shape, [1, 1, 2]);
  const perGroup = channels / groups;
  const reads = window.kernelHeight * window.kernelWidth * perGroup;
  const { dtype, zw, data } = weights(random, outChannels * reads);
  const conv: Conv2d = {
    ...window,
    ...{ outChannels, groups, za: zeroOf(random, ref), zw, channelFrom: 0, channelCount: perGroup },
  };
  const w = assembly.constant(dtype, data);
  const extreme = random.pick([10, 100_000, 2 ** 30]);
  const bias = random.chance(0.6)
    ? assembly.constant(
        "i32",
        Array.from({ length: outChannels }, () => random.between(-extreme, extreme)),
      )
    : undefined;
  const column = bias === undefined ? undefined : ({ tensor: at(bias), per: "column" } as const);
  let acc: Ref;
  if (groups === 1 && perGroup > 1 && random.chance(0.3)) {
    const cut = random.between(1, perGroup - 1);
    const first = add(assembly, conv2d({ ...conv, channelCount: cut }, at(ref), at(w), column));
    const rest = { ...conv, channelFrom: cut, channelCount: perGroup - cut };
    acc = add(assembly, conv2d(rest, at(ref), at(w), { tensor: at(first), per: "element" }));
  } else acc = add(assembly, conv2d(conv, at(ref), at(w), column));
  if (random.chance(0.15)) net.outputs.push(acc);
  const y = requantised(net, acc, outChannels, reads);
  net.planes.push({ ref: y, shape: [shape[0], window.outHeight, window.outWidth, outChannels] });
};

const addProduct = (net: Network): void => {
  const { assembly, random } = net;
  const { ref, shape } = newest(net);
  const inner = shape[3];
  const rows = ref.count / inner;
  const columns = random.between(1, 12);
  const { dtype, zw, data } = weights(random, columns * inner);
  const w = assembly.constant(dtype, data);
  const form = { batch: 1, rows, columns, inner, innerFrom: 0, innerCount: inner, batchedW: false };
  const bias = random.chance(0.5)
    ? assembly.constant(
        "i32",
        Array.from({ length: columns }, () => random.between(-9000, 9000)),
      )
    : undefined;
  const product = matmul(
    { ...form, za: zeroOf(random, ref), zw },
    at(ref),
    at(w),
    bias === undefined ? undefined : { tensor: at(bias), per: "column" },
  );
  const acc = add(assembly, product);
  if (random.chance(0.3)) net.outputs.push(acc);
  net.planes.push({ ref: requantised(net, acc, columns, inner), shape: [shape[0], shape[1], shape[2], columns] });
};

/** Two activations against each other, as in attention. */
const addAttention = (net: Network): void => {
  const { assembly, random } = net;
  const { ref, shape } = newest(net);
  const [batch, height, width, inner] = shape;
  const rows = height * width;
  const other = net.planes.filter((plane) => plane.ref.count === ref.count);
  const keys = random.pick(other).ref;
  const form = { batch, rows, columns: rows, inner, innerFrom: 0, innerCount: inner, batchedW: true };
  const acc = add(assembly, matmul({ ...form, za: zeroOf(random, ref), zw: zeroOf(random, keys) }, at(ref), at(keys)));
  net.planes.push({ ref: requantised(net, acc, rows, inner), shape: [batch, height, width, rows] });
};

const addPool = (net: Network): void => {
  const { assembly, random } = net;
  const { ref, shape } = newest(net);
  const window = windowOf(random, shape, [1]);
  const fold = random.pick(["MAX", "MAX", "SUM", "MIN"] as const);
  const dtype: Dtype = fold === "SUM" ? "i32" : ref.dtype;
  const y = add(assembly, pool2d({ ...window, fold }, dtype, at(ref)));
  const next: Shape = [shape[0], window.outHeight, window.outWidth, shape[3]];
  if (fold !== "SUM") net.planes.push({ ref: y, shape: next });
  else net.planes.push({ ref: requantised(net, y, shape[3], 1), shape: next });
};

const addTable = (net: Network): void => {
  const { assembly, random } = net;
  const { ref, shape } = newest(net);
  const first = ref.dtype === "i8" ? -128 : random.pick([0, 30]);
  const num = random.pick([256, 100]);
  const dtype = random.pick(["u8", "i8"] as const);
  const lo = dtype === "u8" ? 0 : -128;
  const table = assembly.constant(
    dtype,
    Array.from({ length: num }, () => lo + random.below(256)),
  );
  net.planes.push({ ref: add(assembly, lookup({ count: ref.count, first, num }, dtype, at(ref), at(table))), shape });
};

/** Dequantise two, add, quantise; the second is a tensor of the same shape or one value a channel. */
const addResidual = (net: Network): void => {
  const { assembly, random } = net;
  const { ref, shape } = newest(net);
  const same = net.planes.filter((plane) => plane.ref.count === ref.count);
  const channel = random.chance(0.3);
  const other = channel
    ? assembly.constant(
        "u8",
        Array.from({ length: shape[3] }, () => random.below(256)),
      )
    : random.pick(same).ref;
  const rows = ref.count / shape[3];
  const body = [
    instruction("SUB", { operand: 0 }, { int: zeroOf(random, ref) }),
    instruction("I2F", 0),
    instruction("FMUL", 1, { float: random.pick([0.5, 0.0371, 1 / 3]) }),
    instruction("ADD", { operand: 1 }, { int: -random.pick([0, 9, 128]) }),
    instruction("I2F", 3),
    instruction("FMUL", 4, { float: random.pick([0.25, 0.0219]) }),
    instruction("FADD", 2, 5),
    instruction("FDIV", 6, { float: random.pick([1, 0.0583]) }),
    instruction("QU8", 7, { int: random.pick([0, 60, 255]) }),
  ];
  const operands = [
    { tensor: at(ref), stride: [shape[3], 1] },
    { tensor: at(other), stride: channel ? [0, 1] : [shape[3], 1] },
  ];
  net.planes.push({ ref: add(assembly, map("u8", [rows, shape[3]], operands, body)), shape });
};

const addMove = (net: Network): void => {
  const { assembly, random } = net;
  const { ref, shape } = newest(net);
  const [batch, height, width, channels] = shape;
  const { dtype } = ref;
  const push = (built: { readonly operands: readonly Access[] }, next: Shape): void => {
    net.planes.push({ ref: add(assembly, built), shape: next });
  };
  switch (random.below(6)) {
    case 0: {
      const order = random.pick([
        [0, 2, 1, 3],
        [0, 3, 1, 2],
        [3, 2, 1, 0],
      ]);
      const next = order.map((x) => shape[x] as number) as unknown as Shape;
      push(transpose({ extents: shape, order }, dtype, at(ref)), next);
      break;
    }
    case 1: {
      const twin = net.planes.find(
        (plane) => plane.ref.dtype === dtype && plane.shape.join() === shape.join(),
      ) as Plane;
      const extents = [batch, height, width, 2 * channels];
      const inputs = [at(ref), at(twin.ref)];
      const built = concatAxis({ extents, axis: 3, lengths: [channels, channels] }, dtype, inputs);
      push(built, extents as unknown as Shape);
      break;
    }
    case 2: {
      const fill = random.pick([0, 100]);
      const form = { extents: [...shape], before: [0, 1, 0, 0], after: [0, random.between(0, 1), 2, 0], fill };
      push(pad(form, dtype, at(ref)), [batch, height + 1 + (form.after[1] as number), width + 2, channels]);
      break;
    }
    case 3: {
      const counts: Shape = [batch, Math.ceil(height / 2), width, channels];
      const starts = [0, 0, width - 1, 0];
      push(slice({ extents: shape, starts, steps: [1, 2, -1, 1], counts }, dtype, at(ref)), counts);
      break;
    }
    case 4: {
      const next: Shape = [batch, 2 * height, 2 * width, channels];
      if (ref.count <= 300)
        push(upsample2d({ batch, height, width, channels, factorY: 2, factorX: 2 }, dtype, at(ref)), next);
      break;
    }
    default: {
      const wide = add(assembly, expand({ extents: [ref.count, 1], output: [ref.count, 3] }, dtype, at(ref)));
      net.outputs.push(wide);
    }
  }
};

const addReduction = (net: Network): void => {
  const { assembly, random } = net;
  const { ref, shape } = newest(net);
  const axes = random.pick([[3], [1, 2], [2], [0, 1, 2, 3]]);
  const fold = random.pick(["SUM", "MAX", "MIN", "ARGMAX"] as const);
  const extents = [...shape];
  const dtype: Dtype = fold === "SUM" ? random.pick(["i32", "i64"] as const) : fold === "ARGMAX" ? "i32" : ref.dtype;
  net.outputs.push(add(assembly, reduceAxes({ extents, axes, fold }, dtype, at(ref))));
  if (random.chance(0.3)) {
    const k = random.between(1, shape[3]);
    net.outputs.push(add(assembly, topkAxes({ extents, axes: [3], k }, at(ref))));
  }
  if (random.chance(0.3)) {
    const rows = random.between(1, 20);
    const width = random.between(1, 9);
    const table = assembly.constant(
      "f32",
      Array.from({ length: rows * width }, () => Math.fround(random.real() - 0.5)),
    );
    net.outputs.push(add(assembly, gatherRows({ indices: ref.count, rows, width }, "f32", at(ref), at(table))));
  }
};

const LAYERS = [
  addConv,
  addConv,
  addConv,
  addProduct,
  addAttention,
  addPool,
  addTable,
  addResidual,
  addResidual,
  addMove,
  addMove,
  addReduction,
];

/** Tensors stay below this many elements. */
const MOST = 1_200;

export const randomNetwork = (random: Random, layers = random.between(1, 7)): Program => {
  const assembly = createAssembly();
  const dtype = random.pick(["u8", "u8", "u8", "i8"] as const);
  const shape: Shape = [
    random.pick([1, 1, 2]),
    random.between(1, 7),
    random.between(1, 7),
    random.pick([1, 2, 3, 4, 8, 16, 17]),
  ];
  const interval = dtype === "u8" ? { lo: 0, hi: 255 } : { lo: -128, hi: 127 };
  const first = assembly.input({ dtype, output: [sizeOf(shape)], interval });
  const net: Network = { assembly, random, planes: [{ ref: first, shape }], outputs: [] };
  for (let layer = 0; layer < layers; layer++) {
    const before = net.planes.length;
    random.pick(LAYERS)(net);
    if (net.planes.length > before && (net.planes.at(-1) as Plane).ref.count > MOST) net.planes.pop();
  }
  return assembly.finish({ outputs: [...net.outputs, (net.planes.at(-1) as Plane).ref] });
};
