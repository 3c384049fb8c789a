import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { Registry } from "prom-client";
import { funded, openChain } from "../chain/chain.fixture.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { SEQUENCER } from "./blocks/sealed.fixture.ts";
import { composePeering } from "./compose-peering.ts";
import { makeNetwork } from "./network/network.fixture.ts";

test("two nodes of one chain id with different genesis blocks both say so, once, and part", async (t) => {
  const nodes = await Promise.all(
    [{}, funded(9)].map(async (alloc) => {
      const lines: Record<string, unknown>[] = [];
      const logger = pino({ level: "warn" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
      const chain = await openChain({ alloc });
      const { network, registry } = await makeNetwork(t, { chainId: chain.parameters.chainId });
      const gone = Promise.withResolvers<void>();
      network.onDisconnected(() => gone.resolve());
      const peering = composePeering(
        {
          logger,
          registry: new Registry(),
          chain,
          store: createMemoryStore(),
          provide: () => undefined,
          l1Advances: () => 0,
          network,
        },
        { isSigner: (account) => account === SEQUENCER, follow: true, maxUnsafe: 10 },
      );
      t.after(() => peering.stop());
      await peering.start();
      return { chain, network, registry, lines, gone: gone.promise };
    }),
  );
  const [a = assert.fail(), b = assert.fail()] = nodes;
  assert.notEqual(a.chain.genesisHash, b.chain.genesisHash);
  await a.network.addPeer(b.network.addresses[0] as string);
  await Promise.all([a.gone, b.gone]);
  for (const [here, there] of [
    [a, b],
    [b, a],
  ] as const) {
    assert.deepEqual(
      here.lines.map(({ level, peer, genesisHash, theirs }) => ({ level, peer, genesisHash, theirs })),
      [
        {
          level: 40,
          peer: there.network.id,
          genesisHash: here.chain.genesisHash,
          theirs: there.chain.genesisHash,
        },
      ],
    );
    assert.match(await here.registry.metrics(), /assay_p2p_bans_total 1/);
    assert.deepEqual(here.network.peers, []);
  }
});
