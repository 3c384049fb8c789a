import { constantData } from "./elements.ts";
import {
  constantOf,
  type Emission,
  intervalOfSource,
  ORT_TYPE,
  ortArray,
  unavailable,
  wholeValue,
} from "./emission.ts";
import { instructionIntervals } from "./interval.ts";
import { ADDRESS, createNest, type Nest } from "./loop-nest.ts";
import { arrayOf, type OrtType, sizeOfShape, type Value } from "./onnx-graph.ts";
import {
  allocate,
  countOf,
  type Instruction,
  type Interval,
  type Operand,
  type OperatorOf,
  type TensorData,
} from "./program.ts";
import { IMMEDIATE_SOURCE, immediateOf, instructionOf, OPERAND_SOURCE, type ScalarType } from "./scalar.ts";

/** MAP as ONNX nodes: one node an instruction, one rounding a node; casts where an integer's interval asks for them. */

const INT32 = 2 ** 31;
const fitsInt32 = ({ lo, hi }: Interval): boolean => lo >= -INT32 && hi < INT32;

const elementStrides = (nest: Nest, j: number): number[] =>
  Array.from({ length: nest.outputAxes }, (_, x) => nest.step(ADDRESS(j), x));

/** The elements of a constant along the axes that its access walks, row-major. */
const walk = (
  data: TensorData,
  operand: Operand,
  extents: readonly number[],
  strides: readonly number[],
): TensorData => {
  const out = allocate(operand.dtype, sizeOfShape(extents));
  const digits = new Array<number>(extents.length).fill(0);
  let address = operand.base;
  for (let i = 0; i < out.length; i++) {
    out[i] = data[address] as number;
    for (let x = extents.length - 1; x >= 0; x--) {
      digits[x] = (digits[x] as number) + 1;
      address += strides[x] as number;
      if ((digits[x] as number) < (extents[x] as number)) break;
      address -= (strides[x] as number) * (extents[x] as number);
      digits[x] = 0;
    }
  }
  return out;
};

/** Elements up to which a constant that is read over and over may be written out. */
const MAX_WRITTEN_OUT = 65_536;

/** Operand j as a value that broadcasts to the nest's extents. */
export const broadcastValue = (emission: Emission, operand: Operand, nest: Nest, j: number): Value => {
  const { graph } = emission;
  const extents = nest.extents.slice(0, nest.outputAxes);
  const strides = elementStrides(nest, j);
  const walked = strides.map((step, x) => (step === 0 ? 1 : (extents[x] as number)));
  const constant = constantOf(emission, operand.source);
  if (constant !== undefined) {
    if (sizeOfShape(walked) > Math.max(constant.count, MAX_WRITTEN_OUT))
      return unavailable("a constant read repeatedly");
    const type = ORT_TYPE[constant.dtype];
    const key = `walk ${operand.source.index} ${operand.base} ${strides.join(" ")}`;
    return graph.constant(key, type, walked, () =>
      ortArray(constant.dtype, walk(constantData(constant), operand, walked, strides)),
    );
  }
  const axes = strides.map((_, x) => x).filter((x) => strides[x] !== 0);
  const slowestFirst = [...axes].sort((x, y) => (strides[y] as number) - (strides[x] as number));
  let step = 1;
  for (const x of [...slowestFirst].reverse()) {
    if (strides[x] !== step) return unavailable("an operand is not read densely");
    step *= extents[x] as number;
  }
  if (operand.base !== 0 || step !== operand.count) return unavailable("an operand is not read whole");
  const whole = wholeValue(emission, operand);
  if (axes.every((x, at) => slowestFirst[at] === x)) return graph.reshape(whole, walked);
  const memory = graph.reshape(
    whole,
    slowestFirst.map((x) => extents[x] as number),
  );
  const moved = graph.node({
    op: "Transpose",
    inputs: [memory],
    type: memory.type,
    shape: axes.map((x) => extents[x] as number),
    attributes: { perm: axes.map((x) => slowestFirst.indexOf(x)) },
  });
  return graph.reshape(moved, walked);
};

/** When every operand is read whole and straight, or is one element, or one a column: the first one's own shape serves. */
const straightShape = (emission: Emission, operator: OperatorOf<"MAP">, nest: Nest): readonly number[] | undefined => {
  const count = countOf(operator);
  let shape: readonly number[] | undefined;
  const columns: number[] = [];
  for (const [j, operand] of operator.operands.entries()) {
    const strides = elementStrides(nest, j);
    if (strides.every((step) => step === 0)) continue;
    let dense = 1;
    const straight = strides.toReversed().every((step, x) => {
      const matches = step === dense;
      dense *= nest.extents[nest.outputAxes - 1 - x] as number;
      return matches;
    });
    if (straight && operand.base === 0 && operand.count === count && !operand.source.constant) {
      shape ??= emission.valueOf(operand.source.index).shape;
    } else {
      const last = nest.outputAxes - 1;
      if (!operand.source.constant || strides.some((step, x) => step !== 0 && x !== last)) return undefined;
      columns.push(nest.extents[last] as number);
    }
  }
  if (shape === undefined || !columns.every((n) => shape.at(-1) === n)) return undefined;
  return shape;
};

/** The operands of a MAP as values that broadcast to one shape. */
const loadOperands = (emission: Emission, operator: OperatorOf<"MAP">) => {
  const nest = createNest(operator);
  const straight = straightShape(emission, operator, nest);
  const shape = straight ?? nest.extents;
  const load = (j: number): Value => {
    const operand = operator.operands[j] as Operand;
    if (straight !== undefined && !operand.source.constant && elementStrides(nest, j).some((step) => step !== 0))
      return emission.graph.reshape(wholeValue(emission, operand), shape);
    return broadcastValue(emission, operand, nest, j);
  };
  return { shape, load };
};

const BINARY: Readonly<Record<string, string>> = {
  ADD: "Add",
  SUB: "Sub",
  MUL: "Mul",
  DIV: "Div",
  MIN: "Min",
  MAX: "Max",
  FADD: "Add",
  FSUB: "Sub",
  FMUL: "Mul",
  FDIV: "Div",
  FMIN: "Min",
  FMAX: "Max",
};
const UNARY: Readonly<Record<string, string>> = {
  FSQRT: "Sqrt",
  FNEG: "Neg",
  FABS: "Abs",
  FFLOOR: "Floor",
  FRNE: "Round",
};
const COMPARE: Readonly<Record<string, string>> = {
  LT: "Less",
  LE: "LessOrEqual",
  EQ: "Equal",
  FLT: "Less",
  FLE: "LessOrEqual",
  FEQ: "Equal",
};

const broadcastShape = (a: readonly number[], b: readonly number[]): readonly number[] => {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, x) => Math.max(a[x - rank + a.length] ?? 1, b[x - rank + b.length] ?? 1));
};

/** An instruction whose result is already there: the requantised accumulator of a fused contraction. */
export type Known = { readonly index: number; readonly value: Value };

export const emitMap = (emission: Emission, operator: OperatorOf<"MAP">, known?: Known): Value => {
  const { graph, program } = emission;
  const { instructions } = operator;
  const operandIntervals = operator.operands.map(({ source }) => intervalOfSource(program, source));
  const bounded = instructionIntervals(
    instructions,
    operandIntervals.map((interval) => ({ interval })),
  );
  if (!("intervals" in bounded)) return unavailable("a body without intervals");
  const { intervals } = bounded;
  const loaded = known === undefined ? loadOperands(emission, operator) : fusedOperands(emission, operator, known);
  const loads = new Map<number, Value>();
  const casts = new Map<string, Value>();
  const done = new Map<number, Value>();
  if (known !== undefined) done.set(known.index, known.value);

  const cast = (value: Value, type: OrtType): Value => {
    const key = `${value.name}:${type}`;
    let found = casts.get(key);
    if (found === undefined) {
      found = graph.cast(value, type);
      casts.set(key, found);
    }
    return found;
  };
  const intervalOf = (source: number, type: ScalarType, imm: number): Interval => {
    if (source === IMMEDIATE_SOURCE) return { lo: immediateOf(type, imm), hi: immediateOf(type, imm) };
    return (source >= OPERAND_SOURCE ? operandIntervals[source - OPERAND_SOURCE] : intervals[source]) as Interval;
  };
  const operandValue = (j: number): Value => {
    let value = loads.get(j);
    if (value === undefined) {
      value = loaded.load(j);
      loads.set(j, value);
    }
    return value;
  };
  const raw = (source: number, type: OrtType, imm: number): Value => {
    if (source === IMMEDIATE_SOURCE) return graph.scalar(type, immediateOf(type === "float32" ? "F" : "I", imm));
    return source >= OPERAND_SOURCE ? operandValue(source - OPERAND_SOURCE) : result(source);
  };
  const get = (source: number, type: OrtType, imm: number): Value => cast(raw(source, type, imm), type);

  const apply = (op: string, inputs: readonly Value[], type: OrtType): Value => {
    const shape = inputs.map((input) => input.shape).reduce(broadcastShape);
    return graph.node({ op, inputs, type, shape });
  };

  /** Min and Max of int64 compare the low halves as signed numbers on x86: Min(0, 2^31) is 2^31. Less is exact. */
  const extremeInt64 = (name: string, x: Value, y: Value): Value => {
    const less = apply("Less", [x, y], "bool");
    return apply("Where", name === "MIN" ? [less, x, y] : [less, y, x], "int64");
  };

  /** A clamp that never acts is its operand; one of 8-bit codes stays in 8 bits. */
  const extreme = (
    { a, b, imm }: Instruction,
    name: string,
    [x, y]: readonly [Interval, Interval],
  ): Value | undefined => {
    if (a === IMMEDIATE_SOURCE) return undefined;
    const below = name.endsWith("MIN");
    if (below ? x.hi <= y.lo : x.lo >= y.hi) return raw(a, "int32", imm);
    if (b !== IMMEDIATE_SOURCE || name.startsWith("F")) return undefined;
    const value = raw(a, "int32", imm);
    const [lo, hi] = value.type === "uint8" ? [0, 255] : value.type === "int8" ? [-128, 127] : [1, 0];
    const limit = imm | 0;
    if (limit < lo || limit > hi) return undefined;
    return apply(below ? "Min" : "Max", [value, graph.scalar(value.type, limit)], value.type);
  };

  /** The instruction behind a source, by name. */
  const behind = (source: number, name: string): Instruction | undefined => {
    if (source >= OPERAND_SOURCE || done.has(source)) return undefined;
    const found = instructions[source];
    return found !== undefined && instructionOf(found.op)?.name === name ? found : undefined;
  };

  /** FMUL(I2F(x - z), s) of 8-bit x: one DequantizeLinear. */
  const dequantise = ({ a, b, imm }: Instruction): Value | undefined => {
    if (b !== IMMEDIATE_SOURCE) return undefined;
    const scale = immediateOf("F", imm);
    const convert = behind(a, "I2F");
    if (convert === undefined || !(scale > 0)) return undefined;
    let source = convert.a;
    let zero = 0;
    const minus = behind(source, "SUB");
    const plus = behind(source, "ADD");
    if (minus !== undefined && minus.b === IMMEDIATE_SOURCE) {
      zero = minus.imm | 0;
      source = minus.a;
    } else if (plus !== undefined && plus.b === IMMEDIATE_SOURCE) {
      zero = -(plus.imm | 0);
      source = plus.a;
    }
    if (source < OPERAND_SOURCE || source === IMMEDIATE_SOURCE) return undefined;
    const operand = operator.operands[source - OPERAND_SOURCE] as Operand;
    if (operand.dtype === "u8" ? zero < 0 || zero > 255 : operand.dtype !== "i8" || zero < -128 || zero > 127)
      return undefined;
    const x = operandValue(source - OPERAND_SOURCE);
    const inputs = [x, graph.scalar("float32", scale), graph.scalar(x.type, zero)];
    return graph.node({ op: "DequantizeLinear", inputs, type: "float32", shape: x.shape });
  };

  const quantise = ({ a, b, imm }: Instruction, type: "uint8" | "int8"): Value => {
    const zero = imm | 0;
    const [lo, hi] = type === "uint8" ? [0, 255] : [-128, 127];
    if (b !== IMMEDIATE_SOURCE || a === IMMEDIATE_SOURCE || zero < lo || zero > hi)
      return unavailable("a zero point that QuantizeLinear does not have");
    const divided = behind(a, "FDIV");
    const merged =
      divided !== undefined && divided.b === IMMEDIATE_SOURCE && divided.a !== IMMEDIATE_SOURCE
        ? { source: divided.a, scale: immediateOf("F", divided.imm) }
        : undefined;
    const { source, scale } = merged !== undefined && merged.scale > 0 ? merged : { source: a, scale: 1 };
    const x = get(source, "float32", imm);
    const inputs = [x, graph.scalar("float32", scale), graph.scalar(type, zero)];
    return graph.node({ op: "QuantizeLinear", inputs, type, shape: x.shape });
  };

  const compute = (index: number): Value => {
    const instruction = instructions[index] as Instruction;
    const spec = instructionOf(instruction.op);
    if (spec === undefined) return unavailable("an unknown instruction");
    const { a, b, c, imm } = instruction;
    const { name } = spec;
    const sources = [a, b, c].slice(0, spec.operands.length);
    const bounds = sources.map((source, x) => intervalOf(source, spec.operands[x] as ScalarType, imm));
    const integer = [...bounds, ...(spec.result === "I" ? [intervals[index] as Interval] : [])].every(fitsInt32)
      ? "int32"
      : "int64";
    const typed = spec.operands[0] === "F" ? "float32" : integer;
    if (name === "FMUL") {
      const value = dequantise(instruction);
      if (value !== undefined) return value;
    }
    if (name === "MIN" || name === "MAX" || name === "FMIN" || name === "FMAX") {
      const value = extreme(instruction, name, bounds as unknown as readonly [Interval, Interval]);
      if (value !== undefined) return value;
    }
    if (typed === "int64" && (name === "MIN" || name === "MAX"))
      return extremeInt64(name, get(a, typed, imm), get(b, typed, imm));
    const binary = BINARY[name];
    if (binary !== undefined) return apply(binary, [get(a, typed, imm), get(b, typed, imm)], typed);
    const compare = COMPARE[name];
    if (compare !== undefined) return apply(compare, [get(a, typed, imm), get(b, typed, imm)], "bool");
    const unary = UNARY[name];
    if (unary !== undefined) return apply(unary, [get(a, typed, imm)], typed);
    switch (name) {
      case "SEL":
      case "FSEL": {
        const type = name === "FSEL" ? "float32" : integer;
        const condition = cast(raw(a, "int32", imm), "bool");
        return apply("Where", [condition, get(b, type, imm), get(c, type, imm)], type);
      }
      case "I2F":
        if (a === IMMEDIATE_SOURCE) return graph.scalar("float32", Math.fround(immediateOf("I", imm)));
        return get(a, "float32", imm);
      case "F2I":
        return cast(apply("Round", [get(a, "float32", imm)], "float32"), integer);
      case "QU8":
        return quantise(instruction, "uint8");
      case "QI8":
        return quantise(instruction, "int8");
      case "POW2": {
        const table = graph.constant("powers of two", "float32", [254], () =>
          arrayOf(
            "float32",
            Array.from({ length: 254 }, (_, i) => 2 ** (i - 126)),
          ),
        );
        const at = apply("Add", [get(a, "int32", imm), graph.scalar("int32", 126)], "int32");
        return graph.node({ op: "Gather", inputs: [table, at], type: "float32", shape: at.shape });
      }
      default:
        return unavailable(`${name} has no node`);
    }
  };
  const result = (index: number): Value => {
    let value = done.get(index);
    if (value === undefined) {
      value = compute(index);
      done.set(index, value);
    }
    return value;
  };

  const last = cast(result(instructions.length - 1), ORT_TYPE[operator.dtype]);
  if (sizeOfShape(last.shape) !== countOf(operator)) {
    const shape = graph.integers(loaded.shape);
    return graph.node({ op: "Expand", inputs: [last, shape], type: last.type, shape: loaded.shape });
  }
  return last;
};

/** Beside a fused contraction every other operand is read whole and straight, or is one element. */
const fusedOperands = (emission: Emission, operator: OperatorOf<"MAP">, known: Known) => {
  const nest = createNest(operator);
  const { shape } = known.value;
  const load = (j: number): Value => {
    const value = broadcastValue(emission, operator.operands[j] as Operand, nest, j);
    const size = sizeOfShape(value.shape);
    if (size === countOf(operator)) return emission.graph.reshape(value, shape);
    if (size === 1) return emission.graph.reshape(value, []);
    return size === shape.at(-1) && value.shape.at(-1) === size
      ? emission.graph.reshape(value, [size])
      : unavailable("an operand beside a contraction is broadcast");
  };
  return { shape, load };
};
