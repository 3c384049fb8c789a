import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { parsePeerAddress } from "./addresses.ts";
import { createStaticPeers, waitAfter } from "./static-peers.ts";

const ID = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
const TARGET = parsePeerAddress(`/ip4/127.0.0.1/tcp/9/p2p/${ID}`, "private");

test("the wait doubles from a second to half a minute, less a part by chance", () => {
  const longest = [0, 1, 2, 3, 4, 5, 6, 100].map((failures) => waitAfter(failures, () => 0));
  assert.deepEqual(longest, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  assert.equal(
    waitAfter(0, () => 1),
    500,
  );
});

/** Whose dials are counted, and which says when it is connected. */
const keep = (t: TestContext) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const state = { dials: 0, connected: false, works: true, now: 1_000_000 };
  const peers = createStaticPeers({
    limit: 1,
    random: () => 0,
    clock: () => state.now,
    isConnected: () => state.connected,
    async dial() {
      state.dials++;
      if (!state.works) throw new Error("nobody there");
      state.connected = true;
    },
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const pass = async (ms: number) => {
    state.now += ms;
    t.mock.timers.tick(ms);
    await settle();
  };
  const lose = async () => {
    state.connected = false;
    peers.onDisconnected(ID);
    await settle();
  };
  return { state, peers, pass, lose, settle };
};

test("a peer is dialled until it is there", async (t) => {
  const { state, peers, pass, settle } = keep(t);
  state.works = false;
  assert.ok(peers.add(TARGET));
  assert.equal(state.dials, 0);
  peers.start();
  await settle();
  assert.equal(state.dials, 1);
  await pass(999);
  assert.equal(state.dials, 1);
  await pass(1);
  assert.equal(state.dials, 2);
  state.works = true;
  await pass(2_000);
  assert.equal(state.dials, 3);
  await pass(60_000);
  assert.equal(state.dials, 3);
});

test("a connection that lasted is dialled again at once, one that did not waits longer each time", async (t) => {
  const { state, peers, pass, lose, settle } = keep(t);
  peers.add(TARGET);
  peers.start();
  await settle();
  await pass(30_000);
  await lose();
  assert.equal(state.dials, 2);
  await lose();
  assert.equal(state.dials, 2);
  await pass(1_000);
  assert.equal(state.dials, 3);
  await lose();
  await pass(1_000);
  assert.equal(state.dials, 3);
  await pass(1_000);
  assert.equal(state.dials, 4);
});

test("a removed peer is not dialled, and there is room for so many", async (t) => {
  const { state, peers, lose, settle, pass } = keep(t);
  peers.add(TARGET);
  peers.start();
  await settle();
  const other = { ...TARGET, id: "another" };
  assert.ok(!peers.add(other));
  assert.ok(peers.add(TARGET));
  peers.remove(ID);
  await lose();
  await pass(60_000);
  assert.equal(state.dials, 1);
  assert.ok(!peers.has(ID));
  await peers.stop();
});
