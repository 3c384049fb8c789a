import assert from "node:assert/strict";
import { test } from "node:test";
import { buildBlock, funded, openChain, telemetry } from "../../chain/chain.fixture.ts";
import type { Chain } from "../../chain/chain.ts";
import { createGenesis } from "../../chain/genesis.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { decodeRlp, readRlpUint } from "../../foundation/rlp.ts";
import { hashBlockHeader } from "../../protocol/block.ts";
import { encodeDeposit } from "../../protocol/envelope.ts";
import { DEVNET_PARAMETERS } from "../../protocol/parameters.ts";
import { createMemoryStore } from "../../store/memory-store.ts";
import type { Handler, Network } from "../network/network.ts";
import { createBlockExchange } from "./block-exchange.ts";
import { createBlockSync } from "./block-sync.ts";
import { createEvidence } from "./evidence.ts";
import { createSealStore } from "./seal-store.ts";
import { headerOf, NOW, openSealer, SEQUENCER, sealBlock } from "./sealed.fixture.ts";
import { encodeSealedBlock, type SealedBlock } from "./sealed-block.ts";
import { createWitness } from "./witness.ts";

/** Peers by name, each a table of handlers. */
const createMesh = () => {
  const peers = new Map<string, Map<string, Handler>>();
  const penalties: string[] = [];
  const networkOf = (id: string): Pick<Network, "serve" | "request" | "penalise" | "onDisconnected"> => {
    const handlers = new Map<string, Handler>();
    peers.set(id, handlers);
    return {
      serve: (protocol, handler) => void handlers.set(protocol.name, handler),
      async *request(peer, protocol, request, signal = new AbortController().signal) {
        const handler = peers.get(peer)?.get(protocol.name);
        assert.ok(handler);
        yield* await handler(request, id, signal);
      },
      penalise: (peer, why) => void penalties.push(`${peer} ${why}`),
      onDisconnected: () => () => undefined,
    };
  };
  return { networkOf, peers, penalties };
};

const openNode = async (options: {
  readonly mesh: ReturnType<typeof createMesh>;
  readonly id: string;
  readonly chain?: Chain;
  readonly maxUnsafe?: number;
  readonly isDeposit?: (envelope: Bytes, origin: bigint) => boolean | undefined;
}) => {
  const { mesh, id, maxUnsafe = 1_000 } = options;
  const store = createMemoryStore();
  const chain = options.chain ?? (await openChain());
  const seals = createSealStore(store);
  const evidence = createEvidence(store);
  const clock = () => Number(NOW) * 1000;
  const { genesisHash } = chain;
  const witness = createWitness(
    { ...telemetry(), seals, evidence },
    { genesisHash, isSigner: (account) => account === SEQUENCER, clock, l1Advances: () => 0 },
  );
  const network = mesh.networkOf(id);
  const exchange = createBlockExchange({
    network,
    chain,
    seals,
    witness,
    onStatus: (peer, status) => sync.tell(peer, status),
  });
  const now = { ms: Number(NOW) * 1000 };
  const common = telemetry();
  const sync = createBlockSync(
    { ...common, chain, network, exchange, witness, seals, evidence, isDeposit: options.isDeposit },
    { maxUnsafe, clock: () => now.ms, retryMs: 20, rangeMs: 100 },
  );
  /** Resolves when the head is this block. */
  const reaches = (block: SealedBlock): Promise<void> =>
    new Promise((resolve) => {
      const look = () => {
        if (chain.head.hash !== block.hash) return;
        remove();
        resolve();
      };
      const remove = chain.on("head", look);
      look();
    });
  return { chain, registry: common.registry, seals, evidence, exchange, sync, reaches, now };
};

/** A node with a sequencer's blocks and their seals. */
const openSource = async (mesh: ReturnType<typeof createMesh>, count: number, id = "source") => {
  const sealer = await openSealer();
  const node = await openNode({ mesh, id, chain: sealer.chain });
  const keep = async (blocks: readonly SealedBlock[]) => {
    for (const block of blocks) await node.seals.put(headerOf(block));
    return blocks;
  };
  const blocks = await keep(await sealer.buildMany(count));
  return { ...node, sealer, blocks: [...blocks], keep };
};

test("gossiped blocks become the head, in order, whatever order they come in", async () => {
  const sealer = await openSealer();
  const blocks = await sealer.buildMany(5);
  const node = await openNode({ mesh: createMesh(), id: "node" });
  node.sync.start();
  for (const i of [4, 2, 3, 1, 0]) node.sync.offer(blocks[i] as SealedBlock, "somebody");
  await node.reaches(blocks[4] as SealedBlock);
  assert.equal(node.chain.heads.safe, 0n);
  assert.deepEqual(node.seals.get(3n), headerOf(blocks[2] as SealedBlock));
  assert.equal(node.sync.highest, 5n);
  await node.sync.stop();
});

test("what is missing comes from a peer that has it, range after range", async () => {
  const mesh = createMesh();
  const source = await openSource(mesh, 300);
  const node = await openNode({ mesh, id: "late" });
  node.sync.start();
  await node.exchange.status("source");
  await node.reaches(source.blocks[299] as SealedBlock);
  assert.equal(node.chain.head.header.stateRoot, source.chain.head.header.stateRoot);
  assert.deepEqual(mesh.penalties, []);
  // A third node can take all of it from the second.
  const third = await openNode({ mesh, id: "later" });
  third.sync.start();
  await third.exchange.status("late");
  await third.reaches(source.blocks[299] as SealedBlock);
  await node.sync.stop();
  await third.sync.stop();
});

test("a block heard with a gap before it brings what lies between from whoever passed it on", async () => {
  const mesh = createMesh();
  const source = await openSource(mesh, 20);
  const node = await openNode({ mesh, id: "node" });
  node.sync.start();
  node.sync.offer(source.blocks[19] as SealedBlock, "source");
  await node.reaches(source.blocks[19] as SealedBlock);
  await node.sync.stop();
});

test("a peer that gives others' blocks, or garbage, is found out at the first and another is asked", async () => {
  const mesh = createMesh();
  const source = await openSource(mesh, 10);
  const { blocks } = source;
  const tamper: Record<string, (i: number) => Uint8Array> = {
    garbage: () => Uint8Array.of(1, 2),
    shifted: (i) => encodeSealedBlock(blocks[i + 1] as SealedBlock),
    unsigned: (i) => encodeSealedBlock({ ...(blocks[i] as SealedBlock), origin: { number: 0n, timestamp: 0n } }),
    bodiless: (i) => encodeSealedBlock({ ...(blocks[i] as SealedBlock), envelopes: [] }),
  };
  const node = await openNode({ mesh, id: "node" });
  for (const [id, answer] of Object.entries(tamper)) {
    mesh.networkOf(id).serve({ name: "blocks/1" } as never, () => [0, 1, 2].map(answer));
    node.sync.tell(id, { genesisHash: source.chain.genesisHash, head: 50n, safe: 0n });
  }
  await node.exchange.status("source");
  node.sync.start();
  // Each liar is left alone for a while after it has given nothing.
  await node.reaches(blocks[9] as SealedBlock);
  assert.deepEqual(mesh.penalties.sort(), [
    "bodiless body",
    "garbage malformed",
    "shifted malformed",
    "unsigned signature",
  ]);
  await node.sync.stop();
});

test("blocks that the sequencer built again replace the old ones, from gossip and from ranges", async () => {
  const mesh = createMesh();
  const source = await openSource(mesh, 6);
  const gossiped = await openNode({ mesh, id: "gossiped" });
  const ranged = await openNode({ mesh, id: "ranged" });
  for (const node of [gossiped, ranged]) {
    node.sync.start();
    await node.exchange.status("source");
    await node.reaches(source.blocks[5] as SealedBlock);
  }
  await source.sealer.back(2n);
  const rebuilt = await source.keep(await source.sealer.buildMany(5, { revision: 1n, value: 9n }));
  for (const block of rebuilt) gossiped.sync.offer(block, "source");
  await gossiped.reaches(rebuilt[4] as SealedBlock);
  await ranged.exchange.status("source");
  await ranged.reaches(rebuilt[4] as SealedBlock);
  assert.equal(ranged.evidence.halted, false);
  assert.ok(ranged.evidence.records.every(({ kind }) => kind === "rebuilt"));
  // The old branch does not come back.
  for (const block of source.blocks) gossiped.sync.offer(block, "source");
  const next = await source.sealer.build({ revision: 1n });
  gossiped.sync.offer(next, "source");
  await gossiped.reaches(next);
  await gossiped.sync.stop();
  await ranged.sync.stop();
});

test("a block that executes to something else is refused and leaves no trace; the sequencer's next word counts", async () => {
  const sealer = await openSealer();
  const good = await sealer.build();
  const header = { ...good.header, stateRoot: good.header.receiptsRoot };
  const forged = { ...sealer.chain.head, header, hash: hashBlockHeader(header) };
  const lie = sealBlock(sealer.chain.genesisHash, forged);
  const node = await openNode({ mesh: createMesh(), id: "node" });
  const before = node.chain.head.header.stateRoot;
  node.sync.offer(lie, "somebody");
  node.sync.start();
  const corrected = sealBlock(sealer.chain.genesisHash, sealer.chain.head, { revision: 1n });
  setTimeout(() => node.sync.offer(corrected, "somebody"), 50);
  await node.reaches(good);
  assert.notEqual(node.chain.head.header.stateRoot, before);
  assert.equal(node.chain.head.header.number, 1n);
  await node.sync.stop();
});

test("blocks of a fork that this version lacks wait: none is begun, none is asked for again", async (t) => {
  const mesh = createMesh();
  const source = await openSource(mesh, 8);
  const forks = { osaka: 0n, later: (source.blocks[3] as SealedBlock).header.timestamp };
  const chain = await openChain({ genesis: createGenesis({ ...DEVNET_PARAMETERS, forks }, funded(4)) });
  assert.equal(chain.genesisHash, source.chain.genesisHash);
  const node = await openNode({ mesh, id: "old", chain });
  t.after(() => node.sync.stop());
  let requests = 0;
  const blocks = mesh.peers.get("source")?.get("blocks/1") as Handler;
  mesh.peers.get("source")?.set("blocks/1", (...request) => {
    requests++;
    return blocks(...request);
  });
  node.sync.start();
  await node.exchange.status("source");
  await node.reaches(source.blocks[2] as SealedBlock);
  const asked = requests;
  await source.keep(await source.sealer.buildMany(4));
  await node.exchange.status("source");
  let looks = 0;
  await new Promise<void>((resolve) => {
    Object.defineProperty(node.now, "ms", {
      get() {
        if (++looks === 20) resolve();
        return Number(NOW) * 1000;
      },
    });
    for (const block of source.blocks) node.sync.offer(block, "source");
  });
  assert.equal(node.sync.highest, 8n);
  const imported = await node.registry.getSingleMetric("assay_p2p_blocks_imported_total")?.get();
  const outcomes = imported?.values.map(({ labels, value }) => [labels["outcome"], value]);
  assert.deepEqual(outcomes, [["executed", 3]]);
  assert.equal(requests, asked);
  assert.deepEqual(mesh.penalties, []);
});

test("no more is taken than can be taken back", async () => {
  const mesh = createMesh();
  const source = await openSource(mesh, 30);
  const node = await openNode({ mesh, id: "node", maxUnsafe: 10 });
  node.sync.start();
  await node.exchange.status("source");
  await node.reaches(source.blocks[9] as SealedBlock);
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(node.chain.head.header.number, 10n);
  await node.chain.setSafe(10n, { batch: 1n, cursor: 0, delayed: 0n });
  await node.reaches(source.blocks[19] as SealedBlock);
  await node.sync.stop();
});

test("with evidence nothing is followed until an operator acts", async () => {
  const mesh = createMesh();
  const source = await openSource(mesh, 3);
  const node = await openNode({ mesh, id: "node" });
  node.sync.start();
  await node.exchange.status("source");
  await node.reaches(source.blocks[2] as SealedBlock);
  const [first, second] = source.blocks as [SealedBlock, SealedBlock];
  await node.evidence.add({
    kind: "equivocation",
    number: 1n,
    first: headerOf(first),
    second: headerOf(second),
    seenAt: 1,
  });
  const next = await source.sealer.build();
  node.sync.offer(next, "source");
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(node.chain.head.header.number, 3n);
  await node.evidence.resume();
  node.sync.wake();
  await node.reaches(next);
  await node.sync.stop();
});

/** A peer that says it is far ahead, and answers as it is told. */
const openLiar = (
  mesh: ReturnType<typeof createMesh>,
  id: string,
  answer: (from: number, signal: AbortSignal) => ReturnType<Handler>,
) => {
  const asked: number[] = [];
  mesh.networkOf(id).serve({ name: "blocks/1" } as never, (request, _, signal) => {
    const from = Number(readRlpUint((decodeRlp(request) as readonly Uint8Array[])[0], 8));
    asked.push(from);
    return answer(from, signal);
  });
  return asked;
};
const farAhead = (genesisHash: Chain["genesisHash"]) => ({ genesisHash, head: 1_000_000n, safe: 0n });

test("a branch that was built again far below, and is long, is followed down to where it began", async () => {
  const mesh = createMesh();
  const source = await openSource(mesh, 20);
  const node = await openNode({ mesh, id: "node" });
  node.sync.start();
  await node.exchange.status("source");
  await node.reaches(source.blocks[19] as SealedBlock);
  await source.sealer.back(3n);
  const rebuilt = await source.keep(await source.sealer.buildMany(150, { revision: 1n, value: 9n }));
  await node.exchange.status("source");
  await node.reaches(rebuilt[149] as SealedBlock);
  await node.sync.stop();
});

test("one block that was built again, heard alone, brings those below it though nothing follows", async () => {
  const mesh = createMesh();
  const source = await openSource(mesh, 5);
  const node = await openNode({ mesh, id: "node" });
  node.sync.start();
  await node.exchange.status("source");
  await node.reaches(source.blocks[4] as SealedBlock);
  await source.sealer.back(3n);
  const rebuilt = await source.keep(await source.sealer.buildMany(3, { revision: 1n, value: 9n }));
  node.sync.offer(rebuilt[2] as SealedBlock, "source");
  await node.reaches(rebuilt[2] as SealedBlock);
  await node.sync.stop();
});

test("a peer whose blocks bring nothing is not asked again at once", async () => {
  const mesh = createMesh();
  const source = await openSource(mesh, 5);
  const [first] = source.blocks as [SealedBlock];
  await source.sealer.back(0n);
  const others = await source.sealer.buildMany(5, { value: 9n });
  const node = await openNode({ mesh, id: "node" });
  // The other branch of an equivocation that an operator has seen.
  node.sync.start();
  node.sync.offer(first, "nobody");
  await node.reaches(first);
  const asked = openLiar(mesh, "liar", (from) => others.slice(from - 1).map(encodeSealedBlock));
  node.sync.tell("liar", farAhead(source.chain.genesisHash));
  const pair = { first: headerOf(first), second: headerOf(others[0] as SealedBlock) };
  await node.evidence.add({ kind: "equivocation", number: 1n, ...pair, seenAt: 1 });
  await node.evidence.resume();
  node.sync.wake();
  for (let i = 0; i < 500; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(asked.length > 0 && asked.length <= 4, `asked ${asked.length} times`);
  assert.equal(node.evidence.halted, false);
  await node.sync.stop();
});

test("a peer that is slow for ever holds up nobody", async () => {
  const mesh = createMesh();
  const source = await openSource(mesh, 5);
  const node = await openNode({ mesh, id: "node" });
  const asked = openLiar(mesh, "slow", async function* (_, signal) {
    yield encodeSealedBlock(source.blocks[0] as SealedBlock);
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  node.sync.tell("slow", farAhead(source.chain.genesisHash));
  await node.exchange.status("source");
  node.sync.start();
  await node.reaches(source.blocks[4] as SealedBlock);
  assert.equal(asked.length, 1);
  await node.sync.stop();
});

test("peers that spoke and left do not keep others from being asked", async () => {
  const mesh = createMesh();
  const source = await openSource(mesh, 5);
  const node = await openNode({ mesh, id: "node" });
  for (let i = 0; i < 2_000; i++) node.sync.tell(`gone ${i}`, farAhead(source.chain.genesisHash));
  await node.exchange.status("source");
  node.sync.start();
  await node.reaches(source.blocks[4] as SealedBlock);
  await node.sync.stop();
});

test("a deposit counts when L1 has queued it, and waits until L1 was read so far", async () => {
  const sealer = await openSealer();
  const deposit = encodeDeposit({
    sourceHash: `0x${"01".repeat(32)}`,
    from: `0x${"02".repeat(20)}`,
    to: `0x${"03".repeat(20)}`,
    mint: 5n,
    value: 5n,
    gas: 100_000n,
    data: new Uint8Array(0),
  });
  const attributes = { timestamp: NOW, origin: { number: 1n, timestamp: NOW } };
  const delayed = { kind: "deposit", gas: 100_000n } as const;
  const { block } = await buildBlock(sealer.chain, [{ bytes: deposit, delayed }], attributes);
  assert.equal(block.transactions.length, 1);
  const sealed = sealBlock(sealer.chain.genesisHash, block);
  const answers: (boolean | undefined)[] = [undefined, undefined, true];
  let asked: readonly bigint[] = [];
  const waits = await openNode({
    mesh: createMesh(),
    id: "waits",
    isDeposit: (envelope, origin) => {
      assert.deepEqual(envelope, deposit);
      asked = [...asked, origin];
      return answers.length > 1 ? answers.shift() : answers[0];
    },
  });
  waits.sync.offer(sealed, "somebody");
  waits.sync.start();
  await waits.reaches(sealed);
  assert.ok(asked.length >= 3 && asked.every((origin) => origin === 1n));
  await waits.sync.stop();
  let refused = false;
  const isDeposit = () => {
    refused = true;
    return false;
  };
  const refuses = await openNode({ mesh: createMesh(), id: "refuses", isDeposit });
  refuses.sync.offer(sealed, "somebody");
  refuses.sync.start();
  while (!refused) await new Promise((resolve) => setImmediate(resolve));
  await refuses.sync.stop();
  assert.equal(refuses.chain.head.header.number, 0n);
});
