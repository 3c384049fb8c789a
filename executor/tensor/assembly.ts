import { type Bytes, EMPTY_BYTES, toHex } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { keccak256 } from "../foundation/keccak.ts";
import { checkProgram } from "./constraints.ts";
import { packTensor, paddedBytes, unpackTensor } from "./elements.ts";
import { programGas } from "./gas.ts";
import { contains, intervalOf, isFault, lies, operatorInterval } from "./interval.ts";
import {
  type Constant,
  countOf,
  DTYPES,
  type Dtype,
  type Interval,
  type Operand,
  type Operator,
  type OperatorOf,
  type Program,
  type Source,
  type TensorData,
} from "./program.ts";

/** Builds well-formed programs: intervals, gas, order of inputs and dead operators are its business. */

export type AssemblyErrorCode =
  /** An operator's values have no bound that its kind can hold. Quantise to fewer bits, or bound the inputs. */
  | "INTERVAL_UNBOUNDED"
  /** An operator computes values outside the interval that was given for it. Give a wider one. */
  | "INTERVAL_TOO_NARROW"
  /** A program has at least one output. Name one. */
  | "OUTPUT_MISSING";

/** A tensor of the assembly. `source` is provisional until `finish`. */
export type Ref = {
  readonly source: Source;
  readonly dtype: Dtype;
  readonly count: number;
  readonly interval: Interval;
};

/** An access by reference; strides over output and reduction axes. */
export type Access = {
  readonly ref: Ref;
  readonly base?: number;
  readonly stride: readonly number[];
  readonly guards?: Operand["guards"];
};

type Unplaced<O> = O extends Operator
  ? Omit<O, "interval" | "operands" | "reduction"> & {
      readonly operands: readonly Access[];
      readonly reduction?: readonly number[];
      /** A wider interval than the computed one; rarely wanted. */
      readonly interval?: Interval;
    }
  : never;
/** An operator to add: any kind but INPUT. */
export type OperatorSpec = Unplaced<Exclude<Operator, OperatorOf<"INPUT">>>;

const rangeOf = (dtype: Dtype): Interval => ({ lo: DTYPES[dtype].lo, hi: DTYPES[dtype].hi });

type Slot = { readonly operator: Operator; readonly input: boolean };

export const createAssembly = () => {
  const slots: Slot[] = [];
  const constants: Constant[] = [];
  const values: TensorData[] = [];
  const constantOf = new Map<string, number>();
  let offset = 0;

  const place = (operator: Operator, input: boolean): Ref => {
    slots.push({ operator, input });
    return {
      source: { constant: false, index: slots.length - 1 },
      dtype: operator.dtype,
      count: countOf(operator),
      interval: operator.interval,
    };
  };

  const operator = (spec: OperatorSpec): Ref => {
    const operands = spec.operands.map(
      ({ ref, base, stride, guards }): Operand => ({
        source: ref.source,
        dtype: ref.dtype,
        count: ref.count,
        base: base ?? 0,
        stride,
        guards: guards ?? [],
      }),
    );
    const { interval: wanted, ...rest } = spec;
    const draft = { ...rest, reduction: spec.reduction ?? [], operands, interval: { lo: 0, hi: 0 } } as Operator;
    const bounded = operatorInterval(draft, (j) => (spec.operands[j] as Access).ref.interval);
    if (isFault(bounded))
      throw new CodedError<AssemblyErrorCode>("INTERVAL_UNBOUNDED", `${spec.kind}: ${bounded.message}`, {
        constraint: bounded.constraint,
        ...bounded.data,
      });
    if (wanted !== undefined && !contains(wanted, bounded.interval))
      throw new CodedError<AssemblyErrorCode>("INTERVAL_TOO_NARROW", `${spec.kind} computes a wider interval`, {
        wanted,
        computed: bounded.interval,
      });
    return place({ ...draft, interval: wanted ?? bounded.interval }, false);
  };

  /** A tensor's elements again, one operator later. */
  const copy = (ref: Ref): Ref =>
    operator({ kind: "MOVE", dtype: ref.dtype, output: [ref.count], fill: 0, operands: [{ ref, stride: [1] }] });

  return {
    /** The next input of the call; inputs lie in the packed input in the order of these calls. */
    input({ dtype, output, interval }: Pick<Operator, "dtype" | "output" | "interval">): Ref {
      const made = { kind: "INPUT", dtype, output, reduction: [], operands: [], interval, offset } as const;
      offset += paddedBytes(dtype, countOf(made));
      return place(made, true);
    },

    /** A constant; equal ones are stored once. Its interval is that of its data, of bytes their dtype's. */
    constant(dtype: Dtype, data: ArrayLike<number>): Ref {
      const packed = packTensor(dtype, data);
      const key = `${dtype}:${toHex(keccak256(packed))}`;
      let index = constantOf.get(key);
      if (index === undefined) {
        index = constants.length;
        constantOf.set(key, index);
        const record = { dtype, count: data.length, data: packed };
        const elements = unpackTensor(dtype, data.length, packed);
        // Integers are judged as given: what does not fit the dtype is refused, not wrapped.
        const own = intervalOf(dtype === "f32" ? elements : data);
        const isBytes = dtype === "u8" || dtype === "i8";
        constants.push({ ...record, interval: isBytes && lies(dtype, own) ? rangeOf(dtype) : own });
        values.push(elements);
      }
      const { count, interval } = constants[index] as Constant;
      return { source: { constant: true, index }, dtype, count, interval };
    },

    /** The elements of a constant; undefined for every other tensor. */
    dataOf: ({ source }: Ref): TensorData | undefined => (source.constant ? values[source.index] : undefined),

    operator,

    /**
     * The program with these outputs, in this order; what no output needs is left out. An output that is a constant,
     * comes twice or out of order is copied. PROGRAM_MALFORMED when a rule of `constraints.ts` is broken.
     */
    finish(options: { readonly outputs: readonly Ref[]; readonly meta?: Bytes }): Program {
      if (options.outputs.length === 0)
        throw new CodedError<AssemblyErrorCode>("OUTPUT_MISSING", "a program has at least one output");
      const inputsFirst = (index: number): number => ((slots[index] as Slot).input ? index : index + slots.length);
      let last = -1;
      const outputs = options.outputs.map((wanted) => {
        const ordered = !wanted.source.constant && inputsFirst(wanted.source.index) > last;
        const { source } = ordered ? wanted : copy(wanted);
        last = inputsFirst(source.index);
        return source.index;
      });
      return arrange(slots, constants, outputs, options.meta ?? EMPTY_BYTES);
    },
  };
};
export type Assembly = ReturnType<typeof createAssembly>;

/** Keeps what the outputs need (and all inputs), inputs first, and numbers it anew. */
const arrange = (
  slots: readonly Slot[],
  constants: readonly Constant[],
  outputs: readonly number[],
  meta: Bytes,
): Program => {
  const needed = new Set<number>(outputs);
  const constantsNeeded = new Set<number>();
  for (let index = slots.length - 1; index >= 0; index--) {
    const slot = slots[index] as Slot;
    if (slot.input) needed.add(index);
    if (!needed.has(index)) continue;
    for (const { source } of slot.operator.operands) (source.constant ? constantsNeeded : needed).add(source.index);
  }
  const order = [
    ...[...slots.keys()].filter((index) => (slots[index] as Slot).input),
    ...[...slots.keys()].filter((index) => !(slots[index] as Slot).input && needed.has(index)),
  ];
  const placeOf = new Map(order.map((index, place) => [index, place]));
  const constantOrder = [...constants.keys()].filter((index) => constantsNeeded.has(index));
  const constantPlaceOf = new Map(constantOrder.map((index, place) => [index, place]));
  const moved = ({ constant, index }: Source): Source => ({
    constant,
    index: (constant ? constantPlaceOf : placeOf).get(index) as number,
  });
  const program = {
    inputs: slots.filter(({ input }) => input).length,
    operators: order.map((index): Operator => {
      const { operator } = slots[index] as Slot;
      return {
        ...operator,
        operands: operator.operands.map((operand) => ({ ...operand, source: moved(operand.source) })),
      };
    }),
    constants: constantOrder.map((index) => constants[index] as Constant),
    outputs: outputs.map((index) => placeOf.get(index) as number),
    meta,
  };
  const finished = { ...program, gas: programGas(program) };
  checkProgram(finished);
  return finished;
};
