import assert from "node:assert/strict";
import test from "node:test";
import { describeEvidence } from "./evidence.ts";

const signed = (digit: string, revision: string) => ({
  hash: `0x${digit.repeat(64)}`,
  header: "0x",
  origin: { number: "0x1", timestamp: "0x2" },
  revision,
  sealedAt: "0x18bcfe56800",
  signature: "0x",
});

test("two rows a pair; whoever is halted is told how to go on", () => {
  const pair = {
    kind: "equivocation",
    number: "0x2a",
    first: signed("a", "0x0"),
    second: signed("b", "0x7"),
    seenAt: "0xffffffffffffffff",
  } as const;
  const [titles, first, second, ...rest] = describeEvidence({ halted: true, evidence: [pair] }).split("\n");
  assert.deepEqual(titles?.split(/ +/), ["block", "kind", "hash", "revision", "sealed", "seen"]);
  const seen = ["18446744073709551615", "ms"];
  assert.deepEqual(first?.split(/ +/), [
    "42",
    "equivocation",
    pair.first.hash,
    "0",
    "2023-11-14T22:13:20.000Z",
    ...seen,
  ]);
  assert.deepEqual(second?.trim().split(/ +/), [pair.second.hash, "7", "2023-11-14T22:13:20.000Z"]);
  assert.match(rest.join("\n"), /assay evidence resume/);
  assert.doesNotMatch(describeEvidence({ halted: false, evidence: [pair] }), /resume/);
  assert.equal(describeEvidence({ halted: false, evidence: [] }), "no evidence");
});
