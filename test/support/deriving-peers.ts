import type { TestContext } from "node:test";
import { type Block, createMemoryStore, type Hex } from "../../executor/index.ts";
import { account } from "./anvil.ts";
import { joinPeers, metricOf, type PeerActor, publishBlocks } from "./peers.ts";
import { createStage, l2Account, type NodeActor, type SequencerActor, type Stage } from "./stage.ts";

/** The account of L1 that the stage's inbox takes batches from. */
const SEQUENCER = account(1);
export const L1_SEQUENCER_KEY = SEQUENCER.getHdKey().privateKey as Uint8Array;
/** Half of the states that the stage's nodes keep. */
const MAX_UNSAFE = 128;

export type DerivingPeer = PeerActor &
  Omit<NodeActor, "registry"> & {
    /** A metric of its derivation. */
    derived(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  };

export type DerivingSequencer = DerivingPeer &
  Omit<SequencerActor, "registry"> & {
    /** Seals so many blocks of one transfer each, and publishes them. */
    build(count?: number): Promise<Block>;
  };

/** Nodes that are peers and derive from one L1. */
export const derivingStage = async (t: TestContext, forceDelay?: bigint) => {
  const stage: Stage = await createStage(t, forceDelay);
  const join = async (node: NodeActor, store = createMemoryStore(), follow = true): Promise<DerivingPeer> => {
    const { chain, l1, registry } = node;
    const isDeposit = (envelope: Uint8Array, origin: bigint) => l1.isDeposit(envelope, origin);
    const options = {
      isSigner: (account: Hex) => account === SEQUENCER.address.toLowerCase(),
      follow,
      maxUnsafe: MAX_UNSAFE,
    };
    const peer = await joinPeers(t, { chain, store, isDeposit }, options);
    const stop = async () => {
      await peer.stop();
      await node.stop();
    };
    return { ...node, ...peer, stop, derived: (name, labels) => metricOf(registry, name, labels) };
  };
  return {
    stage,
    async executor(): Promise<DerivingPeer> {
      const store = createMemoryStore();
      return join(await stage.executor(store), store);
    },
    async sequencer(): Promise<DerivingSequencer> {
      const store = createMemoryStore();
      // Blocks of another day are no news.
      const producer = { clock: () => BigInt(Math.floor(Date.now() / 1000)) };
      const node = await stage.sequencer(store, { producer });
      const peer = await join(node, store, false);
      const publisher = publishBlocks(t, peer, L1_SEQUENCER_KEY);
      let nonce = 0;
      return {
        ...node,
        ...peer,
        async build(count = 1) {
          for (let i = 0; i < count; i++) {
            await node.send({ nonce: nonce++, to: l2Account(7).address.toLowerCase() as Hex, value: 1n });
            if ((await node.producer.produce()) === undefined) throw new Error("no block was built");
          }
          await publisher.settled();
          return node.chain.head;
        },
      };
    },
  };
};
