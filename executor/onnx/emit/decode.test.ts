import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { hasCode } from "../../foundation/errors.ts";
import { type ModelProto, ModelProtoSchema, TensorProto_DataLocation } from "../../onnx-proto/onnx_pb.ts";
import { decodeModel } from "./decode.ts";

const refused = (bytes: Uint8Array, limits = {}): void => {
  assert.throws(
    () => decodeModel(bytes, limits),
    (error) => hasCode(error, "ONNX_MALFORMED"),
  );
};

const varint = (value: number): number[] => {
  const out: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...out, rest];
    out.push((rest % 128) | 128);
  }
};
const wrap = (field: number, body: Uint8Array): Uint8Array =>
  Uint8Array.from([(field << 3) | 2, ...varint(body.length), ...body]);

const model = (init: Parameters<typeof create<typeof ModelProtoSchema>>[1]): Uint8Array =>
  toBinary(ModelProtoSchema, create(ModelProtoSchema, init) as ModelProto);

test("a model decodes, and decodes to what was encoded", () => {
  const bytes = new Uint8Array(readFileSync(new URL("../../../test/models/digits.onnx", import.meta.url)));
  const decoded = decodeModel(bytes);
  assert.deepEqual(decoded.graph?.node.map((node) => node.opType).slice(0, 3), ["Conv", "Relu", "Conv"]);
  assert.deepEqual(decodeModel(toBinary(ModelProtoSchema, decoded)), decoded);
});

test("a length of ten gigabytes is an error", () => {
  refused(Uint8Array.of(0x3a, 0x80, 0x80, 0x80, 0x80, 0x28));
  refused(Uint8Array.of(0x3a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80));
});

test("graphs nested in attributes of nodes stop at the depth limit", () => {
  let inner: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < 2000; i++) inner = wrap(1, wrap(5, wrap(6, inner)));
  refused(wrap(7, inner));
  let shallow: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < 8; i++) shallow = wrap(1, wrap(5, wrap(6, shallow)));
  assert.equal(decodeModel(wrap(7, shallow)).graph?.node.length, 1);
});

test("a small file cannot ask for a large heap", () => {
  const empty = Uint8Array.from({ length: 2_000_000 }, (_, i) => (i % 2 === 0 ? 0x0a : 0x00));
  refused(Uint8Array.from([0x3a, ...varint(empty.length), ...empty]), { maxUnits: 2 ** 20 });
  const ints = new Uint8Array(1 << 20);
  refused(wrap(7, wrap(5, wrap(7, ints))), { maxUnits: 2 ** 20 });
  refused(new Uint8Array(1000), { maxBytes: 999 });
});

test("truncated, groups, wrong wire types, no graph", () => {
  const bytes = model({ graph: { name: "g", node: [{ opType: "Relu", input: ["x"], output: ["y"] }] } });
  for (let length = 1; length < bytes.length; length++) refused(bytes.subarray(0, length));
  refused(Uint8Array.of(0x3b, 0x3c));
  refused(new Uint8Array(0));
  refused(Uint8Array.of(0x38, 0x01));
});

test("weights in another file are refused, in a graph and in a node's attribute", () => {
  const external = { name: "w", dataLocation: TensorProto_DataLocation.EXTERNAL };
  refused(model({ graph: { initializer: [external] } }));
  refused(model({ graph: { node: [{ attribute: [{ name: "value", t: external }] }] } }));
  refused(model({ graph: { node: [{ attribute: [{ name: "body", g: { initializer: [external] } }] }] } }));
});
