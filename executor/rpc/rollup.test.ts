import assert from "node:assert/strict";
import { after, test } from "node:test";
import { buildBlock, openChain, telemetry } from "../chain/chain.fixture.ts";
import { type Hex, toHex } from "../foundation/bytes.ts";
import { chainStateAt, outputRootOf } from "../protocol/chain-state.ts";
import type { L1View } from "./backend.ts";
import { createRpcServer } from "./server/server.ts";

const chain = await openChain();
const first = (await buildBlock(chain, [])).block;
const second = (await buildBlock(chain, [])).block;
const third = (await buildBlock(chain, [])).block;
const position = { batch: 1n, cursor: 0, delayed: 0n };
await chain.setSafe(2n, position);
await chain.setFinalized(1n);

type Answer = { readonly result?: Record<string, unknown>; readonly error?: { readonly code: number } };

const serve = async (l1?: L1View) => {
  const backend = { chain, identity: { clientVersion: "assay/test" }, ...(l1 === undefined ? {} : { l1 }) };
  const server = await createRpcServer({ backend, ...telemetry() }, { port: 0 });
  after(() => server.stop());
  return async (method: string, ...params: unknown[]): Promise<Answer> => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const headers = { "content-type": "application/json" };
    return (await fetch(server.url, { method: "POST", body, headers })).json() as Promise<Answer>;
  };
};

const EMPTY_INBOX = { recordCount: 0n, record: () => undefined, depositOf: () => undefined };
const HASH: Hex = `0x${"ab".repeat(32)}`;

test("the heads are told as the chain and L1 have them, under both names", async () => {
  const call = await serve({
    head: { number: 99n, hash: HASH, timestamp: 1_700_000_000n },
    finalized: 35n,
    ...EMPTY_INBOX,
  });
  const { result } = await call("rollup_syncStatus");
  assert.deepEqual((await call("optimism_syncStatus")).result, result);
  assert.deepEqual(result?.["current_l1"], { hash: HASH, number: 99, timestamp: 1_700_000_000 });
  assert.deepEqual(result?.["finalized_l1"], { number: 35 });
  const heads = ["finalized_l2", "safe_l2", "unsafe_l2"].map((name) => result?.[name]);
  assert.deepEqual(
    heads,
    [first, second, third].map(({ hash, header, origin }) => ({
      hash,
      number: Number(header.number),
      parentHash: header.parentHash,
      timestamp: Number(header.timestamp),
      l1origin: { number: Number(origin.number), timestamp: Number(origin.timestamp) },
    })),
  );
  const blind = await serve();
  assert.equal((await blind("rollup_syncStatus")).result?.["current_l1"], null);
});

test("an output is the one that a claim on the block has", async () => {
  const call = await serve();
  const { result } = await call("rollup_outputAtBlock", "0x2");
  assert.deepEqual((await call("optimism_outputAtBlock", "0x2")).result, result);
  const state = chainStateAt(chain, 2n, position);
  assert.equal(result?.["outputRoot"], toHex(outputRootOf(state.stateRoot, state.parentHash)));
  assert.equal(result?.["stateRoot"], second.header.stateRoot);
  assert.equal(result?.["withdrawalStorageRoot"], second.header.stateRoot);
  const reference = result?.["blockRef"] as { readonly hash: Hex } | undefined;
  assert.equal(reference?.hash, second.hash);
  assert.equal((await call("rollup_outputAtBlock", "0x4")).error?.code, -32000);
  assert.equal((await call("rollup_outputAtBlock")).error?.code, -32602);
});
