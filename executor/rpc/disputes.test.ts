import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openChain, telemetry } from "../chain/chain.fixture.ts";
import type { Hex } from "../foundation/bytes.ts";
import type { Backend, DisputedStep, DisputeView } from "./backend.ts";
import { createRpcServer } from "./server/server.ts";

const id = (byte: string): Hex => `0x${byte.repeat(32)}`;

const dispute: DisputeView = {
  parent: id("01"),
  right: id("02"),
  rivals: [{ id: id("03"), staker: `0x${"55".repeat(20)}`, status: "open", timer: 3 }],
  state: "playing",
  lack: null,
  moves: [{ call: "open", rule: "open", says: "opened", because: "it has a rival", level: 0, height: 4, position: 16 }],
  refusals: [],
  period: 240,
  l1Block: 77,
};

const chain = await openChain();

type Answer = {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly data?: { readonly code?: string } };
};
const serve = async (parts: Partial<Backend>) => {
  const backend = { chain, identity: { clientVersion: "assay/test" }, ...parts };
  const server = await createRpcServer({ backend, ...telemetry() }, { port: 0 });
  after(() => server.stop());
  return async (method: string, ...params: unknown[]): Promise<Answer> => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const headers = { "content-type": "application/json" };
    return (await fetch(server.url, { method: "POST", body, headers })).json() as Promise<Answer>;
  };
};

test("a challenger tells its disputes, each by the claim below it, the right one and every wrong one", async () => {
  let disputes: readonly DisputeView[] = [];
  const ask = await serve({ disputes: () => disputes });
  assert.deepEqual((await ask("rollup_disputes")).result, []);
  assert.equal((await ask("rollup_dispute", id("01"))).result, null);
  disputes = [
    { ...dispute, parent: id("08"), right: null, rivals: [], state: "blocked", lack: "MODEL_MISSING" },
    dispute,
  ];
  assert.deepEqual((await ask("rollup_disputes")).result, disputes);
  for (const about of ["01", "02", "03"]) assert.deepEqual((await ask("rollup_dispute", id(about))).result, dispute);
  assert.deepEqual((await ask("rollup_dispute", id("08"))).result, disputes[0]);
  assert.equal((await ask("rollup_dispute", id("04"))).result, null);
  assert.equal((await ask("rollup_dispute", "0x01")).error?.code, -32602);
});

test("a challenger tells the steps that a dispute has come down to, by any of its claims", async () => {
  const steps: readonly DisputedStep[] = [
    {
      ...{ unit: 2, step: 40, name: "padding", before: null, after: null, isProven: true },
      ...{ computed: id("0a"), claimed: [id("0b")] },
    },
  ];
  const asked: Hex[] = [];
  const ask = await serve({
    disputes: () => [dispute],
    disputedSteps: async (parent) => {
      asked.push(parent);
      return steps;
    },
  });
  for (const about of ["01", "02", "03"])
    assert.deepEqual((await ask("rollup_disputedSteps", id(about))).result, steps);
  assert.deepEqual(new Set(asked), new Set([id("01")]));
  assert.equal((await ask("rollup_disputedSteps", id("04"))).result, null);
});

test("another node knows no disputes", async () => {
  const ask = await serve({});
  for (const [method, ...params] of [
    ["rollup_disputes"],
    ["rollup_dispute", id("01")],
    ["rollup_disputedSteps", id("01")],
  ] as const)
    assert.equal((await ask(method, ...params)).error?.data?.code, "DISPUTES_UNKNOWN");
});
