import type { TestContext } from "node:test";
import pino from "pino";
import { Registry } from "prom-client";
import {
  type Bytes,
  createChain,
  createMemoryStore,
  createRpcServer,
  createWorldState,
  type Genesis,
  type Hex,
  type InboxEnvelope,
  keccakOf,
  type ModelRuntime,
  readAccount,
  type TransactionPool,
  toHex,
} from "../../executor/index.ts";

const telemetry = () => ({ logger: pino({ level: "silent" }), registry: new Registry() });

const noModels: ModelRuntime = {
  run: () => Promise.reject(new Error("no model is called here")),
  admit: () => Promise.reject(new Error("no model is admitted here")),
  putChunks: () => Promise.reject(new Error("no chunk is kept here")),
  stop: async () => undefined,
};

/** A chain behind JSON-RPC that makes a block of each transaction as it comes. */
export const startInstantChain = async (t: Pick<TestContext, "after">, genesis: Genesis) => {
  const store = createMemoryStore();
  const chain = await createChain(
    { ...telemetry(), store, world: createWorldState(store, { keep: 64 }), models: noModels },
    { genesis },
  );
  let time = 1_700_000_000n;
  const build = (envelopes: readonly InboxEnvelope[]) =>
    chain.exclusive(async () => {
      const timestamp = ++time;
      const builder = await chain.begin({ timestamp, origin: { number: 1n, timestamp } });
      const results = [];
      for (const envelope of envelopes) results.push(await builder.add(envelope));
      return { ...(await builder.seal()), results };
    });
  const pool: TransactionPool = {
    async submit(envelope: Bytes) {
      const { results } = await build([{ bytes: envelope }]);
      for (const result of results) if (!result.included) throw new Error(`${result.code}: ${result.message}`);
      return toHex(keccakOf(envelope));
    },
    get: () => undefined,
    pendingNonce: async (address: Hex) => (await readAccount(chain.stateAt(chain.head.header.number), address)).nonce,
    status: () => ({ ready: 0, queued: 0 }),
    content: () => [],
    ordinaryTip: 0n,
    onPending: () => () => undefined,
  };
  const backend = { chain, pool, identity: { clientVersion: "assay/test" } };
  const server = await createRpcServer({ backend, ...telemetry() }, { port: 0 });
  t.after(async () => {
    await server.stop();
    await chain.stop();
  });
  return {
    chain,
    url: server.url,
    build,
    /** What a deposit on L1 queued. */
    deliver: (envelope: Bytes, gas: bigint) => build([{ bytes: envelope, delayed: { kind: "deposit", gas } }]),
  };
};
