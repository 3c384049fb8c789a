import type { Bytes } from "../foundation/bytes.ts";
import { allocate, type Constant, DTYPES, type Dtype, type Interval, type TensorData } from "./program.ts";

/** Tensor data as it is hashed, called with and stored: little-endian, packed. In memory: an exact typed array. */

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

export const bytesOf = (dtype: Dtype, count: number): number => count * DTYPES[dtype].bytes;

/** Bytes rounded up to whole words. */
export const paddedBytes = (dtype: Dtype, count: number): number => Math.ceil(bytesOf(dtype, count) / 32) * 32;

/** Reads `count` packed elements. An i64 beyond 2^53 comes out rounded (its magnitude stays >= 2^53). */
export const unpackTensor = (dtype: Dtype, count: number, bytes: Bytes): TensorData => {
  const size = bytesOf(dtype, count);
  if (bytes.length < size)
    throw new RangeError(`${count} elements of ${dtype} need ${size} bytes, not ${bytes.length}`);
  const out = allocate(dtype, count);
  if (dtype === "i64" || !LITTLE_ENDIAN) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, size);
    for (let i = 0; i < count; i++) {
      if (dtype === "i64") out[i] = view.getInt32(8 * i + 4, true) * 2 ** 32 + view.getUint32(8 * i, true);
      else if (dtype === "i32") out[i] = view.getInt32(4 * i, true);
      else if (dtype === "f32") out[i] = view.getFloat32(4 * i, true);
      else out[i] = dtype === "i8" ? view.getInt8(i) : view.getUint8(i);
    }
    return out;
  }
  new Uint8Array(out.buffer).set(bytes.subarray(0, size));
  return out;
};

/** Packs elements; -0 becomes +0. */
export const packTensor = (dtype: Dtype, data: ArrayLike<number>): Bytes => {
  const count = data.length;
  const out = new Uint8Array(bytesOf(dtype, count));
  const view = new DataView(out.buffer);
  switch (dtype) {
    case "u8":
    case "i8":
      for (let i = 0; i < count; i++) out[i] = data[i] as number;
      return out;
    case "i32":
      for (let i = 0; i < count; i++) view.setInt32(4 * i, data[i] as number, true);
      return out;
    case "i64":
      for (let i = 0; i < count; i++) {
        const high = Math.floor((data[i] as number) / 2 ** 32);
        view.setUint32(8 * i, (data[i] as number) - high * 2 ** 32, true);
        view.setInt32(8 * i + 4, high, true);
      }
      return out;
    case "f32":
      for (let i = 0; i < count; i++) view.setFloat32(4 * i, (data[i] as number) + 0, true);
      return out;
  }
};

/**
 * What a stored element is read as: NaN as lo, everything else as the nearest value of the interval, zero without a sign.
 */
export const canonical = (v: number, { lo, hi }: Interval): number => (v >= lo ? (v <= hi ? v + 0 : hi) : lo);

const unpacked = new WeakMap<Constant, TensorData>();
/** A constant's elements as they are read, not to be written to: bytes are seen in place, wider ones are made once. */
export const constantData = (constant: Constant): TensorData => {
  const { dtype, count, data, interval } = constant;
  let elements = unpacked.get(constant);
  if (elements === undefined) {
    if (dtype === "u8") elements = new Uint8Array(data.buffer, data.byteOffset, count);
    else if (dtype === "i8") elements = new Int8Array(data.buffer, data.byteOffset, count);
    else {
      elements = unpackTensor(dtype, count, data);
      for (let i = 0; i < count; i++) elements[i] = canonical(elements[i] as number, interval);
    }
    unpacked.set(constant, elements);
  }
  return elements;
};
