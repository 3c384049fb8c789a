import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  type Block,
  type Bytes,
  type Chain,
  composePeering,
  createMemoryStore,
  encodeSealedBlock,
  equalBytes,
  type Handler,
  type Hex,
  hasCode,
  keccak256,
  type Network,
  type SealedBlock,
  type SealedHeader,
  sealedBlockOf,
  sleep,
  type Topic,
  messageOf as textOf,
  toHex,
  utf8,
} from "../../executor/index.ts";
import {
  addressOf,
  awaitHead,
  connect,
  type Ends,
  hearing,
  openPeerChain,
  peerStage,
  SEQUENCER_KEY,
  sealTransfer,
  signBlock,
} from "../support/peers.ts";
import { createRandom } from "../support/random-program.ts";
import { telemetry } from "../support/stage.ts";
import { createStranger, type Stranger } from "../support/stranger.ts";
import { type Corpus, messageOf, piecesOf, type Target } from "./peer-messages.ts";

/** Mutated messages against a node: over sockets as fast as it lets strangers in, then straight at its judges. */

export type PeersTally = {
  sent: number;
  judged: number;
  /** Of the messages that were sent: those that the node read before it threw their sender out. */
  reached: number;
  /** Identities that sent, and those of them that were banned. */
  strangers: number;
  bans: number;
  penalties: number;
  /** MiB that are resident after a collection: at the start, half way, at the end. */
  readonly resident: number[];
  readonly byKind: Map<string, number>;
  readonly findings: string[];
};

export type PeersFuzz = {
  readonly seed: number;
  /** Messages over sockets. */
  readonly sent: number;
  /** Messages past the sockets. */
  readonly judged: number;
  readonly print?: (line: string) => void;
};

/** MiB by which the resident memory may differ between half way and the end. */
export const RESIDENT_BOUND = 48;
const BLOCKS = 24;
/** Milliseconds for the first block after all. */
const FOLLOW_MS = 30_000;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const residentMiB = async (): Promise<number> => {
  for (let i = 0; i < 3; i++) {
    await new Promise(setImmediate);
    collect();
  }
  return process.memoryUsage.rss() / 2 ** 20;
};

const CONTENT = new Map<Hex, Bytes>(
  Array.from({ length: 8 }, (_, i) => utf8(`content ${i} `.repeat(100))).map((bytes) => [
    toHex(keccak256(bytes)),
    bytes,
  ]),
);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const provide = (_: string, hash: Hex): Bytes | undefined => CONTENT.get(hash);

const openCorpus = async (): Promise<Corpus & { readonly chain: Awaited<ReturnType<typeof openPeerChain>> }> => {
  const chain = await openPeerChain(createMemoryStore());
  const blocks: SealedBlock[] = [];
  for (let i = 0; i < BLOCKS; i++) blocks.push(signBlock(chain, await sealTransfer(chain)));
  return { chain, genesisHash: chain.genesisHash, blocks, hashes: [...CONTENT.keys()] };
};

/** Whether the node still takes what the sequencer says now. */
const follows = async (
  node: { readonly chain: Chain },
  block: Pick<Block, "hash">,
  tally: PeersTally,
): Promise<void> => {
  const late = new AbortController();
  const isThere = await Promise.race([
    awaitHead(node, block).then(() => true),
    sleep(FOLLOW_MS, late.signal).then(() => false),
  ]);
  late.abort();
  if (!isThere) tally.findings.push("the sequencer is not followed any more");
};

/** A network that keeps what it is given to judge by, and counts what it is told of peers. */
const createEar = () => {
  const topics: Topic[] = [];
  const handlers = new Map<string, Handler>();
  const blamed = { penalties: 0, bans: 0 };
  const network: Network = {
    name: "ear",
    id: "ear",
    addresses: [],
    peers: [],
    addPeer: async () => undefined,
    removePeer: async () => false,
    penalise: () => void blamed.penalties++,
    ban: () => void blamed.bans++,
    unban: () => undefined,
    onConnected: () => () => undefined,
    onDisconnected: () => () => undefined,
    join(topic) {
      topics.push(topic);
      return { publish: async () => 0 };
    },
    serve: (protocol, handler) => void handlers.set(protocol.name, handler),
    async *request() {},
    start: async () => undefined,
    stop: async () => undefined,
  };
  return { network, topics, handlers, blamed };
};

/** Straight at the topic's judge and the protocols' handlers. */
const judgeAll = async (t: Ends, { seed, judged: count }: PeersFuzz, tally: PeersTally): Promise<void> => {
  const random = createRandom(seed);
  const { chain: source, ...corpus } = await openCorpus();
  const { network, topics, handlers, blamed } = createEar();
  const store = createMemoryStore();
  const chain = await openPeerChain(store);
  const peering = composePeering(
    { ...telemetry(), chain, store, network, provide, l1Advances: () => 0 },
    { follow: true, maxUnsafe: 1_024, isSigner: (account) => account === addressOf(SEQUENCER_KEY) },
  );
  await peering.start();
  t.after(() => peering.stop());
  const [topic] = topics as [Topic];
  const signed = corpus.blocks.map(encodeSealedBlock);
  const { signal } = new AbortController();

  const hear = async (bytes: Bytes, from: string): Promise<string | undefined> => {
    const verdict = await topic.validate(bytes, from);
    if (!verdict.accept) {
      if (verdict.misbehaviour !== undefined) blamed.penalties++;
      return undefined;
    }
    return signed.some((known) => equalBytes(known, bytes)) ? undefined : "taken for a block";
  };
  const answer = async (target: Target, bytes: Bytes, from: string): Promise<string | undefined> => {
    try {
      for await (const part of await (handlers.get(target) as Handler)(bytes, from, signal))
        if (!(part instanceof Uint8Array)) return "an answer is no bytes";
    } catch (error) {
      if (!hasCode(error, "P2P_INVALID")) return textOf(error);
      blamed.penalties++;
    }
    return undefined;
  };

  // The first round warms up what stays.
  for (let i = 0; i < count; i++) {
    if (i === Math.floor(count / 10) || i === Math.floor(count / 2)) tally.resident.push(await residentMiB());
    const { target, kind, bytes } = messageOf(random, corpus);
    const from = `peer ${random.below(64)}`;
    const finding = await (target === "gossip" ? hear(bytes, from) : answer(target, bytes, from)).catch(textOf);
    if (finding !== undefined) tally.findings.push(`message ${i} to ${target}, ${kind}: ${finding}`);
    tally.byKind.set(kind, (tally.byKind.get(kind) ?? 0) + 1);
    tally.judged++;
    if (i % 64 === 0) await new Promise(setImmediate);
  }
  tally.resident.push(await residentMiB());
  tally.penalties += blamed.penalties;
  // It follows what the sequencer says now.
  for (const block of corpus.blocks) topic.validate(encodeSealedBlock(block), "sequencer");
  const fresh = signBlock(source, await sealTransfer(source));
  topic.validate(encodeSealedBlock(fresh), "sequencer");
  await follows({ chain }, fresh, tally);
  if (peering.halted || peering.evidence.length > 0) tally.findings.push("there is evidence against the sequencer");
};

/** Over real sockets, by strangers who come back as others when they are thrown out. */
const sendAll = async (t: Ends, { seed, sent: count }: PeersFuzz, tally: PeersTally): Promise<void> => {
  const random = createRandom(seed ^ 0x2545f491);
  const stage = peerStage(t);
  const sequencer = await stage.sequencer({ provide });
  const node = await stage.executor({ provide });
  await connect(node, sequencer);
  await hearing(sequencer, [node]);
  await sequencer.build(BLOCKS);
  // Blocks that its key signed on another chain would be evidence against it.
  const { chain, peering } = sequencer;
  const blocks = Array.from({ length: BLOCKS }, (_, i) => {
    const number = BigInt(i + 1);
    return sealedBlockOf(chain.blockByNumber(number) as Block, (peering.signedAt(number) as SealedHeader).seal);
  });
  const corpus: Corpus = { genesisHash: chain.genesisHash, blocks, hashes: [...CONTENT.keys()] };
  let stranger: Stranger | undefined;
  const ofOne = { left: 0 };
  const next = async (): Promise<Stranger> => {
    if (stranger?.isConnected === true && ofOne.left-- > 0) return stranger;
    await stranger?.stop();
    for (;;) {
      stranger = await createStranger({ after: () => undefined });
      // A host may open so many connections a second, and no more.
      const met = await stranger.meet(node).then(
        () => true,
        () => false,
      );
      if (met) break;
      await stranger.stop();
      await pause(20);
    }
    tally.strangers++;
    ofOne.left = 200;
    return stranger;
  };
  while (tally.sent < count) {
    const { target, kind, bytes } = messageOf(random, corpus);
    const from = await next();
    if (target !== "gossip") await from.ask(target, ...piecesOf(random, bytes));
    else if (random.chance(0.9)) await from.say(bytes);
    // No rpc at all.
    else await from.mutter(...piecesOf(random, bytes));
    tally.byKind.set(kind, (tally.byKind.get(kind) ?? 0) + 1);
    tally.sent++;
    // What comes after it is thrown out is not read: it is given the time to be.
    await pause(1);
  }
  await stranger?.stop();
  for (const name of ["gossip_messages", "requests"]) tally.reached += await node.metric(`assay_p2p_${name}_total`);
  tally.bans = await node.metric("assay_p2p_bans_total");
  tally.penalties += await node.metric("assay_p2p_penalties_total");
  if (tally.strangers > 2 && tally.bans === 0) tally.findings.push("nobody was banned");
  await follows(node, await sequencer.build(), tally);
  if (node.peering.halted || node.peering.evidence.length > 0)
    tally.findings.push("there is evidence against the sequencer");
  if (node.peering.network.peers.find(({ id }) => id === sequencer.id)?.score !== 0)
    tally.findings.push("the sequencer is blamed");
};

export const fuzzPeers = async (t: Ends, options: PeersFuzz): Promise<PeersTally> => {
  const { print = () => undefined } = options;
  const tally: PeersTally = {
    ...{ sent: 0, reached: 0, judged: 0, strangers: 0, bans: 0, penalties: 0 },
    ...{ resident: [], byKind: new Map(), findings: [] },
  };
  const note = (error: unknown) => void tally.findings.push(`not handled: ${textOf(error)}`);
  process.on("unhandledRejection", note);
  process.on("uncaughtException", note);
  try {
    await sendAll(t, options, tally);
    print(
      `${tally.sent} messages over sockets, ${tally.reached} read, of ${tally.strangers} strangers, ${tally.bans} banned`,
    );
    await judgeAll(t, options, tally);
  } finally {
    process.off("unhandledRejection", note);
    process.off("uncaughtException", note);
  }
  const [, middle = 0, end = 0] = tally.resident;
  if (end - middle > RESIDENT_BOUND) tally.findings.push(`resident memory grew from ${middle} to ${end} MiB`);
  return tally;
};
