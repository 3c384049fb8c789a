import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Bytes, Hex } from "../../foundation/bytes.ts";
import { createModelStore } from "../../models/model-store.ts";
import { createMemoryStore } from "../../store/memory-store.ts";
import { connect, makeNetwork } from "../network/network.fixture.ts";
import type { Handler, Network } from "../network/network.ts";
import { modelOf, spoil, telemetry } from "./content.fixture.ts";
import { CONTENT_PROTOCOL, type ContentProvider, decodeContentRequest } from "./content.ts";
import { createContentExchange } from "./exchange.ts";
import { serveContent } from "./serve.ts";
import { createPeerArchive, createPeerArtifactSource } from "./sources.ts";

type Server = (network: Network) => void;

/** A node that asks, among peers that serve, over TCP. */
const among = async (t: TestContext, servers: readonly Server[]) => {
  const asker = await makeNetwork(t);
  const peers = await Promise.all(servers.map(() => makeNetwork(t)));
  for (const [i, serve] of servers.entries()) serve((peers[i] as (typeof peers)[number]).network);
  await Promise.all([asker, ...peers].map(({ network }) => network.start()));
  for (const peer of peers) await connect(asker.network, peer.network);
  const components = telemetry();
  const exchange = createContentExchange({ ...components, network: asker.network }, { slowMs: 300, firstPeerMs: 0 });
  return { exchange, asker: asker.network, peers: peers.map(({ network }) => network) };
};

const serving =
  (provide: ContentProvider): Server =>
  (network) =>
    serveContent(network, provide);
const handling =
  (handler: Handler): Server =>
  (network) =>
    network.serve(CONTENT_PROTOCOL, handler);
const never = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

/** Gives the manifest and two chunks; then nothing more comes. */
const stalling = (provide: ContentProvider): Server =>
  handling(async function* (request, _from, signal) {
    const { kind, hashes } = decodeContentRequest(request);
    for (const hash of hashes.slice(0, 2)) yield provide(kind, hash) ?? new Uint8Array(0);
    await never(signal);
  });

test("a model of 100 MB comes from three peers of which one sends garbage and one stalls", async (t) => {
  const model = modelOf(1_024, 98_000);
  const garbage: ContentProvider = (kind, hash) => {
    const piece = model.provide(kind, hash);
    return kind === "chunk" && piece !== undefined ? spoil(piece) : piece;
  };
  const { exchange, asker, peers } = await among(t, [
    serving(model.provide),
    serving(garbage),
    stalling(model.provide),
  ]);
  const store = createMemoryStore();
  const models = createModelStore(store);
  const started = performance.now();
  const source = createPeerArtifactSource(exchange);
  await source.retrieve(model.contentHash, models.keeper, new AbortController().signal);
  t.diagnostic(`${Math.round((1_024 * 98_000) / 1e3 / (performance.now() - started))} MB/s`);
  assert.equal(await models.complete(model.contentHash), 0);
  assert.equal(models.artifactLength(model.contentHash), 1_024 * 98_000);
  const scores = new Map(asker.peers.map(({ id, score }) => [id, score]));
  const [honest, spoiling] = peers as [Network, Network, Network];
  assert.equal(scores.get(honest.id), 0);
  assert.ok((scores.get(spoiling.id) ?? -100) <= -49, "wrong bytes were held against their sender");
});

test("a fetch that broke off asks for the missing chunks alone, after the peer is gone and another is there", async (t) => {
  const model = modelOf(120, 98_000);
  const asked: Hex[] = [];
  const counting: ContentProvider = (kind, hash) => {
    if (kind === "chunk") asked.push(hash);
    return model.provide(kind, hash);
  };
  let given = 0;
  const { exchange, asker, peers } = await among(t, [
    handling(async function* (request) {
      const { kind, hashes } = decodeContentRequest(request);
      for (const hash of hashes) {
        if (given === 50) return;
        given++;
        yield model.provide(kind, hash) as Bytes;
      }
    }),
  ]);
  const { keeper, complete } = createModelStore(createMemoryStore());
  const source = createPeerArtifactSource(exchange);
  const { signal } = new AbortController();
  await source.retrieve(model.contentHash, keeper, signal);
  await (peers[0] as Network).stop();
  const missing = model.listed.filter((chunk) => !keeper.hasChunk(chunk)).map(({ hash }) => hash);
  assert.equal(await complete(model.contentHash), missing.length);
  assert.equal(missing.length, 71, "the manifest and 49 chunks were given");

  const other = await makeNetwork(t);
  serveContent(other.network, counting);
  await other.network.start();
  await connect(asker, other.network);
  await source.retrieve(model.contentHash, keeper, signal);
  assert.equal(await complete(model.contentHash), 0);
  assert.deepEqual(new Set(asked), new Set(missing));
  assert.equal(asked.length, missing.length);
});

test("one piece comes from the peer that has it; what nobody has, or only wrong bytes are given for, is missing", async (t) => {
  const model = modelOf(3, 1_000);
  const [known, lied] = model.hashes as [Hex, Hex, Hex];
  const { exchange } = await among(t, [
    serving(() => undefined),
    serving((_, hash) => (hash === known ? model.chunks.get(hash) : undefined)),
    serving((_, hash) => (hash === lied ? new Uint8Array(10) : undefined)),
  ]);
  const archive = createPeerArchive(exchange);
  const { signal } = new AbortController();
  assert.deepEqual(await archive("batch", known, signal), model.chunks.get(known));
  assert.equal(await archive("batch", lied, signal), undefined);
  assert.equal(await archive("batch", model.contentHash, signal), undefined);
});
