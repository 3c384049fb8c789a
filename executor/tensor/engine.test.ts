import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Bytes } from "../foundation/bytes.ts";
import { hasCode } from "../foundation/errors.ts";
import { type Access, type Assembly, createAssembly, type OperatorSpec, type Ref } from "./assembly.ts";
import { type Conv2d, conv2d, instruction, lookup, map, matmul, pool2d, reduceAxes, requantise } from "./builders.ts";
import { packTensor, unpackTensor } from "./elements.ts";
import { createEngine, type EngineErrorCode } from "./engine.ts";
import { DTYPES, type Dtype, type Program } from "./program.ts";
import { run } from "./reference.ts";

const add = (assembly: Assembly, built: { readonly operands: readonly Access[] }): Ref =>
  assembly.operator(built as unknown as OperatorSpec);

const inputOf = (
  assembly: Assembly,
  dtype: Dtype,
  count: number,
  interval = DTYPES[dtype] as { lo: number; hi: number },
) => assembly.input({ dtype, output: [count], interval: { lo: interval.lo, hi: interval.hi } });

const packed = (...parts: readonly (readonly [Dtype, ArrayLike<number>])[]): Bytes =>
  Buffer.concat(
    parts.map(([dtype, data]) => {
      const bytes = packTensor(dtype, data);
      return Buffer.concat([bytes, new Uint8Array((32 - (bytes.length % 32)) % 32)]);
    }),
  );

/** Runs on every placement, fused and traced, against the reference; the reference's output. */
const agreed = async (program: Program, input: Bytes): Promise<Bytes> => {
  const { output, tensors } = run(program, input);
  for (const prefer of ["onnxruntime", "kernels", "fastest"] as const) {
    const engine = await createEngine(program, { prefer });
    assert.deepEqual(await engine.run(input), output, prefer);
    await engine.stop();
    const traced = await createEngine(program, { prefer, trace: true });
    assert.deepEqual(await traced.runAll(input), tensors, `${prefer}, traced`);
    await traced.stop();
  }
  return output;
};

const devicesOf = async (program: Program): Promise<Set<string>> => {
  const engine = await createEngine(program, { prefer: "onnxruntime" });
  await engine.stop();
  return new Set(engine.devices.values());
};

const product = (options: { rows?: number; columns: number; inner: number; zw?: number; za?: number }) => ({
  ...{ batch: 1, rows: 1, zw: 0, za: 0, innerFrom: 0, innerCount: options.inner, batchedW: false },
  ...options,
});

describe("contractions", () => {
  for (const inner of [1, 31, 32, 33, 4096])
    for (const [dtype, extreme, zw] of [
      ["i8", 64, 0],
      ["i8", -64, 0],
      ["i8", -128, 0],
      ["i8", 127, -128],
      ["u8", 255, 0],
      ["u8", 255, 255],
    ] as const)
      it(`${inner} products of 255 and ${extreme} (${dtype}, zero point ${zw})`, async () => {
        const assembly = createAssembly();
        const x = inputOf(assembly, "u8", 2 * inner);
        const w = assembly.constant(
          dtype,
          Array.from({ length: 3 * inner }, (_, i) =>
            i < inner ? extreme : i < 2 * inner ? (i % 2) * extreme : i % 100,
          ),
        );
        const acc = add(assembly, matmul(product({ rows: 2, columns: 3, inner, zw }), { ref: x }, { ref: w }));
        const form = { rows: 2, columns: 3, scale: 2 ** -16, zero: 128, dtype: "u8" } as const;
        const y = add(assembly, requantise(form, { ref: acc }));
        const program = assembly.finish({ outputs: [acc, y] });
        await agreed(program, packed(["u8", Array.from({ length: 2 * inner }, (_, i) => (i < inner ? 255 : i % 256))]));
        assert.deepEqual(await devicesOf(program), new Set(["onnxruntime"]));
      });

  it("a chain of three parts over 8,193 products is one kernel, and exact", async () => {
    const inner = 8193;
    const assembly = createAssembly();
    const x = inputOf(assembly, "u8", inner);
    const w = assembly.constant(
      "u8",
      Array.from({ length: 2 * inner }, (_, i) => (i < inner ? 255 : (i * 7) % 256)),
    );
    const shape = product({ columns: 2, inner });
    let acc: Ref | undefined;
    for (let from = 0; from < inner; from += 4096) {
      const part = { ...shape, innerFrom: from, innerCount: Math.min(4096, inner - from) };
      const bias = acc === undefined ? undefined : ({ tensor: { ref: acc }, per: "element" } as const);
      acc = add(assembly, matmul(part, { ref: x }, { ref: w }, bias));
    }
    const form = { rows: 1, columns: 2, scale: 2 ** -21, zero: 0, dtype: "u8" } as const;
    const program = assembly.finish({ outputs: [add(assembly, requantise(form, { ref: acc as Ref }))] });
    const output = await agreed(program, packed(["u8", new Uint8Array(inner).fill(255)]));
    assert.equal(output[0], Math.round((255 * 255 * inner) / 2 ** 21));
    const engine = await createEngine(program, { prefer: "onnxruntime" });
    assert.equal(engine.sessions, 1);
    assert.deepEqual(new Set(engine.devices.values()), new Set(["onnxruntime"]));
    await engine.stop();
  });

  it("accumulators at 2^31 - 1 and back by the bias", async () => {
    const assembly = createAssembly();
    const x = inputOf(assembly, "u8", 4);
    const w = assembly.constant("i8", [-128, -128, -128, -128, 127, 127, 127, 127]);
    const room = 2 ** 31 - 1 - 4 * 255 * 128;
    const bias = assembly.constant("i32", [-room, room]);
    const shape = product({ columns: 2, inner: 4 });
    const column = { tensor: { ref: bias }, per: "column" } as const;
    const acc = add(assembly, matmul(shape, { ref: x }, { ref: w }, column));
    const program = assembly.finish({ outputs: [acc] });
    const output = await agreed(program, packed(["u8", [255, 255, 255, 255]]));
    assert.deepEqual(Array.from(unpackTensor("i32", 2, output)), [-(2 ** 31 - 1), 2 ** 31 - 1 - 4 * 255]);
  });

  it("a rectified requantisation above a zero point", async () => {
    const assembly = createAssembly();
    const x = inputOf(assembly, "u8", 64);
    const w = assembly.constant(
      "i8",
      Array.from({ length: 64 }, (_, i) => (i % 129) - 64),
    );
    const acc = add(assembly, matmul(product({ rows: 8, columns: 8, inner: 8, za: 100 }), { ref: x }, { ref: w }));
    const body = [
      instruction("MAX", { operand: 0 }, { int: 0 }),
      instruction("I2F", 0),
      instruction("FMUL", 1, { float: 2 ** -7 }),
      instruction("QU8", 2, { int: 37 }),
    ];
    const y = add(assembly, map("u8", [64], [{ tensor: { ref: acc }, stride: [1] }], body));
    const output = await agreed(
      assembly.finish({ outputs: [y] }),
      packed(["u8", Array.from({ length: 64 }, (_, i) => i * 4)]),
    );
    assert.ok(output.some((v) => v === 37) && output.every((v) => v >= 37));
  });
});

describe("one zero", () => {
  it("has no sign in an output, whatever lane it was in", async () => {
    const assembly = createAssembly();
    const zeros = Array.from({ length: 64 }, (_, i) => (i % 3 === 0 ? -0 : 0));
    const limits = { lo: -1, hi: 1 };
    const a = inputOf(assembly, "f32", 64, limits);
    const b = inputOf(assembly, "f32", 64, limits);
    const operands = [a, b].map((ref) => ({ tensor: { ref }, stride: [1] }));
    const outputs = ["FMIN", "FMAX", "FMUL", "FSUB"].map((name) =>
      add(
        assembly,
        map("f32", [64], operands, [instruction("FNEG", { operand: 0 }), instruction(name, 0, { operand: 1 })]),
      ),
    );
    const chosen = [
      instruction("FLT", { operand: 0 }, { operand: 1 }),
      instruction("FSEL", 0, { operand: 0 }, { operand: 1 }),
    ];
    outputs.push(add(assembly, map("f32", [64], operands, chosen)));
    outputs.push(add(assembly, reduceAxes({ extents: [2, 32], axes: [0], fold: "MAX" }, "f32", { ref: a })));
    const input = packed(["f32", zeros], ["f32", zeros.toReversed()]);
    for (const i of [0, 3, 33]) input[4 * i + 3] = 0x80;
    const output = await agreed(assembly.finish({ outputs }), input);
    assert.ok(output.every((byte) => byte === 0));
  });
});

describe("sums", () => {
  it("reach the last exact integers", async () => {
    const assembly = createAssembly();
    const most = Math.floor((2 ** 53 - 1) / 3);
    const x = inputOf(assembly, "i64", 6, { lo: -most, hi: most });
    const y = add(assembly, reduceAxes({ extents: [2, 3], axes: [1], fold: "SUM" }, "i64", { ref: x }));
    const output = await agreed(
      assembly.finish({ outputs: [y] }),
      packed(["i64", [most, most, most, -most, -most, -most]]),
    );
    assert.deepEqual(Array.from(unpackTensor("i64", 2, output)), [3 * most, -3 * most]);
  });
});

const CONV: Conv2d = {
  ...{ batch: 1, height: 8, width: 8, channels: 1, outHeight: 8, outWidth: 8, outChannels: 8, groups: 1 },
  ...{ kernelHeight: 3, kernelWidth: 3, strideY: 1, strideX: 1, dilationY: 1, dilationX: 1, padTop: 1, padLeft: 1 },
  ...{ za: 0, zw: 0, channelFrom: 0, channelCount: 1 },
};

/** f32 pixels to quantise, two convolutions, pool, table, product: a small classifier. */
const classifier = (): Program => {
  const assembly = createAssembly();
  const x = inputOf(assembly, "f32", 64, { lo: 0, hi: 16 });
  const weights = (count: number): Ref =>
    assembly.constant(
      "i8",
      Array.from({ length: count }, (_, i) => ((i * 37) % 129) - 64),
    );
  const quantise = [instruction("FDIV", { operand: 0 }, { float: 16 / 255 }), instruction("QU8", 0, { int: 0 })];
  let y = add(assembly, map("u8", [64], [{ tensor: { ref: x }, stride: [1] }], quantise));
  for (const [channels, outChannels, scale] of [
    [1, 8, 2 ** -8],
    [8, 16, 2 ** -11],
  ] as const) {
    const shape = { ...CONV, channels, channelCount: channels, outChannels };
    const acc = add(assembly, conv2d(shape, { ref: y }, { ref: weights(outChannels * 9 * channels) }));
    const form = { rows: 64, columns: outChannels, scale, zero: 0, dtype: "u8" } as const;
    y = add(assembly, requantise(form, { ref: acc }));
  }
  const { outChannels: _, groups: _g, za: _a, zw: _w, channelFrom: _f, channelCount: _c, ...window } = CONV;
  const half = {
    ...window,
    channels: 16,
    outHeight: 4,
    outWidth: 4,
    kernelHeight: 2,
    kernelWidth: 2,
    strideY: 2,
    strideX: 2,
  };
  y = add(assembly, pool2d({ ...half, padTop: 0, padLeft: 0, fold: "MAX" }, "u8", { ref: y }));
  const table = assembly.constant(
    "u8",
    Array.from({ length: 256 }, (_v, i) => 255 - i),
  );
  y = add(assembly, lookup({ count: 256, first: 0, num: 256 }, "u8", { ref: y }, { ref: table }));
  const acc = add(assembly, matmul(product({ columns: 10, inner: 256 }), { ref: y }, { ref: weights(2560) }));
  const dequantise = [instruction("I2F", { operand: 0 }), instruction("FMUL", 0, { float: 0.01 })];
  return assembly.finish({
    outputs: [add(assembly, map("f32", [10], [{ tensor: { ref: acc }, stride: [1] }], dequantise))],
  });
};

describe("an engine", () => {
  const program = classifier();
  const image = (seed: number): Bytes => packed(["f32", Float32Array.from({ length: 64 }, (_, i) => (i * seed) % 17)]);

  it("runs a small classifier as one session, and as the reference does", async () => {
    await agreed(program, image(5));
    const engine = await createEngine(program);
    assert.equal(engine.sessions, 1);
    await engine.stop();
  });

  it("keeps concurrent runs apart", async () => {
    const engine = await createEngine(program);
    const seeds = Array.from({ length: 20 }, (_, i) => i + 1);
    const outputs = await Promise.all(seeds.map((seed) => engine.run(image(seed))));
    for (const [i, seed] of seeds.entries()) assert.deepEqual(outputs[i], run(program, image(seed)).output);
    await engine.stop();
  });

  it("refuses another length, and reads elements outside their interval as the nearest", async () => {
    const engine = await createEngine(program);
    const changed = (at: number, value: number): Bytes => {
      const input = image(3);
      new DataView(input.buffer, input.byteOffset).setFloat32(4 * at, value, true);
      return input;
    };
    assert.notEqual(await engine.run(image(3)), undefined);
    assert.notEqual(await engine.run(changed(63, 16)), undefined);
    for (const [value, nearest] of [
      [Number.NaN, 0],
      [Number.POSITIVE_INFINITY, 16],
      [Number.NEGATIVE_INFINITY, 0],
      [16.000002, 16],
      [-(2 ** -149), 0],
    ] as const)
      for (const at of [0, 63])
        assert.deepEqual(await engine.run(changed(at, value)), await engine.run(changed(at, nearest)), `${value}`);
    assert.equal(await engine.run(image(3).subarray(32)), undefined);
    assert.equal(await engine.run(Buffer.concat([image(3), new Uint8Array(32)])), undefined);
    assert.deepEqual(await engine.run(changed(0, -0)), await engine.run(changed(0, 0)));
    await engine.stop();
  });

  it("never writes a small constant out into a large one", async () => {
    const assembly = createAssembly();
    const side = 512;
    const x = inputOf(assembly, "i32", 1, { lo: -9, hi: 9 });
    const ramp = assembly.constant(
      "i32",
      Array.from({ length: 2 * side }, (_, i) => i),
    );
    const shape = [side, side];
    const operands = [
      { tensor: { ref: x }, stride: [0, 0] },
      { tensor: { ref: ramp }, stride: [1, 1] },
    ];
    const y = add(assembly, map("i32", shape, operands, [instruction("ADD", { operand: 0 }, { operand: 1 })]));
    const best = add(assembly, reduceAxes({ extents: shape, axes: [1], fold: "MAX" }, "i32", { ref: y }));
    const program = assembly.finish({ outputs: [best] });
    const engine = await createEngine(program, { prefer: "onnxruntime" });
    assert.equal(engine.devices.get(1), "kernels");
    assert.ok(engine.bytes < 3 * side * side * 4);
    await engine.stop();
    await agreed(program, packed(["i32", [5]]));
  });

  it("answers nothing when it is stopped", async () => {
    const engine = await createEngine(program);
    const last = engine.run(image(1));
    await engine.stop();
    await engine.stop();
    assert.deepEqual(await last, run(program, image(1)).output);
    await assert.rejects(engine.run(image(1)), (error) => hasCode<EngineErrorCode>(error, "ENGINE_STOPPED"));
  });
});
