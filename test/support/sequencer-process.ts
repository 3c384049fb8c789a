import { join } from "node:path";
import { createPeering, openRocksStore, signDigest } from "../../executor/index.ts";
import { createPublisher } from "../../sequencer/index.ts";
import { addressOf, LISTEN, openPeerChain, SEQUENCER_KEY, sealTransfer } from "./peers.ts";
import { telemetry } from "./stage.ts";

/**
 * A sequencer to be killed: `node sequencer-process.ts <folder> <peer>…`. Builds one block after another, with its data
 * in the folder, and writes a line for what it found there and for each block it sealed.
 */
const [folder = ".", ...bootnodes] = process.argv.slice(2);
const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const store = await openRocksStore(join(folder, "store"));
const chain = await openPeerChain(store);
const options = { listen: [LISTEN], bootnodes, scope: "private", agent: "assay/test", maxUnsafe: 1_024 } as const;
const peering = await createPeering(
  { ...telemetry(), chain, store, provide: () => undefined, l1Advances: () => 0 },
  {
    ...options,
    identityFile: join(folder, "p2p.key"),
    isSigner: (account) => account === addressOf(SEQUENCER_KEY),
    follow: false,
  },
);
const sign = (digest: Uint8Array) => signDigest(digest, SEQUENCER_KEY);
const publisher = createPublisher({ ...telemetry(), chain, peering }, { sign });
await peering.start();
publisher.start();
print({ id: peering.network.id, head: Number(chain.head.header.number), evidence: peering.evidence.length });
for (;;) {
  const { hash, header } = await sealTransfer(chain);
  print({ number: Number(header.number), hash, revision: Number(peering.revision) });
  // Other work gets its turn: what is published may lag behind what is sealed.
  await new Promise((resolve) => setTimeout(resolve, 2));
}
