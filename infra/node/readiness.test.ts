import assert from "node:assert/strict";
import test from "node:test";
import { DEVNET_PARAMETERS } from "../../executor/index.ts";
import { type ReadinessParts, readinessOf } from "./readiness.ts";

const HEAD = { number: 1n, hash: "0x00", timestamp: 1n } as const;
const HEALTHY = {
  chain: { position: { batch: 4n, cursor: 0, delayed: 0n }, parameters: DEVNET_PARAMETERS },
  l1: { head: HEAD, recordCount: 5n, onAdvance: () => () => undefined },
  follower: { failure: undefined },
  peering: { halted: false },
  hears: "blocks",
} as const satisfies ReadinessParts;

/** Names of the checks that do not hold. */
const failing = (change: Partial<ReadinessParts>): readonly string[] =>
  readinessOf({ ...HEALTHY, ...change })
    .filter(({ check }) => check() !== undefined)
    .map(({ name }) => name);

test("a node is ready when it reads L1, derives what it read, and follows gossip", () => {
  assert.deepEqual(failing({}), []);
  assert.deepEqual(failing({ l1: { ...HEALTHY.l1, head: undefined } }), ["l1"]);
  assert.deepEqual(failing({ l1: { ...HEALTHY.l1, recordCount: 6n } }), ["derivation"]);
  assert.deepEqual(failing({ follower: { failure: "MODEL_MISSING: gone" } }), ["derivation"]);
  assert.deepEqual(failing({ peering: { halted: true } }), ["gossip"]);
});

test("gossip is no matter to a node that hears none", () => {
  assert.deepEqual(failing({ peering: { halted: true }, hears: "nothing" }), []);
  assert.deepEqual(failing({ peering: undefined }), []);
});

test("a node that builds no block because L1 may not take it says why, with a code", () => {
  const halt = { code: "BATCH_WINDOW_HALF_GONE", reason: "the oldest batch is old" } as const;
  assert.deepEqual(failing({ batches: { halt: undefined } }), []);
  assert.deepEqual(failing({ batches: { halt } }), ["production"]);
  const [, , production] = readinessOf({ ...HEALTHY, batches: { halt } });
  assert.equal(production?.check(), "BATCH_WINDOW_HALF_GONE: the oldest batch is old");
});

test("where the rules of this version end, a node says so before, and is not ready from then on", () => {
  const rulesOf = (from: bigint, change: Partial<ReadinessParts> = {}) => {
    const parameters = { ...DEVNET_PARAMETERS, forks: { osaka: 0n, later: from } };
    const parts = { ...HEALTHY, ...change, chain: { ...HEALTHY.chain, parameters } };
    return readinessOf(parts).find(({ name }) => name === "rules");
  };
  // By L1's clock, whatever this machine's says.
  const now = HEAD.timestamp;
  const ahead = rulesOf(now + 1_000n);
  assert.equal(ahead?.check(), undefined);
  assert.match(ahead?.notice?.() ?? "", /^fork later, .* begins in 1000 s$/);
  assert.equal(rulesOf(now + 1n)?.check(), undefined);
  assert.match(rulesOf(now)?.check() ?? "", /^fork later has begun/);
  const unread = rulesOf(now, { l1: { ...HEALTHY.l1, head: undefined } });
  assert.equal(unread?.check(), undefined);
  assert.match(unread?.notice?.() ?? "", /begins at L2 time 1$/);
  assert.equal(
    readinessOf(HEALTHY).find(({ name }) => name === "rules"),
    undefined,
  );
});
