import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "../foundation/errors.ts";
import { forkAt, includes, requireForkOrder, requireSamePast, scheduledForks, unknownFork } from "./forks.ts";

const codeOf = (code: string) => (error: unknown) => hasCode(error, code);

test("a block has the newest fork whose time has come; what is not named comes with the next", () => {
  const schedule = { prague: 100n, osaka: 200n };
  const at = [0n, 99n, 100n, 199n, 200n, 2n ** 64n].map((time) => forkAt(schedule, time));
  assert.deepEqual(at, ["cancun", "cancun", "prague", "prague", "osaka", "osaka"]);
  assert.equal(forkAt({}, 5n), "cancun");
  assert.equal(forkAt({ osaka: 7n }, 6n), "cancun");
  assert.equal(forkAt({ prague: 7n, osaka: 7n }, 7n), "osaka");
  assert.deepEqual(
    (["cancun", "prague", "osaka"] as const).map((fork) => includes(fork, "prague")),
    [false, true, true],
  );
});

test("from the time of a fork that is not here on there are no rules, whatever is known behind it", () => {
  const schedule = { osaka: 200n, later: 150n, cancun: 0n };
  assert.deepEqual(unknownFork(schedule), { name: "later", from: 150n, isKnown: false });
  assert.equal(forkAt(schedule, 149n), "cancun");
  for (const time of [150n, 200n, 1_000n]) assert.throws(() => forkAt(schedule, time), codeOf("FORK_UNKNOWN"));
  assert.deepEqual(
    scheduledForks(schedule).map(({ name, isKnown }) => [name, isKnown]),
    // Osaka contains what is not here.
    [
      ["cancun", true],
      ["later", false],
      ["osaka", false],
    ],
  );
  assert.throws(() => forkAt({ osaka: 7n, later: 7n }, 7n), codeOf("FORK_UNKNOWN"));
  assert.equal(scheduledForks({ osaka: 7n, later: 7n }).at(-1)?.name, "later");
});

test("forks are in their order; at one time they are one", () => {
  requireForkOrder({ prague: 5n, osaka: 5n, other: 0n });
  requireForkOrder({ osaka: 0n });
  assert.throws(() => requireForkOrder({ prague: 6n, osaka: 5n }), codeOf("FORK_ORDER"));
  assert.throws(() => requireForkOrder({ cancun: 6n, prague: 9n, osaka: 5n }), codeOf("FORK_ORDER"));
});

test("what lies ahead of a chain may change, what its blocks were made by may not", () => {
  const held = { cancun: 0n, osaka: 200n };
  requireSamePast(held, { cancun: 0n, osaka: 300n }, 199n);
  requireSamePast(held, { cancun: 0n, osaka: 200n, later: 201n }, 200n);
  // Other words for the same rules.
  requireSamePast(held, { prague: 200n, osaka: 200n }, 200n);
  assert.throws(() => requireSamePast(held, { cancun: 0n, osaka: 300n }, 200n), codeOf("FORK_CHANGED"));
  assert.throws(() => requireSamePast(held, { cancun: 0n, prague: 150n, osaka: 200n }, 160n), codeOf("FORK_CHANGED"));
});
