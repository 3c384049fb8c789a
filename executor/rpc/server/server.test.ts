import assert from "node:assert/strict";
import { request } from "node:http";
import { after, test } from "node:test";
import { encodeErrorResult, parseAbi } from "viem";
import { WebSocket } from "ws";
import {
  accountOf,
  buildBlock,
  buildFinalBlock,
  initCode,
  openChain,
  sign,
  telemetry,
} from "../../chain/chain.fixture.ts";
import type { Hex } from "../../foundation/bytes.ts";
import { encodeDeposit } from "../../protocol/envelope.ts";
import { ADDRESS } from "../../protocol/parameters.ts";
import { createRpcServer, type RpcServerOptions } from "./server.ts";

/** Called with data it reverts; else it stores the value it is sent in slot 0 and logs it under topic 7. */
const RUNTIME: Hex = "0x36156008575f5ffd5b345f555f545f52600760205fa1005b";
const to = accountOf(3).address.toLowerCase() as Hex;
const chain = await openChain({ keep: 8 });
const first = await buildBlock(chain, [
  await sign({ nonce: 0, data: initCode(RUNTIME) }),
  await sign({ nonce: 1, to, value: 5n }),
]);
const contract = first.receipts[0]?.contractAddress as Hex;
const second = await buildBlock(chain, [await sign({ nonce: 2, to: contract, value: 9n })]);

const REASONS = parseAbi(["error UnknownModel(bytes32)", "error MissingModelId(uint256)"]);

const serve = async (options: Partial<RpcServerOptions> = {}, on = chain) => {
  const components = { backend: { chain: on, identity: { clientVersion: "assay/test" } }, ...telemetry() };
  const server = await createRpcServer(components, { port: 0, ...options });
  after(() => server.stop());
  return { ...server, registry: components.registry };
};
const server = await serve();

type Answer = { id?: unknown; result?: unknown; error?: { code: number; message: string; data?: unknown } };
const post = async (body: string, { url, headers }: { url?: string; headers?: Record<string, string> } = {}) => {
  const response = await fetch(url ?? server.url, {
    method: "POST",
    body,
    headers: headers ?? { "content-type": "application/json" },
  });
  const text = await response.text();
  return { status: response.status, text, headers: response.headers, json: () => JSON.parse(text) as Answer };
};
const call = async (method: string, ...params: unknown[]) =>
  (await post(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }))).json();
const errorOf = async (method: string, ...params: unknown[]) => (await call(method, ...params)).error;
/** Status of a request with headers that `fetch` does not let through. */
const statusOf = (url: string, headers: Record<string, string>) =>
  new Promise<number | undefined>((resolve, reject) => {
    const body = '{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}';
    request(url, { method: "POST", headers: { "content-type": "application/json", ...headers } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on("error", reject)
      .end(body);
  });

test("what is no JSON-RPC request is answered with the error of its kind", async () => {
  const rows: readonly (readonly [string, number, unknown])[] = [
    ["{", -32700, null],
    ["", -32700, null],
    ["1", -32600, null],
    ["null", -32600, null],
    ["[]", -32600, null],
    ['"eth_chainId"', -32600, null],
    ['{"id":7,"method":"eth_chainId"}', -32600, 7],
    ['{"jsonrpc":"1.0","id":7,"method":"eth_chainId"}', -32600, 7],
    ['{"jsonrpc":"2.0","id":7}', -32600, 7],
    ['{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}', -32600, null],
    ['{"jsonrpc":"2.0","id":"a","method":"eth_nope"}', -32601, "a"],
    ['{"jsonrpc":"2.0","id":1,"method":"toString"}', -32601, 1],
    ['{"jsonrpc":"2.0","id":1,"method":"__proto__"}', -32601, 1],
    ['{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}', -32601, 1],
    ['{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":{"a":1}}', -32602, 1],
  ];
  for (const [body, code, id] of rows) {
    const { status, json } = await post(body);
    assert.equal(status, 200, body);
    assert.equal(json().error?.code, code, body);
    assert.equal(json().id, id, body);
  }
  assert.equal((await errorOf("eth_nope"))?.message, "the method eth_nope does not exist/is not available");
});

test("a batch is answered in order, its bad members one by one; notifications are not", async () => {
  const { json } = await post(
    '[{"jsonrpc":"2.0","id":1,"method":"net_version"},5,{"jsonrpc":"2.0","method":"eth_chainId"},{"jsonrpc":"2.0","id":"x","method":"nope"},{"jsonrpc":"2.0","id":null,"method":"eth_chainId"}]',
  );
  const answers = json() as unknown as Answer[];
  assert.deepEqual(
    answers.map(({ id, result, error }) => [id, result ?? error?.code]),
    [
      [1, "918273"],
      [null, -32600],
      ["x", -32601],
      [null, "0xe0301"],
    ],
  );
  assert.equal((await post('{"jsonrpc":"2.0","method":"eth_chainId"}')).text, "");
  assert.equal((await post('[{"jsonrpc":"2.0","method":"eth_chainId"}]')).text, "");
  const many = JSON.stringify(Array.from({ length: 1001 }, (_, id) => ({ jsonrpc: "2.0", id, method: "eth_chainId" })));
  assert.deepEqual((await post(many)).json().error, { code: -32600, message: "batch too large" });
});

test("sizes are bounded: body, answer, number of calls", async () => {
  const small = await serve({ maxBodyBytes: 1_000, dispatcher: { maxResponseBytes: 900 } });
  const pad = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "web3_sha3", params: [`0x${"00".repeat(600)}`] });
  assert.equal((await post(pad, { url: small.url })).status, 413);
  const block = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_getBlockByNumber", params: ["0x1", false] });
  assert.deepEqual((await post(block, { url: small.url })).json().error, {
    code: -32003,
    message: "response too large",
  });
  const heads = `[${Array.from({ length: 3 }, () => '{"jsonrpc":"2.0","id":1,"method":"assay_heads"}').join(",")}]`;
  const answers = (await post(heads, { url: small.url })).json() as unknown as Answer[];
  assert.deepEqual(
    answers.map(({ error }) => error?.code),
    [undefined, undefined, -32003],
  );
});

test("only JSON, only POST, only from where it is allowed", async () => {
  const body = '{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}';
  assert.equal((await post(body, { headers: { "content-type": "text/plain" } })).status, 415);
  assert.equal((await fetch(server.url)).status, 404);
  assert.equal(await statusOf(server.url, { host: "evil.example:8545" }), 403);
  assert.equal(await statusOf(server.url, { host: "localhost:1" }), 200);
  assert.equal(await statusOf(server.url, { origin: "https://evil.example" }), 403);
  const open = await serve({ origins: ["https://good.example"], hosts: "*" });
  assert.equal(await statusOf(open.url, { origin: "https://evil.example" }), 403);
  assert.equal(await statusOf(open.url, { host: "any.example", origin: "https://good.example" }), 200);
  assert.equal((await post(body)).headers.get("access-control-allow-origin"), null);
  const socket = new WebSocket(server.url.replace("http", "ws"), { origin: "https://evil.example" });
  const status = await new Promise((resolve) => {
    socket.on("unexpected-response", (_, response) => resolve(response.statusCode));
    socket.on("error", () => undefined);
  });
  assert.equal(status, 403);
});

test("a taken port is a coded error", async () => {
  await assert.rejects(serve({ port: server.port }), { code: "RPC_PORT_TAKEN" });
});

test("wrong parameters are named", async () => {
  const rows: readonly (readonly [string, unknown[], RegExp])[] = [
    ["eth_getBalance", [], /^missing value for required argument 0$/],
    ["eth_getBalance", [null], /^missing value for required argument 0$/],
    ["eth_getBalance", ["0x12"], /^invalid argument 0: invalid address/],
    ["eth_getBalance", [to, "later"], /^invalid argument 1/],
    ["eth_getBalance", [to, "0x01"], /^invalid argument 1/],
    ["eth_getBalance", [to, "latest", 1], /^too many arguments, want at most 2$/],
    ["eth_getBlockByNumber", [5, false], /^invalid argument 0/],
    ["eth_getBlockByNumber", ["0x1", "yes"], /^invalid argument 1/],
    ["eth_getTransactionByHash", [`0x${"zz".repeat(32)}`], /^invalid argument 0: invalid hash/],
    ["eth_getStorageAt", [to, "0xasdf"], /^invalid hex in storage key: "0xasdf"$/],
    ["eth_getStorageAt", [to, `0x${"0".repeat(65)}`], /^storage key too long \(want at most 32 bytes\): "0x0{65}"$/],
    ["eth_sendRawTransaction", ["0x123"], /^invalid argument 0: cannot unmarshal hex string/],
    ["eth_call", [{ to, data: "0x01", input: "0x02" }], /^invalid argument 0: both "data" and "input"/],
    ["eth_call", [{ to, value: "12" }], /^invalid argument 0 at value: cannot unmarshal hex number/],
    ["eth_call", [{ to, gasPrice: "0x1", maxFeePerGas: "0x1" }], /both gasPrice and/],
    ["eth_call", [{ to, maxFeePerGas: "0x1", maxPriorityFeePerGas: "0x2" }], /maxFeePerGas less than/],
    ["eth_getLogs", [{ fromBlock: "0x0", blockHash: `0x${"11".repeat(32)}` }], /cannot specify both/],
    ["eth_getLogs", [{ fromBlock: "0x2", toBlock: "0x1" }], /^invalid block range params$/],
    ["eth_getLogs", [{ fromBlock: "0x1", toBlock: "0x99" }], /^block range extends beyond current head block$/],
    ["eth_getLogs", [{ topics: [null, null, null, null, null] }], /too many topics/],
    ["eth_feeHistory", ["0x2", "latest", "all"], /^invalid argument 2/],
  ];
  for (const [method, params, message] of rows) {
    const error = await errorOf(method, ...params);
    assert.equal(error?.code, -32602, `${method} ${JSON.stringify(params)}`);
    assert.match(error?.message ?? "", message);
  }
});

test("what is not there: null, empty, or an error where state would be needed", async () => {
  const nowhere = `0x${"ab".repeat(32)}`;
  for (const [method, params] of [
    ["eth_getBlockByHash", [nowhere, true]],
    ["eth_getBlockByNumber", ["0x3e8", true]],
    ["eth_getTransactionByHash", [nowhere]],
    ["eth_getTransactionReceipt", [nowhere]],
    ["eth_getTransactionByBlockNumberAndIndex", ["0x1", "0x9"]],
    ["eth_getBlockTransactionCountByHash", [nowhere]],
    ["eth_getBlockReceipts", ["0x3e8"]],
    ["eth_getUncleCountByBlockHash", [nowhere]],
  ] as const)
    assert.equal((await call(method, ...params)).result, null, method);
  assert.deepEqual(await errorOf("eth_getBalance", to, "0x3e8"), { code: -32000, message: "header not found" });
  assert.deepEqual(await errorOf("eth_getLogs", { blockHash: nowhere }), { code: -32000, message: "unknown block" });
  assert.deepEqual(await errorOf("eth_getFilterChanges", "0x1"), { code: -32000, message: "filter not found" });
  assert.match((await errorOf("eth_sendRawTransaction", "0xc0"))?.message ?? "", /send it to the sequencer$/);
  const word = `0x${"00".repeat(32)}`;
  assert.equal((await call("eth_getStorageAt", `0x${"c1".repeat(20)}`, "0x0")).result, word);
});

test("a refused inference is told with its reason, by call and estimate, through a contract too", async () => {
  const id = `0x${"07".repeat(32)}` as const;
  const shorter = id.slice(0, -2);
  // Hands its data on to INFER, and reverts with what comes back.
  const forwarder = `0x365f5f375f5f365f5f73${ADDRESS.infer.slice(2)}5af1503d5f5f3e3d5ffd`;
  const unknown = {
    code: 3,
    message: `execution reverted: unknown model ${id}`,
    data: encodeErrorResult({ abi: REASONS, errorName: "UnknownModel", args: [id] }),
  };
  const missing = {
    code: 3,
    message: "execution reverted: no model id in 31 bytes of data",
    data: encodeErrorResult({ abi: REASONS, errorName: "MissingModelId", args: [31n] }),
  };
  for (const method of ["eth_call", "eth_estimateGas"])
    for (const [target, overrides] of [
      [ADDRESS.infer, {}],
      [to, { [to]: { code: forwarder } }],
    ] as const) {
      const ask = (data: string) => errorOf(method, { to: target, data }, "latest", overrides);
      assert.deepEqual(await ask(`${id}00`), unknown, method);
      assert.deepEqual(await ask(shorter), missing, method);
    }
  // Of what has not the error's length nothing is said.
  const cut = { [to]: { code: "0x63a2dc06255f526004601cfd" } };
  assert.equal((await errorOf("eth_call", { to }, "latest", cut))?.message, "execution reverted");
});

test("a state that is no longer kept has geth's name", async () => {
  const pruned = await openChain({ keep: 2 });
  for (let i = 0; i < 6; i++) await buildFinalBlock(pruned, []);
  const { url } = await serve({}, pruned);
  for (const method of ["eth_getBalance", "eth_getCode", "eth_getProof"]) {
    const params = method === "eth_getProof" ? [to, [], "0x1"] : [to, "0x1"];
    const { error } = (await post(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }), { url })).json();
    assert.equal(error?.code, -32000);
    assert.match(error?.message ?? "", /^missing trie node/, method);
  }
  const body = { jsonrpc: "2.0", id: 1, method: "eth_call", params: [{ to }, "0x1"] };
  assert.match((await post(JSON.stringify(body), { url })).json().error?.message ?? "", /^missing trie node/);
});

test("a block can be named in every way", async () => {
  const word = `0x${"00".repeat(31)}09`;
  for (const block of [
    "latest",
    "pending",
    "0x2",
    second.block.hash,
    { blockNumber: "0x2" },
    { blockHash: second.block.hash },
    { blockHash: second.block.hash, requireCanonical: true },
    undefined,
    null,
  ])
    assert.equal((await call("eth_getStorageAt", contract, "0x0", block)).result, word, JSON.stringify(block));
  for (const block of ["earliest", "safe", "finalized", "0x0"])
    assert.equal((await call("eth_getBalance", contract, block)).result, "0x0", block);
  assert.equal((await call("eth_getBalance", contract, "0x1")).result, "0x0");
  assert.equal((await call("eth_getBalance", to, { blockHash: first.block.hash })).error, undefined);
});

test("logs are found by address and topics, by range and by block", async () => {
  const topic = `0x${"00".repeat(31)}07`;
  const other = `0x${"11".repeat(32)}`;
  const find = async (filter: object) => ((await call("eth_getLogs", filter)).result as unknown[]).length;
  const all = { fromBlock: "0x0", toBlock: "latest" };
  assert.equal(await find(all), 1);
  assert.equal(await find({ ...all, address: contract.toUpperCase().replace("0X", "0x") }), 1);
  assert.equal(await find({ ...all, address: [to, contract], topics: [[other, topic]] }), 1);
  assert.equal(await find({ ...all, topics: [null] }), 1);
  assert.equal(await find({ ...all, topics: [null, null] }), 0, "a log with one topic has no second");
  assert.equal(await find({ ...all, topics: [other] }), 0);
  assert.equal(await find({ ...all, address: to }), 0);
  assert.equal(await find({ ...all, address: [] }), 1);
  assert.equal(await find({ fromBlock: "0x0", toBlock: "0x1" }), 0);
  assert.equal(await find({}), 1);
  assert.equal(await find({ blockHash: second.block.hash }), 1);
  assert.equal(await find({ blockHash: first.block.hash }), 0);
});

test("one connection serves calls and subscriptions, in order, and frees them when it ends", async () => {
  const live = await openChain();
  const { url, registry } = await serve({}, live);
  const socket = new WebSocket(url.replace("http", "ws"));
  const inbox: (Answer & { params?: { subscription: string; result: Record<string, unknown> } })[] = [];
  const arrived: ((value: unknown) => void)[] = [];
  socket.on("message", (data) => {
    inbox.push(JSON.parse(data.toString()));
    arrived.shift()?.(undefined);
  });
  const next = async () => {
    if (inbox.length === 0) await new Promise((resolve) => arrived.push(resolve));
    return inbox.shift();
  };
  const ask = async (method: string, ...params: unknown[]) => {
    socket.send(JSON.stringify({ jsonrpc: "2.0", id: method, method, params }));
    return next();
  };
  await new Promise((resolve) => socket.on("open", resolve));
  const heads = (await ask("eth_subscribe", "newHeads"))?.result;
  const logs = (await ask("eth_subscribe", "logs", { topics: [[`0x${"00".repeat(31)}07`]] }))?.result;
  assert.match((await ask("eth_subscribe", "moons"))?.error?.message ?? "", /^no "moons" subscription/);
  assert.equal((await ask("eth_subscribe", "logs", { topics: ["0x1"] }))?.error?.code, -32602);
  assert.equal((await ask("eth_unsubscribe", "0x1"))?.error?.message, "subscription not found");
  socket.send("{");
  assert.equal((await next())?.error?.code, -32700);
  const { receipts } = await buildBlock(live, [await sign({ nonce: 0, data: initCode(RUNTIME) })]);
  const created = await next();
  assert.deepEqual([created?.params?.subscription, created?.params?.result["number"]], [heads, "0x1"]);
  const made = receipts[0]?.contractAddress as Hex;
  const { block } = await buildBlock(live, [await sign({ nonce: 1, to: made, value: 3n })]);
  assert.equal((await next())?.params?.result["hash"], block.hash);
  const log = await next();
  assert.deepEqual([log?.params?.subscription, log?.params?.result["address"]], [logs, made]);
  assert.equal((await ask("eth_unsubscribe", heads))?.result, true);
  await live.exclusive(() => live.rollback(1n));
  const removed = await next();
  assert.deepEqual([removed?.params?.subscription, removed?.params?.result["removed"]], [logs, true]);
  const open = async () => (await registry.getSingleMetric("assay_rpc_connections")?.get())?.values[0]?.value;
  assert.equal(await open(), 1);
  const closed = new Promise((resolve) => socket.on("close", resolve));
  socket.send(Buffer.from([1]));
  await closed;
  // The server hears of the end a moment after the client.
  for (let turns = 0; (await open()) !== 0 && turns < 10_000; turns++) await new Promise(setImmediate);
  assert.equal(await open(), 0, "binary messages end the connection");
});

test("a deposit is told in the OP Stack's form", async () => {
  const live = await openChain();
  const { url } = await serve({}, live);
  const ask = async (method: string, ...params: unknown[]) =>
    (await post(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }), { url })).json().result as Record<
      string,
      unknown
    >;
  const from = accountOf(1).address.toLowerCase() as Hex;
  const sourceHash: Hex = `0x${"5a".repeat(32)}`;
  const bytes = encodeDeposit({ sourceHash, from, to, mint: 9n, value: 4n, gas: 50_000n, data: new Uint8Array() });
  await buildBlock(live, [await sign({ from: 1, nonce: 0, to })]);
  const { block } = await buildBlock(live, [{ bytes, delayed: { kind: "deposit", gas: 50_000n } }]);
  const hash = block.transactions[0]?.hash;
  const transaction = await ask("eth_getTransactionByHash", hash);
  for (const [field, value] of Object.entries({
    ...{ type: "0x7e", from, to, sourceHash, mint: "0x9", value: "0x4", gas: "0xc350", gasPrice: "0x0", nonce: "0x1" },
    ...{
      isSystemTx: false,
      depositReceiptVersion: "0x1",
      input: "0x",
      v: "0x0",
      r: "0x0",
      s: "0x0",
      blockNumber: "0x2",
    },
  }))
    assert.equal(transaction[field], value, field);
  const receipt = await ask("eth_getTransactionReceipt", hash);
  for (const [field, value] of Object.entries({
    ...{ type: "0x7e", status: "0x1", depositNonce: "0x1", depositReceiptVersion: "0x1", effectiveGasPrice: "0x0" },
    ...{ gasUsed: "0x5208", cumulativeGasUsed: "0x5208", contractAddress: null },
  }))
    assert.equal(receipt[field], value, field);
});

test("a node tells who it is, how far each head is, and to which L1 block a block refers", async () => {
  assert.equal((await call("web3_clientVersion")).result, "assay/test");
  assert.equal((await call("net_version")).result, "918273");
  assert.equal((await call("net_listening")).result, true);
  assert.equal((await call("net_peerCount")).result, "0x0");
  assert.equal((await call("eth_syncing")).result, false);
  assert.deepEqual((await call("eth_accounts")).result, []);
  const empty = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
  assert.equal((await call("web3_sha3", "0x")).result, empty);
  const head = (block: typeof chain.head) => ({
    number: `0x${block.header.number.toString(16)}`,
    hash: block.hash,
    stateRoot: block.header.stateRoot,
  });
  const genesis = chain.blockByNumber(0n);
  assert.ok(genesis);
  assert.deepEqual((await call("assay_heads")).result, {
    unsafe: head(chain.head),
    safe: head(genesis),
    finalized: head(genesis),
    position: { batch: "0x0", cursor: "0x0", delayed: "0x0" },
  });
  assert.deepEqual((await call("assay_getBlockOrigin", "latest")).result, { number: "0x7", timestamp: "0x6553f100" });
  assert.equal((await errorOf("assay_getBlockOrigin", "0x99"))?.message, "header not found");
});

test("calls are counted by method and outcome; unknown names make no series", async () => {
  const { url, registry } = await serve();
  for (const method of ["eth_chainId", "eth_chainId", "eth_x", "eth_y"])
    await post(JSON.stringify({ jsonrpc: "2.0", id: 1, method }), { url });
  const values = (await registry.getSingleMetric("assay_rpc_requests_total")?.get())?.values ?? [];
  assert.deepEqual(
    values.map(({ labels, value }) => [labels["method"], labels["outcome"], value]),
    [
      ["eth_chainId", "ok", 2],
      ["unknown", "-32601", 2],
    ],
  );
});
