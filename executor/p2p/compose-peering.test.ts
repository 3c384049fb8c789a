import assert from "node:assert/strict";
import { test } from "node:test";
import { openChain, telemetry } from "../chain/chain.fixture.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createEvidence } from "./blocks/evidence.ts";
import { headerOf, openSealer, SEQUENCER } from "./blocks/sealed.fixture.ts";
import { composePeering } from "./compose-peering.ts";
import type { Network } from "./network/network.ts";

test("that gossip is halted is seen in the metrics until it is resumed, after a restart as well", async () => {
  const store = createMemoryStore();
  const sealer = await openSealer();
  const first = headerOf(await sealer.build());
  await sealer.back(0n);
  const second = headerOf(await sealer.build({ value: 2n }));
  await createEvidence(store).add({ kind: "equivocation", number: 1n, first, second, seenAt: 0 });
  const network: Partial<Network> = {
    name: "network",
    onConnected: () => () => undefined,
    onDisconnected: () => () => undefined,
    serve: () => undefined,
    join: () => ({ publish: async () => 0 }),
    stop: async () => undefined,
  };
  const { logger, registry } = telemetry();
  const peering = composePeering(
    {
      logger,
      registry,
      chain: await openChain(),
      store,
      provide: () => undefined,
      l1Advances: () => 0,
      network: network as Network,
    },
    { isSigner: (account) => account === SEQUENCER, follow: true, maxUnsafe: 10 },
  );
  assert.match(await registry.metrics(), /^assay_p2p_halted 1$/m);
  await peering.resume();
  assert.match(await registry.metrics(), /^assay_p2p_halted 0$/m);
  await peering.stop();
});

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
      l1Advances: () => 0,
      network: network as Network,
    },
    { isSigner: (account) => account === SEQUENCER, follow: true, maxUnsafe: 10 },
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
