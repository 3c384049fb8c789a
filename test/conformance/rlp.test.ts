import assert from "node:assert/strict";
import test from "node:test";
import { rlpSuite } from "./rlp.ts";
import { corpus } from "./suite.ts";

const directory = corpus(rlpSuite.folder);
const skip = directory === undefined ? "no mpt-rlp-kzg/rlp in the corpora (set CORPORA)" : false;

test("Ethereum's RLP vectors hold in TypeScript and in Solidity", { skip }, async () => {
  const { failures, passed } = await rlpSuite.run(directory as string, {});
  assert.deepEqual(failures, []);
  assert.ok(passed >= 55, `${passed} passed`);
});
