import assert from "node:assert/strict";
import { after, test } from "node:test";
import { buildBlock, openChain, telemetry } from "../chain/chain.fixture.ts";
import { fromHex } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { keccak256 } from "../foundation/keccak.ts";
import type { SealedHeader } from "../p2p/blocks/sealed-block.ts";
import type { NetworkErrorCode, PeerInfo } from "../p2p/network/network.ts";
import type { Peers } from "./backend.ts";
import { SYNC_MARGIN } from "./methods/net.ts";
import { createRpcServer, type RpcServerOptions } from "./server/server.ts";

const chain = await openChain();
const { block } = await buildBlock(chain, []);

const ADDRESS = "/ip4/10.0.0.7/tcp/9222/p2p/12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq";
const peer: PeerInfo = {
  id: "12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq",
  address: ADDRESS,
  direction: "inbound",
  agent: "assay/v1",
  protocols: ["/assay/918273/blocks/1"],
  connectedAt: 1_700_000_000_000,
  score: -20,
  bytesIn: 5,
  bytesOut: 7,
  isStatic: true,
};
const sealed = (revision: bigint): SealedHeader => ({
  hash: block.hash,
  header: block.header,
  origin: block.origin,
  seal: { revision, sealedAt: 9n, signature: new Uint8Array(65).fill(1) },
});

/** A node among peers that remembers what it was told. */
const createPeers = (change: Partial<Peers> = {}) => {
  const told: string[] = [];
  let halted = true;
  const peers: Peers = {
    evidence: [{ kind: "equivocation", number: 1n, first: sealed(0n), second: sealed(3n), seenAt: 12 }],
    get halted() {
      return halted;
    },
    resume: async () => {
      halted = false;
    },
    highest: 0n,
    network: {
      id: "12D3KooWSelf",
      addresses: ["/ip4/127.0.0.1/tcp/1/p2p/12D3KooWSelf"],
      peers: [peer],
      addPeer: async (address) => {
        if (!address.startsWith("/")) throw new CodedError<NetworkErrorCode>("P2P_ADDRESS", `no address: ${address}`);
        told.push(`add ${address}`);
      },
      removePeer: async (id) => {
        if (id === "nobody") throw new CodedError<NetworkErrorCode>("P2P_ADDRESS", `no peer: ${id}`);
        told.push(`remove ${id}`);
        return id === peer.id;
      },
    },
    ...change,
  };
  return { peers, told };
};

type Answer = { result?: unknown; error?: { code: number; message: string; data?: unknown } };
const serve = async (peering?: Peers, options: Partial<RpcServerOptions> = {}) => {
  const backend = { chain, identity: { clientVersion: "assay/test" }, ...(peering === undefined ? {} : { peering }) };
  const server = await createRpcServer({ backend, ...telemetry() }, { port: 0, ...options });
  after(() => server.stop());
  return async (method: string, ...params: unknown[]): Promise<Answer> => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const headers = { "content-type": "application/json" };
    return (await fetch(server.url, { method: "POST", body, headers })).json() as Promise<Answer>;
  };
};

const METHODS: readonly (readonly [string, ...string[]])[] = [
  ["admin_peers"],
  ["admin_nodeInfo"],
  ["admin_addPeer", ADDRESS],
  ["admin_removePeer", peer.id],
  ["admin_evidence"],
  ["admin_resumeGossip"],
];

test("peers are counted, shown in geth's shape, added and removed", async () => {
  const { peers, told } = createPeers();
  const call = await serve(peers);
  assert.equal((await call("net_peerCount")).result, "0x1");
  assert.equal((await call("net_listening")).result, true);
  assert.deepEqual((await call("admin_peers")).result, [
    {
      id: peer.id,
      name: "assay/v1",
      caps: ["/assay/918273/blocks/1"],
      network: { remoteAddress: ADDRESS, inbound: true, trusted: false, static: true },
      protocols: { assay: { score: -20, bytesIn: 5, bytesOut: 7, connectedAt: 1_700_000_000_000 } },
    },
  ]);
  assert.deepEqual((await call("admin_nodeInfo")).result, {
    id: "12D3KooWSelf",
    name: "assay/test",
    listenAddr: "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWSelf",
    addresses: ["/ip4/127.0.0.1/tcp/1/p2p/12D3KooWSelf"],
    protocols: {
      assay: { network: 918273, genesis: chain.genesisHash, head: block.hash, highest: "0x0", halted: true },
    },
  });
  assert.equal((await call("admin_addPeer", ADDRESS)).result, true);
  assert.equal((await call("admin_removePeer", peer.id)).result, true);
  assert.equal((await call("admin_removePeer", ADDRESS)).result, false);
  assert.deepEqual(told, [`add ${ADDRESS}`, `remove ${peer.id}`, `remove ${ADDRESS}`]);
});

test("a bad address is the caller's fault, with the network's code", async () => {
  const call = await serve(createPeers().peers);
  for (const [method, text] of [
    ["admin_addPeer", "elsewhere"],
    ["admin_removePeer", "nobody"],
  ] as const) {
    const { error } = await call(method, text);
    assert.deepEqual([error?.code, error?.data], [-32602, { code: "P2P_ADDRESS" }]);
  }
  for (const params of [[], [7], [""], ["/".repeat(513)]])
    assert.equal((await call("admin_addPeer", ...params)).error?.code, -32602, JSON.stringify(params));
});

test("evidence has all that was signed; to resume tells whether gossip had been halted", async () => {
  const call = await serve(createPeers().peers);
  const { halted, evidence } = (await call("admin_evidence")).result as {
    halted: boolean;
    evidence: { first: Record<string, unknown>; second: Record<string, unknown> }[];
  };
  assert.equal(halted, true);
  const [{ first, second, ...rest } = assert.fail()] = evidence;
  assert.deepEqual(rest, { kind: "equivocation", number: "0x1", seenAt: "0xc" });
  const { header, ...signed } = first;
  assert.deepEqual(keccak256(fromHex(header as `0x${string}`)), fromHex(block.hash), "the header hashes to the hash");
  assert.deepEqual(signed, {
    hash: block.hash,
    origin: { number: "0x7", timestamp: "0x6553f100" },
    revision: "0x0",
    sealedAt: "0x9",
    signature: `0x${"01".repeat(65)}`,
  });
  assert.equal(second["revision"], "0x3");
  assert.equal((await call("admin_resumeGossip")).result, true);
  assert.equal((await call("admin_resumeGossip")).result, false);
});

test("a node without peers says so; one that leaves admin out does not know the methods", async () => {
  const alone = await serve();
  const withheld = await serve(createPeers().peers, { without: ["admin"] });
  for (const [name, ...params] of METHODS) {
    const { error } = await alone(name, ...params);
    assert.deepEqual([error?.code, error?.data], [-32000, { code: "P2P_OFF" }], name);
    assert.equal((await withheld(name, ...params)).error?.code, -32601, name);
  }
  assert.equal((await alone("net_peerCount")).result, "0x0");
  assert.equal((await withheld("net_peerCount")).result, "0x1");
});

test("a node is syncing when peers have more than a margin of blocks that it lacks", async () => {
  const head = chain.head.header.number;
  const level = await serve(createPeers({ highest: head + SYNC_MARGIN }).peers);
  assert.equal((await level("eth_syncing")).result, false);
  const behind = await serve(createPeers({ highest: head + SYNC_MARGIN + 1n }).peers);
  assert.deepEqual((await behind("eth_syncing")).result, {
    startingBlock: `0x${head.toString(16)}`,
    currentBlock: `0x${head.toString(16)}`,
    highestBlock: `0x${(head + SYNC_MARGIN + 1n).toString(16)}`,
  });
});
