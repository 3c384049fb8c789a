import assert from "node:assert/strict";
import { after, test } from "node:test";
import { AT, buildBlock, funded, openChain, sign, telemetry } from "../chain/chain.fixture.ts";
import { createGenesis } from "../chain/genesis.ts";
import type { Hex } from "../foundation/bytes.ts";
import { DEVNET_PARAMETERS } from "../protocol/parameters.ts";
import { createRpcServer } from "./server/server.ts";

const LOOP: Hex = "0x00000000000000000000000000000000000000c0";
const LIMIT_MS = 1500;
// for (;;) sstore(0, gas): about the slowest opcodes for their gas.
const genesis = createGenesis(DEVNET_PARAMETERS, { ...funded(1), [LOOP]: { code: "0x5b5a5f555f56" } });
const chain = await openChain({ genesis, calls: { timeoutMs: LIMIT_MS } });
const server = await createRpcServer(
  { backend: { chain, identity: { clientVersion: "assay/test" } }, ...telemetry() },
  { port: 0 },
);
after(() => server.stop());

const request = async (method: string, ...params: unknown[]) => {
  const response = await fetch(server.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const { result, error } = (await response.json()) as { result?: string; error?: { code: number; message: string } };
  return { result, error };
};

test("while calls run up to their time limit, other requests are answered and blocks are built", async () => {
  // Each ends by itself when its 2^24 gas are used: together they outlast the limit.
  let over = 0;
  const long = Array.from({ length: 24 }, () => request("eth_call", { to: LOOP }).finally(() => over++));
  const estimate = request("eth_estimateGas", { to: LOOP });
  await request("eth_chainId");
  for (let i = 0; i < 10; i++) {
    const { result } = await request("eth_blockNumber");
    assert.equal(result, `0x${i.toString(16)}`);
    if (i === 0) assert.equal(over, 0, "an answer comes before any of the calls has ended");
    await buildBlock(chain, [await sign({ nonce: i, to: LOOP, gas: 21_005n })], AT);
  }
  const ended = await Promise.all(long);
  const timeout = { code: -32000, message: "execution aborted (timeout = 1.5s)" };
  const timedOut = ended.filter(({ error }) => error?.message === timeout.message);
  assert.ok(timedOut.length > 0, "the calls were over before their time");
  for (const { error } of timedOut) assert.deepEqual(error, timeout);
  assert.equal((await estimate).error?.code, -32000);
});
