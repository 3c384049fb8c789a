import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { CodedError } from "../../executor/index.ts";
import { askNode } from "./rpc-client.ts";

test("a node that leaves its operator's methods out is asked whether it was told to", async (t) => {
  const server = createServer((_, response) => {
    const error = { code: -32601, message: "the method does not exist" };
    response.end(JSON.stringify({ jsonrpc: "2.0", id: 1, error }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const [method, hinted] of [
    ["admin_peers", true],
    ["eth_chainId", false],
  ] as const)
    await assert.rejects(askNode(url, method), ({ code, message, data }: CodedError) => {
      assert.deepEqual([code, data["rpcCode"]], ["NODE_RPC_ERROR", -32601]);
      assert.equal(message.includes("--rpc-no-admin"), hinted);
      return true;
    });
});
