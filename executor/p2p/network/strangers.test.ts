import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { connected, makeNetwork } from "./network.fixture.ts";
import type { Network } from "./network.ts";

/** A logger, and what it was told at warn and above. */
const listen = () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: "warn" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { lines, logger };
};

/** Not by its list of peers: a stranger is in none. */
const parted = (network: Network, peer: string): Promise<void> =>
  new Promise((resolve) => {
    const off = network.onDisconnected((id) => {
      if (id !== peer) return;
      off();
      resolve();
    });
  });

test("nodes of two chains tell their operators, count for nobody, and part", async (t) => {
  const logs = [listen(), listen()] as const;
  const [{ network: a }, { network: b, registry }] = await Promise.all([
    makeNetwork(t, { chainId: 7n, logger: logs[0].logger }),
    makeNetwork(t, { chainId: 8n, logger: logs[1].logger }),
  ]);
  const kin = await makeNetwork(t, { chainId: 8n });
  await Promise.all([a.start(), b.start(), kin.network.start()]);
  const parting = Promise.all([parted(a, b.id), parted(b, a.id)]);
  await a.addPeer(b.addresses[0] as string);
  await kin.network.addPeer(b.addresses[0] as string);
  await parting;
  await connected(b, kin.network.id);
  assert.deepEqual(a.peers, []);
  assert.deepEqual(
    b.peers.map(({ id }) => id),
    [kin.network.id],
  );
  assert.match(await registry.metrics(), /assay_p2p_peers\{direction="inbound"\} 1/);
  assert.doesNotMatch(await registry.metrics(), /assay_p2p_penalties_total\{/);
  const told = logs.map(({ lines }) => lines.map(({ peer, chainId, theirs }) => ({ peer, chainId, theirs })));
  assert.deepEqual(told, [[{ peer: b.id, chainId: 7, theirs: [8] }], [{ peer: a.id, chainId: 8, theirs: [7] }]]);
});
