import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { oldestHaving } from "./claim-search.ts";

const PAGE = 3;

test("the oldest right claim that has a block is found among wrong ones, in few looks", async () => {
  const claims = fc.array(fc.record({ right: fc.boolean(), blocks: fc.nat(3), wrong: fc.nat(60) }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(claims, fc.nat(120), async (made, block) => {
      let number = 0;
      const listed = made.map(({ right, blocks, wrong }, i) => {
        if (right) number += blocks;
        return { index: BigInt(i), blockNumber: BigInt(right ? number : wrong), right };
      });
      let looks = 0;
      const found = await oldestHaving(BigInt(block), BigInt(listed.length), async (end, begin) => {
        looks++;
        const right = listed.filter(({ index, right }) => right && index < end && index >= begin);
        return right.reverse().slice(0, PAGE);
      });
      const expected = listed.find(({ right, blockNumber }) => right && blockNumber >= BigInt(block));
      assert.equal(found?.index, expected?.index);
      assert.ok(looks <= 2 + Math.ceil(Math.log2(listed.length + 1)), `${looks} looks at ${listed.length}`);
    }),
  );
});
