import assert from "node:assert/strict";
import { test } from "node:test";
import { openChain, telemetry } from "../chain/chain.fixture.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { SEQUENCER } from "./blocks/sealed.fixture.ts";
import { composePeering } from "./compose-peering.ts";
import type { Network } from "./network/network.ts";

test("a peer that takes its time to say how far it is keeps nobody else from being asked again", async (t) => {
  const asked: string[] = [];
  const network: Partial<Network> = {
    name: "network",
    peers: ["slow", "quick"].map((id) => ({ id })) as unknown as Network["peers"],
    onConnected: () => () => undefined,
    onDisconnected: () => () => undefined,
    serve: () => undefined,
    join: () => ({ publish: async () => 0 }),
    async *request(peer, _protocol, _request, signal) {
      asked.push(peer);
      if (peer === "slow") await new Promise((resolve) => signal?.addEventListener("abort", resolve));
      yield* [];
    },
    start: async () => undefined,
    stop: async () => undefined,
  };
  const peering = composePeering(
    {
      ...telemetry(),
      chain: await openChain(),
      store: createMemoryStore(),
      provide: () => undefined,
      network: network as Network,
    },
    { sequencer: SEQUENCER, follow: true, maxUnsafe: 10 },
  );
  t.mock.timers.enable({ apis: ["setTimeout"] });
  await peering.start();
  for (let round = 0; round < 3; round++) {
    t.mock.timers.tick(5_000);
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }
  t.mock.timers.reset();
  await peering.stop();
  assert.deepEqual(asked, ["slow", "quick", "quick", "quick"]);
});
