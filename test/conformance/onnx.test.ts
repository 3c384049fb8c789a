import assert from "node:assert/strict";
import test from "node:test";
import { modelsSuite } from "./models.ts";
import { onnxSuite } from "./onnx.ts";
import { corpus, type Suite } from "./suite.ts";

const holds = (suite: Suite, title: string): void => {
  const directory = corpus(suite.folder);
  const skip = directory === undefined ? `no ${suite.folder} in the corpora (set CORPORA)` : false;
  test(title, { skip }, async () => {
    const { passed, failures } = await suite.run(directory as string, {});
    assert.deepEqual(failures, []);
    assert.ok(passed > 0);
  });
};

holds(onnxSuite, "ONNX's operator tests match or are refused by a numbered constraint");
holds(modelsSuite, "the real models of the corpora run bit for bit, or are refused");
