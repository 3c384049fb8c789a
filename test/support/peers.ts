import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Registry } from "prom-client";
import { privateKeyToAccount } from "viem/accounts";
import {
  type Block,
  type Chain,
  createChain,
  createGenesis,
  createMemoryStore,
  createPeering,
  createWorldState,
  DEVNET_PARAMETERS,
  fromHex,
  type Hex,
  type KeyValueStore,
  type Peering,
  type PeeringComponents,
  type PeeringOptions,
  type SealedBlock,
  sealDigest,
  sealedBlockOf,
  signDigest,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import { createPublisher } from "../../sequencer/index.ts";
import { L2_ACCOUNTS, l2Account, telemetry, withoutModels } from "./stage.ts";

/** Who signs blocks where no L1 says it, and its address. */
export const SEQUENCER_KEY = uintBE(77, 32);
export const addressOf = (key: Uint8Array): Hex => privateKeyToAccount(toHex(key)).address.toLowerCase() as Hex;

export const LISTEN = "/ip4/127.0.0.1/tcp/0";
/** States that a node of the tests keeps, and half of it the unsafe blocks that it takes. */
const KEEP = 2_048;

/** Whatever ends what a test began: the test, or a program that does without one. */
export type Ends = { after(done: () => unknown): void };

/** A folder that is gone when the test is over. */
export const folderOf = (t: Ends): string => {
  const folder = mkdtempSync(join(tmpdir(), "assay-peers-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** A chain that knows no L1. `salt` in genesis makes it another chain of the same id. */
export const openPeerChain = (store: KeyValueStore, salt = 0n): Promise<Chain> => {
  const balance = 10n ** 21n + salt;
  const alloc = Object.fromEntries(
    Array.from({ length: L2_ACCOUNTS }, (_, i) => [l2Account(i).address.toLowerCase(), { balance }]),
  );
  const world = createWorldState(store, { keep: KEEP });
  const genesis = createGenesis(DEVNET_PARAMETERS, alloc);
  return createChain({ ...telemetry(), store, world, models: withoutModels }, { genesis });
};

/** The sum of a metric's values whose labels are these. */
export const metricOf = async (registry: Registry, name: string, labels: Readonly<Record<string, string>> = {}) => {
  const values = (await registry.getSingleMetric(name)?.get())?.values ?? [];
  return values
    .filter((value) => Object.entries(labels).every(([label, wanted]) => value.labels[label] === wanted))
    .reduce((sum, { value }) => sum + value, 0);
};

/** Asks again until it is so: for what no event tells. The test's own time limit ends it. */
export const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
};

/** A node among its peers on a real socket. */
export type PeerActor = {
  readonly chain: Chain;
  readonly store: KeyValueStore;
  readonly peering: Peering;
  /** Metrics of its peering. */
  readonly registry: Registry;
  readonly id: string;
  /** Where it can be dialled. */
  readonly address: string;
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  stop(): Promise<void>;
};

type JoinComponents = Pick<PeeringComponents, "chain"> &
  Partial<Omit<PeeringComponents, "chain">> & { readonly store: KeyValueStore };

/** Puts a chain among peers. Nothing is provided unless it is given. */
export const joinPeers = async (
  t: Ends,
  components: JoinComponents,
  options: Partial<PeeringOptions> & { readonly banMs?: number } = {},
): Promise<PeerActor> => {
  const common = telemetry();
  const peering = await createPeering(
    { ...common, provide: () => undefined, l1Advances: () => 0, ...components },
    {
      isSigner: (account) => account === addressOf(SEQUENCER_KEY),
      identityFile: join(folderOf(t), "p2p.key"),
      listen: [LISTEN],
      bootnodes: [],
      scope: "private",
      agent: "assay/test",
      follow: true,
      maxUnsafe: KEEP / 2,
      ...options,
    },
  );
  t.after(() => peering.stop());
  await peering.start();
  return {
    chain: components.chain,
    store: components.store,
    peering,
    registry: common.registry,
    id: peering.network.id,
    address: peering.network.addresses[0] as string,
    metric: (name, labels) => metricOf(common.registry, name, labels),
    stop: () => peering.stop(),
  };
};

export type SequencerPeer = PeerActor & {
  /** Seals so many blocks of one transfer each, and publishes them. `value` tells branches apart. */
  build(count?: number, value?: bigint): Promise<Block>;
};

/** Signs and gossips what is sealed on the node's chain. */
export const publishBlocks = (t: Ends, peer: PeerActor, key = SEQUENCER_KEY) => {
  const { chain, peering } = peer;
  const publisher = createPublisher(
    { ...telemetry(), chain, peering },
    { sign: (digest) => signDigest(digest, key), retryMs: 20 },
  );
  t.after(() => publisher.stop());
  publisher.start();
  return publisher;
};

const transfer = async (nonce: number, value: bigint) =>
  fromHex(
    await l2Account(0).signTransaction({
      type: "eip1559",
      chainId: Number(DEVNET_PARAMETERS.chainId),
      nonce,
      to: l2Account(7).address,
      value,
      gas: 21_000n,
      maxFeePerGas: 10n ** 10n,
      maxPriorityFeePerGas: 10n ** 9n,
    }),
  );

/** Seals a block on the chain's head, now. */
export const sealNext = (chain: Chain, envelopes: readonly Uint8Array[]): Promise<Block> =>
  chain.exclusive(async () => {
    const timestamp = BigInt(Math.floor(Date.now() / 1000));
    const builder = await chain.begin({ timestamp, origin: { number: 1n, timestamp } });
    for (const bytes of envelopes)
      if (!(await builder.add({ bytes })).included) throw new Error("a transaction was refused");
    return (await builder.seal()).block;
  });

/** The same with one transfer. Each block of such a chain has one, so its number is the nonce. */
export const sealTransfer = async (chain: Chain, value = 1n): Promise<Block> =>
  sealNext(chain, [await transfer(Number(chain.head.header.number), value)]);

/** The block as the holder of the key signs it. */
export const signBlock = ({ genesisHash }: Chain, block: Block, key = SEQUENCER_KEY): SealedBlock => {
  const { hash, origin } = block;
  const seal = { revision: 0n, sealedAt: BigInt(Date.now()) };
  return sealedBlockOf(block, { ...seal, signature: signDigest(sealDigest(genesisHash, { hash, origin, seal }), key) });
};

export type PeerOptions = Partial<PeeringOptions> &
  Partial<Pick<PeeringComponents, "provide">> & {
    readonly banMs?: number;
    readonly store?: KeyValueStore;
    readonly salt?: bigint;
  };

/** Nodes whose chains know no L1: the sequencer's blocks are built on its chain directly. */
export const peerStage = (t: Ends) => {
  const executor = async (options: PeerOptions = {}): Promise<PeerActor> => {
    const { store = createMemoryStore(), salt, provide = () => undefined, ...peering } = options;
    const chain = await openPeerChain(store, salt);
    const peer = await joinPeers(t, { chain, store, provide }, peering);
    t.after(() => chain.stop());
    return peer;
  };
  return {
    executor,
    async sequencer(options: PeerOptions = {}): Promise<SequencerPeer> {
      const peer = await executor({ ...options, follow: false });
      const publisher = publishBlocks(t, peer);
      return {
        ...peer,
        async build(count = 1, value = 1n) {
          for (let i = 0; i < count; i++) await sealTransfer(peer.chain, value);
          await publisher.settled();
          return peer.chain.head;
        },
        async stop() {
          await publisher.stop();
          await peer.stop();
        },
      };
    },
  };
};

type Met = Pick<PeerActor, "id" | "peering">;

const isConnected = (one: Met, other: string) => one.peering.network.peers.some(({ id }) => id === other);

/** Resolves when the node is connected to the peer. */
export const awaitPeer = (node: Met, peer: string): Promise<void> =>
  new Promise((resolve) => {
    const look = () => {
      if (!isConnected(node, peer)) return;
      remove();
      resolve();
    };
    const remove = node.peering.network.onConnected(look);
    look();
  });

/** Resolves when the node is not connected to the peer. */
export const awaitNoPeer = (node: Met, peer: string): Promise<void> =>
  new Promise((resolve) => {
    const look = () => {
      if (isConnected(node, peer)) return;
      remove();
      resolve();
    };
    const remove = node.peering.network.onDisconnected(look);
    look();
  });

/** `from` keeps a connection to `to`. */
export const connect = async (from: Met, to: Met & Pick<PeerActor, "address">): Promise<void> => {
  await from.peering.network.addPeer(to.address);
  await Promise.all([awaitPeer(from, to.id), awaitPeer(to, from.id)]);
};

const FOREVER = 3_600_000;

/** No connection between the two, in either direction, until it is healed. */
export const cut = async (one: Met, other: Met): Promise<void> => {
  for (const [here, there] of [
    [one, other],
    [other, one],
  ] as const) {
    await here.peering.network.removePeer(there.id);
    here.peering.network.ban(there.id, FOREVER);
  }
  await Promise.all([awaitNoPeer(one, other.id), awaitNoPeer(other, one.id)]);
};

export const heal = async (one: Met, other: Met & Pick<PeerActor, "address">): Promise<void> => {
  one.peering.network.unban(other.id);
  other.peering.network.unban(one.id);
  await connect(one, other);
};

/** Resolves when the node's head is this block. */
export const awaitHead = ({ chain }: { readonly chain: Chain }, { hash }: Pick<Block, "hash">): Promise<void> =>
  new Promise((resolve) => {
    const look = () => {
      if (chain.head.hash !== hash) return;
      for (const remove of removers) remove();
      resolve();
    };
    const removers = [chain.on("head", look), chain.on("rollback", look)];
    look();
  });

export const awaitHeads = async (nodes: readonly PeerActor[], block: Pick<Block, "hash">): Promise<void> => {
  await Promise.all(nodes.map((node) => awaitHead(node, block)));
};

/** Blocks that the node took from gossip. */
export const heard = (node: PeerActor): Promise<number> =>
  node.metric("assay_p2p_blocks_heard_total", { outcome: "accepted" });

/** Builds block after block until each node hears one by gossip: who has just connected is not yet told of all. */
export const hearing = async (sequencer: Pick<SequencerPeer, "build">, nodes: readonly PeerActor[]): Promise<void> => {
  const before = await Promise.all(nodes.map(heard));
  await until(async () => {
    await sequencer.build();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const now = await Promise.all(nodes.map(heard));
    return now.every((count, i) => count > (before[i] as number));
  });
};
