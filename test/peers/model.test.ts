import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  type Bytes,
  concat,
  createMemoryStore,
  createModelRuntime,
  createPeerArtifactSource,
  equalBytes,
} from "../../executor/index.ts";
import { connect, type PeerActor, peerStage } from "../support/peers.ts";
import { createRandom } from "../support/random-program.ts";
import { telemetry } from "../support/stage.ts";
import { createStranger } from "../support/stranger.ts";

const CHUNK = 97_991;
const CHUNKS = 1_071;

/** Bytes that are no model and no two of whose chunks are equal. */
const randomChunks = (): Bytes[] => {
  const random = createRandom(7);
  const words = new Uint32Array(Math.ceil(CHUNK / 4));
  return Array.from({ length: CHUNKS }, (_, index) => {
    if (index === 0) for (let i = 0; i < words.length; i++) words[i] = random.real() * 2 ** 32;
    words[0] = index;
    return new Uint8Array(words.buffer.slice(0, CHUNK));
  });
};

const openModels = async (t: TestContext, sources: Parameters<typeof createModelRuntime>[1] = {}) => {
  const models = await createModelRuntime({ ...telemetry(), store: createMemoryStore() }, sources);
  t.after(() => models.stop());
  return models;
};

test("100 MB of a model come from three peers of which one gives garbage and one nothing", {
  timeout: 120_000,
}, async (t) => {
  const stage = peerStage(t);
  const held = await openModels(t);
  const chunks = randomChunks();
  const contentHash = await held.putChunks(chunks);
  const provide = (kind: string, hash: `0x${string}`) =>
    kind === "manifest" || kind === "chunk" ? held.content(kind, hash) : undefined;
  const honest = await stage.executor({ provide });
  const garbage = await stage.executor({
    provide(kind, hash) {
      const bytes = provide(kind, hash);
      return bytes === undefined ? undefined : concat(Uint8Array.of((bytes[0] as number) ^ 1), bytes.subarray(1));
    },
  });
  const stalling = await createStranger(t);
  await stalling.serve("content/1");

  const node = await stage.executor();
  const models = await openModels(t, { sources: [createPeerArtifactSource(node.peering.content)] });
  await stalling.meet(node);
  for (const peer of [garbage, honest]) await connect(node, peer);
  const began = performance.now();
  const { length } = (await models.artifact(contentHash)).bytes;
  const seconds = (performance.now() - began) / 1000;
  t.diagnostic(`${(length / 2 ** 20).toFixed(0)} MiB in ${seconds.toFixed(1)} s`);
  assert.equal(length, CHUNK * CHUNKS);
  assert.equal(models.artifactLength(contentHash), length);
  assert.ok(
    equalBytes(models.content("manifest", contentHash) as Bytes, held.content("manifest", contentHash) as Bytes),
  );

  const pieces = (outcome: string) => node.metric("assay_p2p_content_pieces_total", { outcome });
  assert.equal(await pieces("kept"), CHUNKS + 1);
  assert.ok((await pieces("wrong")) > 0);
  assert.ok((await node.metric("assay_p2p_penalties_total", { reason: "content" })) > 0);
  const scoreOf = ({ id }: Pick<PeerActor, "id">) =>
    node.peering.network.peers.find((peer) => peer.id === id)?.score ?? -100;
  assert.ok(scoreOf(garbage) < -40);
  assert.equal(scoreOf(honest), 0);
});
