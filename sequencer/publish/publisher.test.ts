import assert from "node:assert/strict";
import { test } from "node:test";
import pino from "pino";
import { Registry } from "prom-client";
import {
  type Chain,
  createChain,
  createGenesis,
  createMemoryStore,
  createWorldState,
  DEVNET_PARAMETERS,
  type KeyValueStore,
  type SealedBlock,
  type SealedHeader,
  signDigest,
  uintBE,
} from "../../executor/index.ts";
import { createPublisher, revisionOf } from "./publisher.ts";

const telemetry = () => ({ logger: pino({ level: "silent" }), registry: new Registry() });
const KEY = uintBE(77, 32);

const openChain = (store: KeyValueStore): Promise<Chain> =>
  createChain(
    {
      ...telemetry(),
      store,
      world: createWorldState(store),
      models: {
        run: () => Promise.reject(new Error("no model is called here")),
      } as never,
    },
    { genesis: createGenesis(DEVNET_PARAMETERS, {}) },
  );

/** Seals an empty block; `salt` tells branches apart. */
const build = async (chain: Chain, salt = 0n) => {
  const number = chain.head.header.number + 1n;
  const builder = await chain.begin({ timestamp: 1_000n + number + salt, origin: { number, timestamp: 1_000n } });
  return (await builder.seal()).block;
};

/** What a node keeps of its seals; one life after another shares it. */
const createKept = () => ({ seals: new Map<bigint, SealedHeader>(), revision: 0n });

const publishTo = (kept: ReturnType<typeof createKept>, failures = { left: 0 }) => {
  const published: SealedBlock[] = [];
  return {
    published,
    numbers: () => published.map(({ header, seal }) => [Number(header.number), Number(seal.revision)]),
    peering: {
      signedAt: (number: bigint) => kept.seals.get(number),
      get revision() {
        return kept.revision;
      },
      async publish(block: SealedBlock) {
        if (failures.left-- > 0) throw new Error("the disk is full");
        await new Promise((resolve) => setImmediate(resolve));
        kept.seals.set(block.header.number, block);
        if (block.seal.revision > kept.revision) kept.revision = block.seal.revision;
        published.push(block);
        return 1;
      },
    },
  };
};

const sign = (digest: Uint8Array) => signDigest(digest, KEY);

test("every block is signed and published once, in order", async () => {
  const chain = await openChain(createMemoryStore());
  const { published, peering, numbers } = publishTo(createKept());
  const publisher = createPublisher({ ...telemetry(), chain, peering }, { sign, clock: () => 5 });
  await build(chain);
  publisher.start();
  await build(chain);
  await build(chain);
  await publisher.settled();
  assert.deepEqual(numbers(), [
    [1, 0],
    [2, 0],
    [3, 0],
  ]);
  assert.ok(
    published.every(({ seal, hash, header }) => seal.sealedAt === 5n && chain.blockByHash(hash)?.header === header),
  );
  await publisher.stop();
  await build(chain);
  assert.equal(published.length, 3);
});

test("a block that is sealed just as the last one is done is not left for the next to bring along", async () => {
  const chain = await openChain(createMemoryStore());
  await build(chain);
  await build(chain);
  const { peering, numbers } = publishTo(createKept());
  let heads: (() => void)[] = [];
  let seen = 1n;
  const growing = {
    genesisHash: chain.genesisHash,
    head: chain.blockByNumber(1n) as Chain["head"],
    heads: { unsafe: 1n, safe: 0n, finalized: 0n },
    blockByNumber(number: bigint) {
      if (number <= seen) return chain.blockByNumber(number);
      // Between the last look and the end of the work.
      if (seen === 1n)
        queueMicrotask(() => {
          seen = 2n;
          for (const tell of heads) tell();
        });
      return undefined;
    },
    on(event: string, listener: () => void) {
      if (event === "head") heads = [...heads, listener];
      return () => undefined;
    },
  };
  const publisher = createPublisher({ ...telemetry(), chain: growing as never, peering }, { sign });
  publisher.start();
  await publisher.settled();
  assert.deepEqual(numbers(), [
    [1, 0],
    [2, 0],
  ]);
  await publisher.stop();
});

test("a restart goes on behind the last block that was signed, in the same revision", async () => {
  const store = createMemoryStore();
  const chain = await openChain(store);
  const kept = createKept();
  const first = publishTo(kept);
  const before = createPublisher({ ...telemetry(), chain, peering: first.peering }, { sign });
  before.start();
  await build(chain);
  await before.settled();
  await before.stop();
  // Sealed, and then the node was killed.
  await build(chain);
  await build(chain);
  const second = publishTo(kept);
  const after = createPublisher({ ...telemetry(), chain: await openChain(store), peering: second.peering }, { sign });
  after.start();
  await after.settled();
  assert.deepEqual(second.numbers(), [
    [2, 0],
    [3, 0],
  ]);
  await after.stop();
});

test("what is built again after a rollback gets the next revision, also across a restart", async () => {
  const store = createMemoryStore();
  const chain = await openChain(store);
  const kept = createKept();
  const { peering, numbers } = publishTo(kept);
  const publisher = createPublisher({ ...telemetry(), chain, peering }, { sign });
  publisher.start();
  for (let i = 0; i < 4; i++) await build(chain);
  await publisher.settled();
  await chain.rollback(1n);
  await build(chain, 100n);
  await build(chain, 100n);
  await publisher.settled();
  await publisher.stop();
  assert.deepEqual(numbers().slice(4), [
    [2, 1],
    [3, 1],
  ]);
  // The node is killed after another rollback, before anything is published.
  await chain.rollback(2n);
  const life = publishTo(kept);
  const reopened = await openChain(store);
  await build(reopened, 200n);
  const next = createPublisher({ ...telemetry(), chain: reopened, peering: life.peering }, { sign });
  next.start();
  await build(reopened, 200n);
  await build(reopened, 200n);
  await next.settled();
  // Height 4 was last signed in revision 0, height 3 in revision 1: both are superseded, once.
  assert.deepEqual(life.numbers(), [
    [3, 2],
    [4, 2],
    [5, 2],
  ]);
  await next.stop();
});

test("a failure is tried again and nothing is left out", async () => {
  const chain = await openChain(createMemoryStore());
  const { peering, numbers } = publishTo(createKept(), { left: 2 });
  const publisher = createPublisher({ ...telemetry(), chain, peering }, { sign, retryMs: 1 });
  publisher.start();
  await build(chain);
  await build(chain);
  await publisher.settled();
  assert.deepEqual(numbers(), [
    [1, 0],
    [2, 0],
  ]);
  await publisher.stop();
});

test("the revision rises only where another block was signed in it", () => {
  const signed = (hash: string, revision: bigint) => ({ hash: hash as `0x${string}`, seal: { revision } });
  assert.equal(revisionOf("0x01", 3n, undefined), 3n);
  assert.equal(revisionOf("0x01", 3n, signed("0x01", 3n)), 3n);
  assert.equal(revisionOf("0x01", 3n, signed("0x02", 2n)), 3n);
  assert.equal(revisionOf("0x01", 3n, signed("0x02", 3n)), 4n);
});
