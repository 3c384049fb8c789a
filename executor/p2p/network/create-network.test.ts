import assert from "node:assert/strict";
import { test } from "node:test";
import { collect, connect, makeNetwork, PROTOCOL } from "./network.fixture.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (content: string) => new TextEncoder().encode(content);

test("two nodes meet, ask, and see each other", async (t) => {
  const [{ network: a }, { network: b }] = await Promise.all([makeNetwork(t), makeNetwork(t)]);
  b.serve(PROTOCOL, function* (request, from) {
    yield bytes(`${text(request)} from ${from}`);
    yield bytes("");
  });
  await Promise.all([a.start(), b.start()]);
  await connect(a, b);
  const answers = await collect(a.request(b.id, PROTOCOL, bytes("hello")));
  assert.deepEqual(answers.map(text), [`hello from ${a.id}`, ""]);
  const [peer] = a.peers;
  assert.equal(peer?.id, b.id);
  assert.equal(peer?.address, b.addresses[0]);
  assert.equal(peer?.direction, "outbound");
  assert.ok((peer?.bytesIn ?? 0) > 0 && (peer?.bytesOut ?? 0) > 0);
});
