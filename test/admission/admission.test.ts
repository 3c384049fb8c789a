import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createAdmissionTrace } from "../../challenger/index.ts";
import {
  BLOB_DATA_BYTES,
  commitBlob,
  encodeBlobs,
  encodeProgram,
  fromHex,
  importOnnx,
  programId,
} from "../../executor/index.ts";
import { fuzzAdmission } from "../fuzz/admission.ts";
import { admissionCall, byteDiffers, differs, openAdmission, pastOf } from "../support/admission-proof.ts";
import { deployLeafRules } from "../support/leaf-rules.ts";

const HEIGHTS = { height1: 9, most2: 18, most3: 29 };
const { program } = importOnnx(readFileSync(new URL("../models/digits.qdq.onnx", import.meta.url)), { name: "digits" });
const ARTIFACT = encodeProgram(program);
const ID = fromHex(programId(program));
const rules = await deployLeafRules(HEIGHTS);

test("random artifacts, well-formed and changed, are judged alike", async () => {
  const { admitted, refused, findings } = await fuzzAdmission({ count: 12, seed: 2024 }, false);
  assert.deepEqual(findings, []);
  assert.ok(admitted > 0 && refused > 0);
});

test("a byte of an artifact in blobs is opened in the element that has it, whatever the blob's top bytes", async () => {
  const artifact = Uint8Array.from({ length: BLOB_DATA_BYTES + 500 }, (_, i) => (i * 31 + (i >> 8) + 1) & 255);
  const parts = [artifact.subarray(0, BLOB_DATA_BYTES), artifact.subarray(BLOB_DATA_BYTES)];
  const blobs = await Promise.all(parts.map((part) => commitBlob(encodeBlobs(part)[0] as Uint8Array)));
  const chunks = blobs.map(({ hash }, i) => ({ kind: "blob", hash, length: parts[i]?.length ?? 0 }) as const);
  const trace = createAdmissionTrace(admissionCall(ID, chunks), {
    bytes: artifact,
    chunks,
    chunk: (index) => blobs[index]?.bytes ?? artifact,
  });
  // The header is the one object of what is no program.
  for (const byte of [0, 30, 31, 95, 96]) assert.equal(await byteDiffers(rules, trace, 0, byte), undefined);
  const wrong = (await (await trace.below(0)).evidence(31)).slice();
  wrong[wrong.length - 100] = (wrong[wrong.length - 100] as number) ^ 1;
  const verdict = await rules.elementOf({ k: 5, position: 31, operator: 0 }, await pastOf(trace, 0), wrong);
  assert.deepEqual(verdict, { error: "BadEvidence" });
});

test("every leaf of a model's admission is what the contract says", async () => {
  const { trace } = openAdmission(ARTIFACT, ID);
  const records = program.constants.length + program.operators.length + program.outputs.length;
  const objects = 2 + program.constants.length;
  const positions = [
    ...Array.from({ length: objects + 2 }, (_, p) => p),
    2 ** 16 - 1,
    ...Array.from({ length: records + 3 }, (_, i) => 2 ** 16 + i),
    2 ** 18 - 2,
    2 ** 18 - 1,
  ];
  for (const position of positions) assert.equal(await differs(rules, trace, position), undefined);
  for (let p = 0; p < objects; p++)
    for (const byte of [0, 1, 31]) assert.equal(await byteDiffers(rules, trace, p, byte), undefined);
});
