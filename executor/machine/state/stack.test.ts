import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Bytes, ZERO_32 } from "../../foundation/bytes.ts";
import { keccakOf } from "../../foundation/keccak.ts";
import { drop, EMPTY_STACK, hashStack, operands, push, type Stack } from "./stack.ts";
import { wordOf } from "./word.ts";

/** The definition: `h = 0`, then `K(h ++ value)` from the bottom to the top. */
const definition = (words: readonly bigint[]): Bytes =>
  words.reduce<Bytes>((hash, value) => keccakOf(hash, wordOf(value)), ZERO_32);

const stackOf = (words: readonly bigint[]): Stack => words.reduce(push, EMPTY_STACK);

const word = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n });
const action = fc.oneof(
  fc.record({ kind: fc.constant("push" as const), value: word }),
  fc.record({
    kind: fc.constantFrom("drop" as const, "duplicate" as const, "hash" as const),
    n: fc.nat(17),
  }),
);

test("pushes, drops and copies are those of a list, and so is the hash whenever it is asked for", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      let stack = EMPTY_STACK;
      const list: bigint[] = [];
      for (const step of actions) {
        if (step.kind === "push") {
          stack = push(stack, step.value);
          list.push(step.value);
        } else if (step.kind === "hash") assert.deepEqual(hashStack(stack), definition(list));
        else if (step.n < list.length) {
          if (step.kind === "drop") {
            stack = drop(stack, step.n);
            list.length -= step.n;
          } else if (step.kind === "duplicate") {
            stack = push(stack, drop(stack, step.n).value);
            list.push(list.at(-1 - step.n) as bigint);
          }
        }
        assert.equal(stack.size, list.length);
        assert.deepEqual(operands(stack, list.length).toReversed(), list);
      }
      assert.deepEqual(hashStack(stack), definition(list));
    }),
    { numRuns: 200, seed: 6 },
  );
});

test("a full stack is hashed from the bottom to the top, once for each word", () => {
  const words = Array.from({ length: 1024 }, (_, i) => BigInt(i) << 240n);
  const stack = stackOf(words);
  assert.deepEqual(hashStack(stack), definition(words));
  assert.equal(hashStack(stack), hashStack(stack));
  assert.deepEqual(hashStack(drop(stack, 1000)), definition(words.slice(0, 24)));
});
