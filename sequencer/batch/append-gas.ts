import type { Bytes } from "../../executor/index.ts";

/** Gas of batches whose bytes are in calldata, as L1 estimates them. */
export type AppendGas = {
  /** Of no bytes. A batch in blobs takes about as much. */
  readonly empty: bigint;
  /** Of few bytes, zeros and others: what they take comes on top of the rest. */
  readonly few: ByteGas;
  /** Of so many that L1's floor price counts, if it has one. */
  readonly many: ByteGas;
};
export type ByteGas = { readonly zero: bigint; readonly other: bigint };

/** Bytes of the samples: below any floor, above any floor. */
export const FEW = 2_000;
export const MANY = 100_000;

/** Asks L1 for the samples. */
export const sampleAppendGas = async (estimate: (data: Bytes) => Promise<bigint>): Promise<AppendGas> => {
  const of = (length: number, value: number) => estimate(new Uint8Array(length).fill(value));
  const [empty, fewZeros, fewOthers, zeros, others] = [
    await of(0, 0),
    await of(FEW, 0),
    await of(FEW, 1),
    await of(MANY, 0),
    await of(MANY, 1),
  ];
  return { empty, few: { zero: fewZeros, other: fewOthers }, many: { zero: zeros, other: others } };
};

/**
 * Gas of a batch in calldata between the samples: the greater of a line through those of no and of few bytes, and one
 * through the origin and those of many.
 */
export const gasOfCalldata = ({ empty, few, many }: AppendGas, data: Bytes): bigint => {
  let zeros = 0n;
  for (const byte of data) if (byte === 0) zeros++;
  const others = BigInt(data.length) - zeros;
  const ordinary = empty + (zeros * (few.zero - empty) + others * (few.other - empty)) / BigInt(FEW);
  const floor = (zeros * many.zero + others * many.other) / BigInt(MANY);
  return ordinary > floor ? ordinary : floor;
};
