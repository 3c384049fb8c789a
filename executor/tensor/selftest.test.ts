import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toHex } from "../foundation/bytes.ts";
import { hasCode } from "../foundation/errors.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { createEngine } from "./engine.ts";
import { run } from "./reference.ts";
import { INSTRUCTIONS } from "./scalar.ts";
import {
  checkCases,
  checkProcessor,
  type ProcessorErrorCode,
  processorName,
  runCase,
  SELFTEST_DIGEST,
} from "./selftest.ts";
import { selftestCases } from "./selftest-vectors.ts";

const cases = selftestCases();

describe("the processor's self-test", () => {
  it("has the reference's answers", () => {
    const outputs = cases.map(({ program, input }) => run(program, input).output);
    assert.equal(toHex(keccakOf(...outputs)), SELFTEST_DIGEST);
  });

  it("gives every case to a vector kernel, and covers every instruction", async () => {
    const names = new Set<string>();
    for (const { kernel, program, input } of cases) {
      names.add(kernel.split(" ")[0] as string);
      const engine = await createEngine(program, { prefer: "onnxruntime" });
      assert.deepEqual(new Set(engine.devices.values()), new Set(["onnxruntime"]), kernel);
      assert.equal(engine.sessions, 1, kernel);
      const output = await engine.run(input);
      assert.deepEqual(output, run(program, input).output, kernel);
      await engine.stop();
    }
    for (const { name } of INSTRUCTIONS) assert.ok(names.has(name), name);
    for (const kernel of ["QLinearConv", "QLinearMatMul", "MatMulInteger", "ConvInteger", "NhwcMaxPool", "Reduce"])
      assert.ok(names.has(kernel), kernel);
  });

  it("passes on this processor", async () => {
    const { kernels, processor } = await checkProcessor();
    assert.ok(kernels > 50);
    assert.equal(processor, processorName());
  });

  it("PROCESSOR_INEXACT names the processor when the answers are others", async () => {
    const some = cases.slice(0, 2);
    const answers = [];
    for (const one of some) answers.push(await runCase(one));
    await checkCases(some, toHex(keccakOf(...answers)));
    await assert.rejects(checkCases(some, toHex(keccakOf(...answers.toReversed()))), (error) => {
      assert.ok(hasCode<ProcessorErrorCode>(error, "PROCESSOR_INEXACT"));
      assert.equal(error.data["processor"], processorName());
      return true;
    });
  });
});
