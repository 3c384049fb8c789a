import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Hex } from "../executor/index.ts";
import type { MadeClaim } from "./claim-book.ts";
import { createJudgement, type Verdict } from "./judgement.ts";

const id = (index: number): Hex => `0x${index.toString(16).padStart(64, "0")}`;
const claim = (index: number, parent: number): MadeClaim => ({
  id: id(index),
  parent: id(parent),
  node: id(index),
  endState: id(index),
  limitBatch: 0n,
  staker: "0x00",
  l1Block: BigInt(index),
});

test("a claim is right, wrong or unjudged by the right claims that are known, at any depth", () => {
  // Claim i stands on one of those before it; claim 0 is the first of all. Of the right ones some are known, in order.
  const trees = fc.array(fc.nat(), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(trees, fc.nat(), fc.nat(), fc.boolean(), (picks, known, hidden, knowsNext) => {
      const claims = picks.map((pick, i) => claim(i + 1, pick % (i + 1)));
      const byId = new Map(claims.map((made) => [made.id, made] as const));
      // The right claim on each: the first that was made there.
      const right: Hex[] = [id(0)];
      for (let next = claims.find(({ parent }) => parent === id(0)); next !== undefined; ) {
        const { id: at }: MadeClaim = next;
        right.push(at);
        next = claims.find(({ parent }) => parent === at);
      }
      const ids = right.slice(0, 1 + (known % right.length));
      const next = knowsNext ? (right[ids.length] ?? id(1_000)) : undefined;
      const book = { claim: (of: Hex) => (hidden % 5 === 0 && of === id(hidden % 40) ? undefined : byId.get(of)) };
      const { verdictOf, rightOn } = createJudgement(book, { ids, next });
      const expected = (of: MadeClaim): Verdict => {
        if (ids.includes(of.id)) return "right";
        const at = ids.indexOf(of.parent);
        if (at >= 0) {
          const here = at === ids.length - 1 ? next : ids[at + 1];
          assert.equal(rightOn(of.parent), here);
          return here === undefined ? "unjudged" : here === of.id ? "right" : "wrong";
        }
        const below = book.claim(of.parent);
        return below !== undefined && expected(below) === "wrong" ? "wrong" : "unjudged";
      };
      for (const made of claims) assert.equal(verdictOf(made), expected(made));
    }),
  );
});
