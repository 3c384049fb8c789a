import assert from "node:assert/strict";
import { test } from "node:test";
import { createTally, fuzzOne } from "./fuzz.ts";

const PROGRAMS = 240;
const SEED = 71_000;

test("the fast executor equals the reference on random programs, wherever their operators run", async () => {
  const tally = createTally();
  for (let i = 0; i < PROGRAMS; i++) await fuzzOne(SEED + i, tally);
  assert.deepEqual(tally.findings, []);
  for (const kind of ["CONTRACT", "REDUCE", "MAP", "MOVE", "GATHER"]) {
    assert.ok((tally.ran.get(`${kind} on onnxruntime`) ?? 0) > 0, `${kind} ran on onnxruntime`);
    assert.ok((tally.ran.get(`${kind} on kernels`) ?? 0) > 0, `${kind} ran on kernels`);
  }
  assert.ok((tally.ran.get("TOPK on kernels") ?? 0) > 0);
});
