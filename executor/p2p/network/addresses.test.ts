import assert from "node:assert/strict";
import { test } from "node:test";
import { multiaddr } from "@multiformats/multiaddr";
import { hasCode } from "../../foundation/errors.ts";
import { inScope, isLoopback, isPrivate, parsePeerAddress, parsePeerId } from "./addresses.ts";

const ID = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";

test("hosts are told apart", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "::1"]) assert.ok(isLoopback(host), host);
  for (const host of ["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.0.1", "100.64.0.1", "169.254.1.1", "fd00::1"])
    assert.ok(isPrivate(host), host);
  for (const host of ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:4860:4860::8888", "localhost", ""])
    assert.ok(!isPrivate(host), host);
});

test("an IPv4 address in IPv6 clothes is what it is", () => {
  assert.ok(isPrivate("::ffff:10.0.0.1"));
  assert.ok(!isPrivate("::ffff:8.8.8.8"));
});

test("addresses that others name are met by number and within the scope", () => {
  const cases = [
    ["/ip4/10.0.0.1/tcp/1", "private"],
    ["/ip6/fe80::1/tcp/1", "private"],
    ["/ip4/8.8.8.8/tcp/1", "public"],
    ["/dns4/localhost/tcp/1", undefined],
    ["/unix/%2Frun%2Fsocket", undefined],
  ] as const;
  for (const [address, scope] of cases)
    for (const asked of ["private", "public"] as const)
      assert.equal(inScope(asked, multiaddr(address)), asked === scope, `${address} ${asked}`);
});

test("a peer's address is read", () => {
  for (const where of ["/ip4/10.0.0.1", "/ip6/::1", "/dns/a.example", "/dns4/a.example", "/dns6/a.example"])
    assert.equal(parsePeerAddress(`${where}/tcp/9/p2p/${ID}`, "private").id, ID);
  assert.equal(parsePeerAddress(`/ip4/10.0.0.1/tcp/9/p2p/${ID}`, "public").id, ID);
});

test("a peer is named by its id or by an address that ends in it", () => {
  for (const text of [ID, `/p2p/${ID}`, `/ip4/10.0.0.7/tcp/9222/p2p/${ID}`]) assert.equal(parsePeerId(text), ID);
  for (const text of [
    "",
    "p2p",
    "/p2p/",
    ID.slice(1),
    `${ID}/`,
    `/ip4/10.0.0.7/tcp/1`,
    `/p2p/${ID}/tcp/1`,
    "1".repeat(600),
  ])
    assert.throws(
      () => parsePeerId(text),
      (error) => hasCode(error, "P2P_ADDRESS"),
      text,
    );
});

test("anything else is refused", () => {
  const bad = [
    "",
    "peer",
    "/ip4/127.0.0.1/tcp/9",
    `/ip4/127.0.0.1/udp/9/p2p/${ID}`,
    `/ip4/127.0.0.1/tcp/0/p2p/${ID}`,
    `/ip4/127.0.0.1/tcp/99999/p2p/${ID}`,
    `/ip4/300.0.0.1/tcp/9/p2p/${ID}`,
    "/ip4/127.0.0.1/tcp/9/p2p/nobody",
    `/ip4/127.0.0.1/tcp/9/ws/p2p/${ID}`,
    `/ip4/127.0.0.1/tcp/9/p2p/${ID}/p2p-circuit`,
    `/ip4/127.0.0.1/tcp/9/p2p/${ID}`.padEnd(10_000, "/"),
    `/ip4/8.8.8.8/tcp/9/p2p/${ID}`,
  ];
  for (const text of bad)
    assert.throws(
      () => parsePeerAddress(text, "private"),
      (error) => hasCode(error, "P2P_ADDRESS"),
      text.slice(0, 80),
    );
});
