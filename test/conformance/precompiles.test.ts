import assert from "node:assert/strict";
import test from "node:test";
import { precompilesSuite } from "./precompiles.ts";
import { corpus } from "./suite.ts";

const directory = corpus(precompilesSuite.folder);
const skip = directory === undefined ? "no evm/precompiles in the corpora (set CORPORA)" : false;

test("geth's vectors hold for every precompile, gas included", { skip }, async () => {
  const { failures, passed } = await precompilesSuite.run(directory as string, {});
  assert.deepEqual(failures, []);
  assert.ok(passed >= 150, `${passed} passed`);
});
