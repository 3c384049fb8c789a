import { createServices, sleep } from "../foundation/service.ts";
import { createBlockExchange } from "./blocks/block-exchange.ts";
import { createBlockSync } from "./blocks/block-sync.ts";
import { createBlockTopic } from "./blocks/block-topic.ts";
import { createEvidence } from "./blocks/evidence.ts";
import { createSealStore } from "./blocks/seal-store.ts";
import { encodeSealedBlock, MAX_SEALED_BLOCK_BYTES, type SealedBlock } from "./blocks/sealed-block.ts";
import { createWitness } from "./blocks/witness.ts";
import { createContentExchange } from "./content/exchange.ts";
import { serveContent } from "./content/serve.ts";
import { createForeignPeers } from "./foreign-peers.ts";
import type { Network, PeerId } from "./network/network.ts";
import type { Peering, PeeringComponents, PeeringOptions } from "./peering.ts";
import { createPeeringMetrics } from "./peering-metrics.ts";

/** Milliseconds between two questions of how far the peers are: what gossip lost is noticed then. */
const STATUS_MS = 5_000;

/** A node's place among the peers of a network that is not started. Nothing is sent or heard before `start`. */
export const composePeering = (
  components: PeeringComponents & { readonly network: Network },
  options: Pick<PeeringOptions, "clock" | "follow" | "isSigner" | "maxUnsafe">,
): Peering => {
  const { chain, store, provide, registry } = components;
  const { clock = Date.now, follow, isSigner, maxUnsafe } = options;
  const logger = components.logger.child({ module: "peering" });
  const services = createServices(components);
  const aborter = new AbortController();
  const { genesisHash } = chain;
  const seals = createSealStore(store);
  const evidence = createEvidence(store);
  const witness = createWitness(
    { ...components, seals, evidence },
    { genesisHash, isSigner, clock, l1Advances: components.l1Advances },
  );
  const network = services.add(components.network);
  const foreign = createForeignPeers({ network, logger }, { genesisHash });
  const content = createContentExchange({ ...components, network });
  serveContent(network, provide);
  const exchange = createBlockExchange({
    network,
    chain,
    seals,
    witness,
    onStatus(peer, status, said) {
      if (status.genesisHash === genesisHash) sync.tell(peer, status);
      else foreign.meet(peer, status.genesisHash, said);
    },
  });
  const sync = services.add(
    createBlockSync({ ...components, network, exchange, witness, seals, evidence }, { maxUnsafe, clock }),
  );
  /** The node that signs hears a block that it did not make: somebody else has its key. */
  const suspect = ({ hash, header: { number } }: SealedBlock): void => {
    if (chain.blockByNumber(number)?.hash !== hash)
      logger.error({ number, hash }, "another process signs blocks with this sequencer's key: stop one of them");
  };
  const channel = network.join(
    createBlockTopic({ ...components, witness, evidence }, { clock, onBlock: follow ? sync.offer : suspect }),
  );

  createPeeringMetrics(registry, () => evidence.halted);

  /** Peers that have not answered yet: no one of them keeps the others from being asked again. */
  const asked = new Map<PeerId, Promise<void>>();
  const ask = (peer: PeerId): void => {
    if (asked.has(peer)) return;
    const answer = exchange
      .status(peer, aborter.signal)
      .catch((error: unknown) => {
        if (!aborter.signal.aborted) logger.debug({ err: error, peer }, "a peer did not say how far it is");
      })
      .finally(() => asked.delete(peer));
    asked.set(peer, answer);
  };
  const watch = async () => {
    while (!aborter.signal.aborted) {
      await sleep(STATUS_MS, aborter.signal);
      if (!aborter.signal.aborted) for (const { id } of network.peers) ask(id);
    }
  };
  let watching: Promise<void> | undefined;
  const unsubscribe = network.onConnected(ask);

  return {
    name: "peering",
    network,
    content,
    get evidence() {
      return evidence.records;
    },
    get halted() {
      return evidence.halted;
    },
    async resume() {
      await evidence.resume();
      sync.wake();
    },
    signedAt: seals.get,
    get revision() {
      return seals.revision;
    },
    get highest() {
      return sync.highest;
    },
    async publish(block) {
      const { hash, header, origin, seal } = block;
      await seals.put({ hash, header, origin, seal });
      const bytes = encodeSealedBlock(block);
      if (bytes.length > MAX_SEALED_BLOCK_BYTES) {
        logger.warn(
          { number: header.number, bytes: bytes.length },
          "a block too large for gossip: peers have it from L1",
        );
        return 0;
      }
      return channel.publish(bytes);
    },
    async start() {
      await network.start();
      if (follow) sync.start();
      watching ??= watch();
    },
    async stop() {
      aborter.abort();
      unsubscribe();
      await watching;
      await foreign.stop();
      await services.stop();
      await Promise.all(asked.values());
    },
  };
};
