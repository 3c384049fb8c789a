import assert from "node:assert/strict";
import { test } from "node:test";
import { createValidator } from "./json-schema.ts";
import { rpcSuite } from "./rpc.ts";
import { corpus } from "./suite.ts";

const directory = corpus(rpcSuite.folder);

test(
  "every answer of the node fits Ethereum's OpenRPC document",
  directory === undefined ? { skip: "no corpora: set CORPORA" } : {},
  async (t) => {
    const result = await rpcSuite.run(directory as string, {});
    assert.deepEqual(result.failures, []);
    assert.ok(result.passed >= 120, `${result.passed} passed`);
    t.diagnostic(`${result.passed} passed, ${result.exclusions.length} excluded; ${result.notes.join("; ")}`);
  },
);

test("the validator finds the faults it is there for", () => {
  const document = { defs: { uint: { type: "string", pattern: "^0x[0-9a-f]+$" } } };
  const fault = createValidator(document);
  const uint = { $ref: "#/defs/uint" };
  const block = { type: "object", required: ["a"], additionalProperties: false, properties: { a: uint } } as const;
  assert.equal(fault(block, { a: "0x1" }), undefined);
  assert.equal(fault(block, {}), "$: a is missing");
  assert.equal(fault(block, { a: "0x1", b: 1 }), "$: unknown member b");
  assert.match(fault(block, { a: "1" }) ?? "", /^\$\.a: 1 does not match/);
  assert.equal(fault({ type: "array", items: uint }, ["0x1", 5]), "$[1]: integer, expected string");
  assert.equal(fault({ oneOf: [uint, { type: "null" }] }, null), undefined);
  assert.match(fault({ oneOf: [uint, { type: "null" }] }, true) ?? "", /none of oneOf/);
  assert.match(fault({ allOf: [block, { required: ["b"] }] }, { a: "0x1" }) ?? "", /b is missing/);
  assert.throws(() => fault({ minLength: 3 } as object, "x"), /keyword minLength/);
});
