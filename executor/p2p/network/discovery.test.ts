import assert from "node:assert/strict";
import { test } from "node:test";
import { createDiscovery, type DiscoveryOptions, MAX_KNOWN } from "./discovery.ts";
import { connect, connected, makeNetwork } from "./network.fixture.ts";

const discover = (options: Partial<DiscoveryOptions> = {}) => {
  const time = { now: 0 };
  const dialled: string[] = [];
  const forgotten: string[] = [];
  const discovery = createDiscovery({
    target: 3,
    clock: () => time.now,
    random: () => 0,
    retryMs: 1_000,
    connections: () => 0,
    isConnected: () => false,
    dial: async (peer) => void dialled.push(peer),
    known: async () => ["a", "b"],
    forget: async (peer) => void forgotten.push(peer),
    ...options,
  });
  return { discovery, time, dialled, forgotten };
};

test("a peer that is found is dialled, and not again too soon", async () => {
  const { discovery, time, dialled } = discover();
  await discovery.onFound("a");
  await discovery.onFound("a");
  assert.deepEqual(dialled, ["a"]);
  time.now = 1_000;
  await discovery.sweep();
  assert.deepEqual(dialled, ["a", "a", "b"]);
});

test("no more are sought than the target, and none that is connected", async () => {
  const enough = discover({ connections: () => 3 });
  await enough.discovery.onFound("a");
  assert.deepEqual(enough.dialled, []);
  const met = discover({ isConnected: (peer) => peer === "a" });
  await met.discovery.sweep();
  assert.deepEqual(met.dialled, ["b"]);
});

test("what is known is bounded", async () => {
  const peers = Array.from({ length: MAX_KNOWN + 5 }, (_, i) => `peer ${i}`);
  const { discovery, forgotten, dialled } = discover({ known: async () => peers });
  await discovery.sweep();
  assert.equal(forgotten.length, 5);
  assert.equal(dialled.length, 3);
});

test("peers of a peer are found and met", async (t) => {
  const [{ network: a }, { network: b }, { network: c }] = await Promise.all([
    makeNetwork(t),
    makeNetwork(t),
    makeNetwork(t),
  ]);
  await Promise.all([a.start(), b.start(), c.start()]);
  const met = Promise.all([connected(a, c.id), connected(c, a.id)]);
  await connect(a, b);
  await connect(c, b);
  await met;
});
