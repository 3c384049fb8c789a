import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createHeap } from "./heap.ts";

test("pops in order whatever was pushed and removed before", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("push" as const), value: fc.nat(20) }),
    fc.record({ do: fc.constant("pop" as const) }),
    fc.record({ do: fc.constant("remove" as const), which: fc.nat(30) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      type Item = { readonly value: number };
      const heap = createHeap<Item>((a, b) => a.value < b.value);
      const model: Item[] = [];
      for (const one of steps) {
        if (one.do === "push") {
          const item = { value: one.value };
          heap.push(item);
          model.push(item);
        } else if (one.do === "pop") {
          const popped = heap.pop();
          assert.equal(popped?.value, model.length === 0 ? undefined : Math.min(...model.map(({ value }) => value)));
          if (popped !== undefined) model.splice(model.indexOf(popped), 1);
        } else {
          const item = model[one.which];
          if (item === undefined) continue;
          assert.equal(heap.remove(item), true);
          assert.equal(heap.remove(item), false);
          model.splice(one.which, 1);
        }
        assert.equal(heap.size, model.length);
        for (const item of model) assert.ok(heap.has(item));
      }
      const rest = [...Array(heap.size)].map(() => heap.pop()?.value);
      assert.deepEqual(
        rest,
        model.map(({ value }) => value).sort((a, b) => a - b),
      );
    }),
    { seed: 7, numRuns: 500 },
  );
});
