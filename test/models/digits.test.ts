import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { InferenceSession, Tensor } from "onnxruntime-node";
import {
  createEngine,
  describeModel,
  describeProgram,
  equalBytes,
  importOnnx,
  packTensor,
  runReference,
  unpackTensor,
} from "../../executor/index.ts";

/** Accuracy of the sample model on its held-out scans, float and exact, recomputed. */

const file = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, import.meta.url)));

const PIXELS = 64;
type Scan = { readonly pixels: Float32Array; readonly label: number };
const heldOut: readonly Scan[] = (() => {
  const bytes = file("digits-heldout.bin");
  assert.equal(bytes.length % (PIXELS + 1), 0);
  return Array.from({ length: bytes.length / (PIXELS + 1) }, (_, i) => {
    const at = i * (PIXELS + 1);
    return { pixels: Float32Array.from(bytes.subarray(at, at + PIXELS)), label: bytes[at + PIXELS] as number };
  });
})();

const best = (scores: ArrayLike<number>): number => {
  let top = 0;
  for (let k = 1; k < scores.length; k++) if ((scores[k] as number) > (scores[top] as number)) top = k;
  return top;
};

const floatAnswers = async (): Promise<number[]> => {
  const session = await InferenceSession.create(file("digits.onnx"), { intraOpNumThreads: 1 });
  const answers: number[] = [];
  for (const { pixels } of heldOut) {
    const { probabilities } = await session.run({ image: new Tensor("float32", pixels, [1, 1, 8, 8]) });
    answers.push(best((probabilities as Tensor).data as Float32Array));
  }
  await session.release();
  return answers;
};

const accuracyOf = (answers: readonly number[]): number =>
  answers.filter((answer, i) => answer === heldOut[i]?.label).length / heldOut.length;

const SAMPLES = 12;

test("float and exact accuracy on the held-out scans", async (t) => {
  assert.equal(heldOut.length, 450);
  const float = accuracyOf(await floatAnswers());
  t.diagnostic(`float ${(100 * float).toFixed(2)} %`);
  assert.ok(float >= 0.97);
  for (const name of ["digits.qdq.onnx", "digits.qop.onnx"]) {
    const { program } = importOnnx(file(name));
    const engine = await createEngine(program);
    const answers: number[] = [];
    for (const [i, { pixels }] of heldOut.entries()) {
      const input = packTensor("f32", pixels);
      const output = await engine.run(input);
      assert.ok(output !== undefined, `${name}: scan ${i} is refused`);
      if (i < SAMPLES) assert.ok(equalBytes(output, runReference(program, input).output), `${name}: scan ${i}`);
      answers.push(best(unpackTensor("f32", 10, output)));
    }
    await engine.stop();
    const exact = accuracyOf(answers);
    t.diagnostic(`${name}: exact ${(100 * exact).toFixed(2)} %`);
    assert.ok(exact >= 0.97);
    assert.ok(Math.abs(exact - float) <= 0.01);
  }
});

test("the two ways of quantising it make programs of one size and different ids", () => {
  const [qdq, qop] = ["digits.qdq.onnx", "digits.qop.onnx"].map((name) => describeModel(file(name)));
  assert.ok(qdq !== undefined && qop !== undefined);
  for (const { multiplyAdds, inputs, outputs, operators } of [qdq, qop]) {
    assert.equal(multiplyAdds, 95_360);
    assert.deepEqual(inputs[0]?.shape, [1, 1, 8, 8]);
    assert.equal(inputs[0]?.name, "image");
    assert.equal(outputs[0]?.name, "probabilities");
    assert.deepEqual(outputs[0]?.shape, [1, 10]);
    assert.equal(operators.CONTRACT, 4);
  }
  assert.notEqual(qdq.id, qop.id);
  assert.deepEqual(qdq.operators, qop.operators);
});

test("the same file makes the same program; names and licence are part of its id", () => {
  const bytes = file("digits.qop.onnx");
  const first = describeProgram(importOnnx(bytes).program);
  assert.equal(describeProgram(importOnnx(bytes).program).id, first.id);
  const named = describeProgram(importOnnx(bytes, { name: "digits", licence: "CC BY 4.0" }).program);
  assert.equal(named.licence, "CC BY 4.0");
  assert.notEqual(named.id, first.id);
});
