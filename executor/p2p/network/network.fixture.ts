import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Logger, pino } from "pino";
import { Registry } from "prom-client";
import { createNetwork, type NetworkOptions } from "./create-network.ts";
import type { Network, Protocol } from "./network.ts";

export type Context = { after(done: () => Promise<void>): void };

export const silentLogger = pino({ level: "silent" });

/** A network on a free port of this machine, not started; stopped when the test ends. */
export const makeNetwork = async (
  t: Context,
  { logger = silentLogger, ...options }: Partial<NetworkOptions> & { readonly logger?: Logger } = {},
): Promise<{ readonly network: Network; readonly registry: Registry }> => {
  const folder = await mkdtemp(join(tmpdir(), "assay-network-"));
  const registry = new Registry();
  const network = await createNetwork(
    { logger, registry },
    {
      chainId: 7n,
      identityFile: join(folder, "identity.key"),
      listen: ["/ip4/127.0.0.1/tcp/0"],
      bootnodes: [],
      scope: "private",
      agent: "assay/test",
      ...options,
    },
  );
  t.after(async () => {
    await network.stop();
    await rm(folder, { recursive: true });
  });
  return { network, registry };
};

/** Resolves when the network has a connection to the peer. */
export const connected = (network: Network, peer: string): Promise<void> =>
  new Promise((resolve) => {
    const off = network.onConnected((id) => {
      if (id === peer) done();
    });
    const done = () => {
      off();
      resolve();
    };
    if (network.peers.some(({ id }) => id === peer)) done();
  });

export const disconnected = (network: Network, peer: string): Promise<void> =>
  new Promise((resolve) => {
    const off = network.onDisconnected((id) => {
      if (id === peer) done();
    });
    const done = () => {
      off();
      resolve();
    };
    if (!network.peers.some(({ id }) => id === peer)) done();
  });

/** Started both, and connected. */
export const connect = async (from: Network, to: Network): Promise<void> => {
  const both = Promise.all([connected(from, to.id), connected(to, from.id)]);
  await from.addPeer(to.addresses[0] as string);
  await both;
};

export const PROTOCOL: Protocol = {
  name: "test/1",
  maxRequestBytes: 1_024,
  maxAnswerBytes: 2 ** 20,
  maxAnswers: 64,
  stallMs: 2_000,
  rate: { requests: 1_000, requestBurst: 1_000, bytes: 2 ** 30, byteBurst: 2 ** 30 },
};

export const collect = async (answers: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> => {
  const all: Uint8Array[] = [];
  for await (const answer of answers) all.push(answer);
  return all;
};
