import assert from "node:assert/strict";
import { test } from "node:test";
import pino from "pino";
import { Registry } from "prom-client";
import { privateKeyToAccount } from "viem/accounts";
import {
  type Bytes,
  type Chain,
  createChain,
  createGenesis,
  createMemoryStore,
  createWorldState,
  DEVNET_PARAMETERS,
  encodeBatch,
  encodeDeposit,
  fromHex,
  type Hex,
  type InboxEnvelope,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import { createFollower } from "./follower.ts";
import type { InboxRecord } from "./inbox-store.ts";
import type { L1Source } from "./l1-source.ts";

const telemetry = () => ({ logger: pino({ level: "silent" }), registry: new Registry() });
const SENDER = privateKeyToAccount(toHex(uintBE(1, 32)));
const HASH: Hex = `0x${"11".repeat(32)}`;
const ORIGIN = { number: 1n, timestamp: 1_000n };
const TIMESTAMP = 1_000n;

const openNode = async () => {
  const store = createMemoryStore();
  const alloc = { [SENDER.address.toLowerCase()]: { balance: 10n ** 21n } };
  const chain = await createChain(
    { ...telemetry(), store, world: createWorldState(store), models: {} as never },
    { genesis: createGenesis(DEVNET_PARAMETERS, alloc) },
  );
  return { chain, store };
};

const transfer = async (gas: bigint): Promise<Bytes> =>
  fromHex(
    await SENDER.signTransaction({
      chainId: Number(DEVNET_PARAMETERS.chainId),
      nonce: 0,
      gas,
      value: 5n,
      to: `0x${"99".repeat(20)}`,
      maxFeePerGas: 10n ** 10n,
    }),
  );

const deposit = encodeDeposit({
  sourceHash: HASH,
  from: `0x${"02".repeat(20)}`,
  to: `0x${"03".repeat(20)}`,
  mint: 5n,
  value: 5n,
  gas: 100_000n,
  data: new Uint8Array(0),
});

/** An L1 that holds one batch of one block: what the delayed queue has, then what the sequencer wrote. */
const l1Of = (envelopes: readonly InboxEnvelope[]): L1Source => {
  const queued = envelopes.flatMap(({ bytes, delayed }) =>
    delayed === undefined ? [] : [{ envelope: bytes, ...delayed }],
  );
  const written = envelopes.flatMap(({ bytes, delayed }) => (delayed === undefined ? [bytes] : []));
  const record: InboxRecord = {
    index: 0n,
    kind: "calldata",
    dataHash: HASH,
    origin: ORIGIN,
    delayedEnd: BigInt(queued.length),
    l1Block: 2n,
    lineage: HASH,
    blobHashes: [],
    data: encodeBatch([{ timestamp: TIMESTAMP, envelopes: written }]),
  };
  const shown: Partial<L1Source> = {
    finalized: 0n,
    messageCount: BigInt(queued.length),
    record: (index) => (index === 0n ? record : undefined),
    message: (index) => queued[Number(index)] as ReturnType<L1Source["message"]>,
    accumulator: () => HASH,
    onAdvance: () => () => undefined,
  };
  return shown as L1Source;
};

const derive = async ({ chain, store }: Awaited<ReturnType<typeof openNode>>, l1: L1Source): Promise<Chain["head"]> => {
  const follower = createFollower({ ...telemetry(), chain, store, l1 });
  await follower.sync();
  await follower.stop();
  assert.equal(chain.heads.safe, 1n);
  return chain.head;
};

/**
 * A block of a peer names its envelopes, not where they came from. The one who signs it may take for a transaction what
 * L1 says is none, and write the very same bytes to L1.
 */
for (const [what, heard, held] of [
  [
    "a queued transaction over the gas that was declared",
    async () => [{ bytes: await transfer(50_000n) }],
    async () => [{ bytes: await transfer(50_000n), delayed: { kind: "raw", gas: 21_000n } }],
  ],
  [
    "a deposit that the sequencer wrote down once more",
    async () => [
      { bytes: deposit, delayed: { kind: "deposit", gas: 0n } },
      { bytes: deposit, delayed: { kind: "deposit", gas: 0n } },
    ],
    async () => [{ bytes: deposit, delayed: { kind: "deposit", gas: 100_000n } }, { bytes: deposit }],
  ],
  [
    "a deposit that somebody queued as a transaction",
    async () => [{ bytes: deposit, delayed: { kind: "deposit", gas: 0n } }],
    async () => [{ bytes: deposit, delayed: { kind: "raw", gas: 100_000n } }],
  ],
] as readonly [string, () => Promise<InboxEnvelope[]>, () => Promise<InboxEnvelope[]>][])
  test(`a block that was heard is held to L1's rules: ${what}`, async () => {
    const l1 = l1Of(await held());
    const hearing = await openNode();
    const builder = await hearing.chain.begin({ timestamp: TIMESTAMP, origin: ORIGIN });
    for (const envelope of await heard()) assert.equal((await builder.add(envelope)).included, true);
    await builder.seal();
    const deaf = await openNode();
    assert.equal((await derive(hearing, l1)).hash, (await derive(deaf, l1)).hash);
  });

test("a block that was heard and is L1's stays, with what the queue and the sequencer brought", async () => {
  const bytes = await transfer(50_000n);
  const held: InboxEnvelope[] = [
    { bytes: deposit, delayed: { kind: "deposit", gas: 100_000n } },
    { bytes, delayed: { kind: "raw", gas: 50_000n } },
  ];
  const { chain, store } = await openNode();
  const builder = await chain.begin({ timestamp: TIMESTAMP, origin: ORIGIN });
  for (const { bytes: heard } of held)
    await builder.add(heard === deposit ? { bytes: heard, delayed: { kind: "deposit", gas: 0n } } : { bytes: heard });
  const { block } = await builder.seal();
  const removed: bigint[] = [];
  chain.on("rollback", (_, to) => removed.push(to));
  assert.equal((await derive({ chain, store }, l1Of(held))).hash, block.hash);
  assert.deepEqual(removed, []);
});
