import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { encodeProgram, fromHex, importOnnx, programId } from "../../executor/index.ts";
import { byteDiffers, differs, openAdmission } from "../support/admission-proof.ts";
import { deployLeafRules } from "../support/leaf-rules.ts";

const HEIGHTS = { height1: 9, most2: 18, most3: 29 };
const { program } = importOnnx(readFileSync(new URL("../models/digits.qdq.onnx", import.meta.url)), { name: "digits" });
const ARTIFACT = encodeProgram(program);
const ID = fromHex(programId(program));
const rules = await deployLeafRules(HEIGHTS);

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
