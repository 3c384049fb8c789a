import assert from "node:assert/strict";
import { test } from "node:test";
import type { MultiaddrConnection } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { multiaddr } from "@multiformats/multiaddr";
import { createGater, type GaterOptions, MAX_BANS, MAX_CONNECTIONS_PER_HOST } from "./gater.ts";

const ID = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
const peer = peerIdFromString(ID);
const NAMED = "/ip4/10.0.0.9/tcp/1";

const gate = (options: Partial<GaterOptions> = {}) => {
  const time = { now: 0 };
  const gater = createGater({
    scope: "private",
    clock: () => time.now,
    connectionsOf: () => 0,
    isNamed: (address) => address.toString() === NAMED,
    ...options,
  });
  const accepts = (address: string) =>
    gater.rules.denyInboundConnection?.({ remoteAddr: multiaddr(address) } as MultiaddrConnection) === false;
  const dials = (address: string) => gater.rules.denyDialMultiaddr?.(multiaddr(address)) === false;
  return { gater, time, accepts, dials };
};

test("a ban holds until it expires or is lifted, in both directions", () => {
  const { gater, time } = gate();
  const refused = () => [
    gater.rules.denyDialPeer?.(peer),
    gater.rules.denyInboundEncryptedConnection?.(peer, {} as MultiaddrConnection),
    gater.rules.denyOutboundEncryptedConnection?.(peer, {} as MultiaddrConnection),
  ];
  assert.deepEqual(refused(), [false, false, false]);
  gater.ban(ID, 1_000);
  gater.ban(ID, 1);
  time.now = 999;
  assert.deepEqual(refused(), [true, true, true]);
  time.now = 1_000;
  assert.deepEqual(refused(), [false, false, false]);
  gater.ban(ID, 1_000);
  gater.unban(ID);
  assert.deepEqual(refused(), [false, false, false]);
});

test("bans are bounded: expired ones go first, then those that end first", () => {
  const { gater, time } = gate();
  gater.ban("short", 10);
  for (let i = 1; i < MAX_BANS; i++) gater.ban(`peer ${i}`, 1_000 + i);
  assert.equal(gater.bans, MAX_BANS);
  time.now = 11;
  gater.ban("one more", 5_000);
  assert.equal(gater.bans, MAX_BANS);
  assert.ok(gater.isBanned("peer 1"));
  gater.ban("and another", 5_000);
  assert.equal(gater.bans, MAX_BANS);
  assert.ok(!gater.isBanned("peer 1"));
  assert.ok(gater.isBanned("one more"));
});

test("a private node meets private addresses alone", () => {
  const { accepts, dials } = gate({ scope: "private" });
  for (const address of ["/ip4/127.0.0.1/tcp/1", "/ip4/192.168.1.1/tcp/1", "/ip6/::1/tcp/1"]) {
    assert.ok(accepts(address), address);
    assert.ok(dials(address), address);
  }
  for (const address of ["/ip4/8.8.8.8/tcp/1", "/ip6/2001:db8::1/tcp/1"]) {
    assert.ok(!accepts(address), address);
    assert.ok(!dials(address), address);
  }
});

test("a public node dials private addresses only when they were named, and accepts any", () => {
  const { accepts, dials } = gate({ scope: "public" });
  for (const address of ["/ip4/8.8.8.8/tcp/1", NAMED]) assert.ok(dials(address), address);
  for (const address of ["/ip4/10.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1", "/dns4/inside/tcp/1"])
    assert.ok(!dials(address), address);
  for (const address of ["/ip4/8.8.8.8/tcp/1", "/ip4/10.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1"])
    assert.ok(accepts(address), address);
});

test("one host has so many connections and no more, unless it is this machine", () => {
  const { accepts } = gate({ connectionsOf: () => MAX_CONNECTIONS_PER_HOST });
  assert.ok(!accepts("/ip4/10.0.0.1/tcp/1"));
  assert.ok(accepts("/ip4/127.0.0.1/tcp/1"));
  assert.ok(gate({ connectionsOf: () => MAX_CONNECTIONS_PER_HOST - 1 }).accepts("/ip4/10.0.0.1/tcp/1"));
});

test("addresses outside the scope are not remembered", () => {
  const { gater } = gate();
  assert.ok(gater.rules.filterMultiaddrForPeer?.(peer, multiaddr("/ip4/10.0.0.1/tcp/1")));
  assert.ok(!gater.rules.filterMultiaddrForPeer?.(peer, multiaddr("/ip4/8.8.8.8/tcp/1")));
});
