/**
 * The tensor program: one guarded affine address function under seven operators, and one scalar machine.
 * These are the decoded records; `codec.ts` has their bytes, `constraints.ts` says which are well-formed,
 * `reference.ts` defines what they compute.
 */

/** Element types. Integers are exact JS numbers below 2^53; f32 is finite binary32 with one zero. */
export type Dtype = "u8" | "i8" | "i32" | "i64" | "f32";

/** `code` on the wire, `bytes` an element, `wordExponent` k: 2^k elements make a 32-byte word; `lo..hi` of the type. */
export const DTYPES = {
  u8: { code: 1, bytes: 1, wordExponent: 5, lo: 0, hi: 255 },
  i8: { code: 2, bytes: 1, wordExponent: 5, lo: -128, hi: 127 },
  i32: { code: 3, bytes: 4, wordExponent: 3, lo: -(2 ** 31), hi: 2 ** 31 - 1 },
  i64: { code: 4, bytes: 8, wordExponent: 2, lo: -(2 ** 53 - 1), hi: 2 ** 53 - 1 },
  f32: { code: 5, bytes: 4, wordExponent: 3, lo: -3.4028234663852886e38, hi: 3.4028234663852886e38 },
} as const satisfies Record<Dtype, { code: number; bytes: number; wordExponent: number; lo: number; hi: number }>;

/** Closed interval of a tensor's elements. */
export type Interval = { readonly lo: number; readonly hi: number };

/** Holds iff `0 <= off + sum coef[x]*digit[x] < limit`. */
export type Guard = { readonly off: number; readonly coef: readonly number[]; readonly limit: number };

/** Where a tensor comes from: a constant, or the output of an earlier operator. */
export type Source = { readonly constant: boolean; readonly index: number };

/** One access: element `base + sum stride[x]*digit[x]`, LIVE iff all guards hold. `stride` and `coef` have A + R entries. */
export type Operand = {
  readonly source: Source;
  readonly dtype: Dtype;
  readonly count: number;
  readonly base: number;
  readonly stride: readonly number[];
  readonly guards: readonly Guard[];
};

/** `op` is the instruction's code; source bytes: 0..63 an earlier result, 0x80+j operand j, 0xff `imm` (u32 bits). */
export type Instruction = {
  readonly op: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly imm: number;
};

export const FOLDS = ["SUM", "MAX", "MIN", "ARGMAX"] as const;
export type Fold = (typeof FOLDS)[number];

export const KINDS = ["INPUT", "MOVE", "GATHER", "CONTRACT", "REDUCE", "TOPK", "MAP"] as const;
export type Kind = (typeof KINDS)[number];

type Common = {
  readonly dtype: Dtype;
  /** Output extents (A of them, 1..8), each >= 1; the tensor has their product of elements, row-major. */
  readonly output: readonly number[];
  /** Reduction extents (R of them, 0..4). */
  readonly reduction: readonly number[];
  /** Declared interval of the output. */
  readonly interval: Interval;
  readonly operands: readonly Operand[];
};

export type Operator = Common &
  (
    | { readonly kind: "INPUT"; readonly offset: number }
    | { readonly kind: "MOVE"; readonly fill: number }
    | { readonly kind: "GATHER"; readonly first: number; readonly num: number; readonly step: number }
    | { readonly kind: "CONTRACT"; readonly za: number; readonly zw: number }
    | { readonly kind: "REDUCE"; readonly fold: Fold }
    | { readonly kind: "TOPK" }
    | { readonly kind: "MAP"; readonly instructions: readonly Instruction[] }
  );
export type OperatorOf<K extends Kind> = Extract<Operator, { kind: K }>;

/** `data`: `count` elements, little-endian, packed, without padding. */
export type Constant = {
  readonly dtype: Dtype;
  readonly count: number;
  readonly interval: Interval;
  readonly data: Uint8Array;
};

export type Program = {
  /** The first `inputs` operators are INPUT. */
  readonly inputs: number;
  readonly operators: readonly Operator[];
  readonly constants: readonly Constant[];
  /** Ascending operator indices. */
  readonly outputs: readonly number[];
  /** Names and shapes of inputs and outputs, licence; bound by the id, without meaning for execution. */
  readonly meta: Uint8Array;
  /** Gas weight in units: what operators, records and constants weigh (`programGas`). */
  readonly gas: number;
};

/** Number of elements that an operator makes. */
export const countOf = (operator: Pick<Operator, "output">): number => operator.output.reduce((a, b) => a * b, 1);

/** A tensor in memory: exact typed array; i64 as Float64Array of integers below 2^53 (see `DTYPES`). */
export type TensorData = Uint8Array | Int8Array | Int32Array | Float64Array | Float32Array;

/** A fresh array for `count` elements of `dtype`. */
export const allocate = (dtype: Dtype, count: number): TensorData => {
  switch (dtype) {
    case "u8":
      return new Uint8Array(count);
    case "i8":
      return new Int8Array(count);
    case "i32":
      return new Int32Array(count);
    case "i64":
      return new Float64Array(count);
    case "f32":
      return new Float32Array(count);
  }
};
