import { type CodedError, hasCode } from "../../foundation/errors.ts";
import { MAX_OPENING_BYTES, MAX_READS, MAX_RUNS, openingBytes, product, walkedRuns } from "../../tensor/address.ts";
import { type Assembly, createAssembly, type OperatorSpec, type Ref } from "../../tensor/assembly.ts";
import {
  allocate,
  DTYPES,
  type Dtype,
  type Guard,
  type Interval,
  type Operator,
  type Program,
} from "../../tensor/program.ts";
import { evaluate } from "../../tensor/reference.ts";
import { intervalOfData, type Storage } from "./expression.ts";
import { type Constraint, refuse } from "./refusal.ts";

/** Tensors of the program under construction: constants enter it when a run-time operator reads them. */

export type DraftOperand = {
  readonly storage: Storage;
  readonly base: number;
  readonly stride: readonly number[];
  readonly guards: readonly Guard[];
};
type Drafted<O> = O extends OperatorSpec
  ? Omit<O, "operands" | "reduction" | "interval"> & {
      readonly operands: readonly DraftOperand[];
      readonly reduction: readonly number[];
    }
  : never;
/** An operator over storages. */
export type Draft = Drafted<OperatorSpec>;

/** Whether an element of the operator can be proved: its reads and the bytes that open them keep C7 and C8. */
export const fitsProof = (draft: Draft): boolean => {
  if (product(draft.reduction) > MAX_READS || walkedRuns(draft) > MAX_RUNS) return false;
  let bytes = 0;
  for (const { storage, ...access } of draft.operands) {
    const { dtype, count } = storage;
    bytes += openingBytes({ ...access, source: { constant: false, index: 0 }, dtype, count }, draft);
  }
  return bytes <= MAX_OPENING_BYTES;
};

export type Stores = {
  input(dtype: Dtype, count: number, interval: Interval): Storage;
  constant(dtype: Dtype, data: ArrayLike<number>): Storage;
  /** Adds an operator; one that reads constants only is computed at once. */
  emit(draft: Draft, options?: { readonly accumulator?: boolean }): Storage;
  finish(outputs: readonly Storage[], meta: Uint8Array): Program;
};

/** Reads up to which an operator on constants is computed at compile time. */
const FOLD_READS = 2 ** 24;

export const createStores = (): Stores => {
  const assembly: Assembly = createAssembly();
  const refs = new Map<Storage, Ref>();
  let next = 0;

  const constant: Stores["constant"] = (dtype, data) => {
    const exact = allocate(dtype, data.length);
    for (let i = 0; i < data.length; i++) exact[i] = (data[i] as number) + 0;
    // As its record will declare it.
    const interval = dtype === "u8" || dtype === "i8" ? DTYPES[dtype] : intervalOfData(exact);
    return { id: next++, dtype, count: exact.length, interval, constant: exact };
  };

  const refOf = (storage: Storage): Ref => {
    let ref = refs.get(storage);
    if (ref === undefined) {
      const data = storage.constant as ArrayLike<number>;
      const { lo, hi } = storage.interval;
      if (!Number.isFinite(lo) || !Number.isFinite(hi)) refuse("O9", "a constant holds an infinity or a NaN");
      if (lo < DTYPES[storage.dtype].lo || hi > DTYPES[storage.dtype].hi)
        refuse("C14", `a constant reaches ${lo}..${hi}`);
      ref = assembly.constant(storage.dtype, data);
      refs.set(storage, ref);
    }
    return ref;
  };

  const compute = (draft: Draft): Storage => {
    const { operands } = draft;
    const operator = {
      ...draft,
      interval: DTYPES[draft.dtype],
      operands: operands.map(({ storage, base, stride, guards }, index) => ({
        source: { constant: true, index },
        dtype: storage.dtype,
        count: storage.count,
        base,
        stride,
        guards,
      })),
    } as Operator;
    return constant(
      draft.dtype,
      evaluate(operator, ({ index }) => operands[index]?.storage.constant as Float64Array),
    );
  };

  const emit: Stores["emit"] = (draft, { accumulator = false } = {}) => {
    const { operands, ...rest } = draft;
    const reads = product(draft.output) * product(draft.reduction) * operands.length;
    if (operands.every(({ storage }) => storage.constant !== undefined) && reads <= FOLD_READS) return compute(draft);
    try {
      const ref = assembly.operator({
        ...rest,
        operands: operands.map(({ storage, base, stride, guards }) => ({ ref: refOf(storage), base, stride, guards })),
      } as OperatorSpec);
      const storage: Storage = { id: next++, dtype: ref.dtype, count: ref.count, interval: ref.interval, accumulator };
      refs.set(storage, ref);
      return storage;
    } catch (error) {
      if (!hasCode(error, "INTERVAL_UNBOUNDED")) throw error;
      return refuse((error as CodedError).data["constraint"] as Constraint, (error as CodedError).message);
    }
  };

  return {
    constant,
    emit,
    input(dtype, count, interval) {
      const ref = assembly.input({ dtype, output: [count], interval });
      const storage: Storage = { id: next++, dtype, count, interval };
      refs.set(storage, ref);
      return storage;
    },
    finish: (outputs, meta) => assembly.finish({ outputs: outputs.map(refOf), meta }),
  };
};
