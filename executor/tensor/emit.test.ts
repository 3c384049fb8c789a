import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProto_DataType } from "../onnx-proto/onnx_pb.ts";
import { type Access, createAssembly, type OperatorSpec } from "./assembly.ts";
import { matmul, requantise } from "./builders.ts";
import { emitSegment } from "./emit.ts";
import { planOf } from "./plan.ts";
import type { Dtype, Program } from "./program.ts";
import { selftestCases } from "./selftest-vectors.ts";

/** Every kernel whose answer is the same on all processors. */
const EXACT = new Set([
  ...["QLinearConv", "QLinearMatMul", "MatMulInteger", "ConvInteger", "NhwcMaxPool"],
  ...["ReduceSum", "ReduceMax", "ReduceMin", "ArgMax"],
  ...["Transpose", "Concat", "Expand", "Gather", "Reshape", "Identity", "Cast"],
  ...["Add", "Sub", "Mul", "Div", "Min", "Max", "Less", "LessOrEqual", "Equal", "Where"],
  ...["Sqrt", "Neg", "Abs", "Floor", "Round", "QuantizeLinear", "DequantizeLinear"],
]);

const graphOf = (program: Program) => {
  const plan = planOf(program, { prefer: "onnxruntime", trace: false });
  const { model } = emitSegment(program, plan, program.outputs);
  const { graph } = fromBinary(ModelProtoSchema, model);
  assert.ok(graph !== undefined);
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  return { nodes: graph.node, constants };
};

/** Position of the weights among a contraction's inputs. */
const WEIGHTS: Readonly<Record<string, number>> = {
  QLinearConv: 3,
  QLinearMatMul: 3,
  MatMulInteger: 1,
  ConvInteger: 1,
};

const productOf = (dtype: Dtype, weights: readonly number[], zw: number): Program => {
  const assembly = createAssembly();
  const add = (built: { readonly operands: readonly Access[] }) => assembly.operator(built as unknown as OperatorSpec);
  const inner = weights.length;
  const x = assembly.input({ dtype: "u8", output: [inner], interval: { lo: 0, hi: 255 } });
  const shape = { batch: 1, rows: 1, columns: 1, inner, innerFrom: 0, innerCount: inner, batchedW: false, za: 0, zw };
  const acc = add(matmul(shape, { ref: x }, { ref: assembly.constant(dtype, weights) }));
  const form = { rows: 1, columns: 1, scale: 0.01, zero: 0, dtype: "u8" } as const;
  return assembly.finish({ outputs: [add(requantise(form, { ref: acc }))] });
};

describe("emitted graphs", () => {
  it("hold only kernels that are exact everywhere", () => {
    const seen = new Set<string>();
    for (const { kernel, program } of selftestCases())
      for (const { opType } of graphOf(program).nodes) {
        assert.ok(EXACT.has(opType), `${opType} in ${kernel}`);
        seen.add(opType);
      }
    for (const opType of EXACT) if (opType !== "Identity") assert.ok(seen.has(opType), `${opType} is in the self-test`);
  });

  it("never take a minimum or maximum of int64", () => {
    for (const { kernel, program } of selftestCases()) {
      if (!/^(MIN|MAX) i64/.test(kernel)) continue;
      const operators = graphOf(program).nodes.map(({ opType }) => opType);
      assert.deepEqual(operators, ["Less", "Where"]);
    }
  });

  it("scale by the weights' scale alone, and never pair u8 with s8 weights above 64", () => {
    const programs = [
      ...selftestCases().map(({ program }) => program),
      ...[64, 65, 127, -64, -65, -128].map((w) => productOf("i8", [1, w, 3], 0)),
      ...[64, 63, 192, 193].map((w) => productOf("u8", [128, w, 129], 128)),
    ];
    let contractions = 0;
    for (const program of programs) {
      const { nodes, constants } = graphOf(program);
      for (const { opType, input } of nodes) {
        const position = WEIGHTS[opType];
        if (position === undefined) continue;
        contractions++;
        const weights = constants.get(input[position] as string);
        if (weights?.dataType === TensorProto_DataType.INT8)
          for (const byte of weights.rawData) assert.ok(Math.abs((byte << 24) >> 24) <= 64);
        if (opType.startsWith("QLinear"))
          for (const scale of [1, 6]) {
            const data = Uint8Array.from(constants.get(input[scale] as string)?.rawData ?? []);
            assert.deepEqual(Array.from(new Float32Array(data.buffer)), [1]);
          }
      }
    }
    assert.ok(contractions > 20);
  });

  it("store weights of 7 bits as s8 and all others as u8", () => {
    const typeOf = (dtype: Dtype, w: number, zw: number): number => {
      const { nodes, constants } = graphOf(productOf(dtype, [zw, w, zw], zw));
      const node = nodes.find(({ opType }) => opType === "QLinearConv");
      return constants.get(node?.input[3] as string)?.dataType as number;
    };
    for (const [dtype, w, zw, type] of [
      ["i8", 64, 0, TensorProto_DataType.INT8],
      ["i8", -64, 0, TensorProto_DataType.INT8],
      ["i8", 65, 0, TensorProto_DataType.UINT8],
      ["i8", -128, 0, TensorProto_DataType.UINT8],
      ["u8", 192, 128, TensorProto_DataType.INT8],
      ["u8", 193, 128, TensorProto_DataType.UINT8],
      ["u8", 255, 0, TensorProto_DataType.UINT8],
    ] as const)
      assert.equal(typeOf(dtype, w, zw), type, `${dtype} ${w} around ${zw}`);
  });
});
