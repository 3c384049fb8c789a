import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  defineChain,
  fromRlp,
  type Hex,
  hexToBigInt,
  http,
  parseGwei,
  type TransactionSerializableEIP1559,
  webSocket,
} from "viem";
import {
  accountKey,
  type ChainTransaction,
  createMemoryStore,
  createRpcServer,
  fromHex,
  keccak256,
  nextBaseFee,
  type RpcServerOptions,
  rulesAt,
  slotKey,
  uintBE,
  verifyProof,
} from "../../executor/index.ts";
import { createMempool, type MempoolOptions } from "../../sequencer/index.ts";
import { compile } from "../support/solidity.ts";
import { l2Account, openNodeChain, START, telemetry } from "../support/stage.ts";

const counter = compile(
  "Counter",
  `contract Counter {
    event Changed(address indexed by, uint256 value);
    error TooBig(uint256 value);
    uint256 public value;
    function set(uint256 v) external {
      if (v > 100) revert TooBig(v);
      require(v != 13, "unlucky");
      if (v == 99) assert(v == 0);
      value = v;
      emit Changed(msg.sender, v);
    }
    function nested(uint256 depth) external {
      if (depth > 0) this.nested(depth - 1); else value += 1;
    }
    function burn() external pure { while (true) {} }
  }`,
);
const CHAIN_ID = 918273;

/** A node with a pool, whose blocks are built when the test says so, or as soon as a transaction is ready. */
const startNode = async (
  t: TestContext,
  options: { automatic?: boolean; pool?: MempoolOptions } & Partial<RpcServerOptions> = {},
) => {
  const chain = await openNodeChain(createMemoryStore());
  const pool = createMempool({ chain, ...telemetry() }, options.pool);
  let time = START;
  const mine = () =>
    chain.exclusive(async () => {
      await pool.settled();
      const builder = await chain.begin({ timestamp: ++time, origin: { number: 1n, timestamp: START } });
      const selection = pool.select(builder.baseFeePerGas);
      for (let next = selection.next(); next !== undefined; next = selection.next()) {
        const result = await builder.add({ bytes: next.envelope });
        if (result.included) selection.advance(next);
      }
      return (await builder.seal()).block;
    });
  if (options.automatic) pool.onPending(() => void mine());
  const backend = { chain, pool, identity: { clientVersion: "assay/test" } };
  const server = await createRpcServer({ backend, ...telemetry() }, { port: 0, ...options });
  t.after(async () => {
    await server.stop();
    await pool.stop();
    await chain.stop();
  });
  const l2 = defineChain({
    id: CHAIN_ID,
    name: "assay",
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [server.url] } },
  });
  const settings = { chain: l2, transport: http(server.url), pollingInterval: 20, cacheTime: 0 } as const;
  return {
    chain,
    pool,
    mine,
    server,
    l2,
    reader: createPublicClient(settings),
    wallet: (index: number) => createWalletClient({ ...settings, account: l2Account(index) }),
    rpc: async (method: string, ...params: unknown[]) => {
      const response = await fetch(server.url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
      });
      return (await response.json()) as { result?: unknown; error?: { code: number; message: string; data?: string } };
    },
  };
};
type Node = Awaited<ReturnType<typeof startNode>>;

const deploy = async ({ wallet, reader }: Node) => {
  const hash = await wallet(0).deployContract(counter);
  const { contractAddress, status } = await reader.waitForTransactionReceipt({ hash });
  assert.equal(status, "success");
  return contractAddress as Hex;
};

test("viem deploys, writes, reads, and hears events over WebSocket", async (t) => {
  const node = await startNode(t, { automatic: true });
  const address = await deploy(node);
  const socket = createPublicClient({ chain: node.l2, transport: webSocket(node.server.url.replace("http", "ws")) });
  t.after(async () => (await socket.transport.getRpcClient()).close());
  const first = <T>(watch: (resolve: (value: T) => void) => () => void) =>
    new Promise<T>((resolve) => {
      const off = watch((value) => {
        off();
        resolve(value);
      });
    });
  const event = first<readonly { args?: unknown; transactionHash: Hex }[]>((onLogs) =>
    socket.watchContractEvent({
      address,
      abi: counter.abi,
      eventName: "Changed",
      onLogs: (logs) => onLogs(logs as never),
    }),
  );
  const block = first<{ number: bigint }>((onBlock) => socket.watchBlocks({ onBlock }));
  const pending = first<readonly Hex[]>((onTransactions) => socket.watchPendingTransactions({ onTransactions }));
  // Calls of one connection are answered in order: the subscriptions stand when this is answered.
  await socket.getBlockNumber();
  const hash = await node.wallet(0).writeContract({ address, abi: counter.abi, functionName: "set", args: [42n] });
  const [log] = await event;
  assert.equal(log?.transactionHash, hash);
  assert.deepEqual(log?.args, { by: l2Account(0).address, value: 42n });
  assert.equal((await block).number, node.chain.head.header.number);
  assert.deepEqual(await pending, [hash]);
  assert.equal(await node.reader.readContract({ address, abi: counter.abi, functionName: "value" }), 42n);
  assert.deepEqual(
    (await node.reader.getContractEvents({ address, abi: counter.abi, fromBlock: 0n })).map(
      (log) => log.transactionHash,
    ),
    [hash],
  );
});

test("estimates are enough, and one part in 64 too much at most", async (t) => {
  const node = await startNode(t, { automatic: true });
  const address = await deploy(node);
  const { account } = node.wallet(0);
  for (const [functionName, args] of [
    ["set", [1n]],
    ["set", [0n]],
    ["nested", [20n]],
  ] as const) {
    const call = { address, abi: counter.abi, functionName, args, account } as const;
    const gas = await node.reader.estimateContractGas(call);
    await assert.rejects(node.reader.simulateContract({ ...call, gas: (gas * 31n) / 32n }));
    const hash = await node.wallet(0).writeContract({ ...call, gas });
    assert.equal((await node.reader.waitForTransactionReceipt({ hash })).status, "success", functionName);
  }
  assert.equal(await node.reader.estimateGas({ account, to: l2Account(1).address, value: 1n }), 21_000n);
});

test("reverts carry their data: reason, custom error, panic; a failure that is none has its name", async (t) => {
  const node = await startNode(t, { automatic: true });
  const address = await deploy(node);
  const reasonOf = async (value: bigint) => {
    try {
      await node.reader.simulateContract({ address, abi: counter.abi, functionName: "set", args: [value] });
    } catch (error) {
      const cause =
        error instanceof BaseError ? error.walk((one) => one instanceof ContractFunctionRevertedError) : null;
      if (cause instanceof ContractFunctionRevertedError) return [cause.data?.errorName, cause.data?.args];
      throw error;
    }
    return undefined;
  };
  assert.equal(await reasonOf(5n), undefined);
  assert.deepEqual(await reasonOf(101n), ["TooBig", [101n]]);
  assert.deepEqual(await reasonOf(13n), ["Error", ["unlucky"]]);
  assert.deepEqual(await reasonOf(99n), ["Panic", [1n]]);
  const burn = { to: address, data: `0x${Buffer.from(keccak256(Buffer.from("burn()"))).toString("hex", 0, 4)}` };
  assert.deepEqual((await node.rpc("eth_call", burn)).error, { code: -32000, message: "out of gas" });
  assert.deepEqual((await node.rpc("eth_estimateGas", burn)).error, {
    code: -32000,
    message: "gas required exceeds allowance (16777216)",
  });
  const unlucky = { to: address, data: `0x60fe47b1${"0d".padStart(64, "0")}` };
  for (const method of ["eth_call", "eth_estimateGas"]) {
    const { error } = await node.rpc(method, unlucky);
    assert.equal(error?.code, 3);
    assert.equal(error?.message, "execution reverted: unlucky");
    assert.match(error?.data ?? "", /^0x08c379a0/);
  }
  const state = { [address]: { stateDiff: { [`0x${"00".repeat(32)}`]: `0x${"00".repeat(31)}07` } } };
  const value = await node.rpc("eth_call", { to: address, data: "0x3fa4f245" }, "latest", state);
  assert.equal(value.result, `0x${"00".repeat(31)}07`);
});

test("proofs verify against the root of their block", async (t) => {
  const node = await startNode(t, { automatic: true });
  const address = await deploy(node);
  const hash = await node.wallet(0).writeContract({ address, abi: counter.abi, functionName: "set", args: [42n] });
  const { blockNumber } = await node.reader.waitForTransactionReceipt({ hash });
  const slots = [0n, 1n].map((slot) => `0x${slot.toString(16).padStart(64, "0")}` as Hex);
  const proof = await node.reader.getProof({ address, storageKeys: slots, blockNumber });
  const block = await node.reader.getBlock({ blockNumber });
  assert.equal(proof.storageHash, block.stateRoot);
  const read = (rlp: Hex) => {
    const [depth, bitmap, siblings, leaf] = fromRlp(rlp) as [Hex, Hex, Hex[], [] | [Hex, Hex]];
    return {
      depth: depth === "0x" ? 0 : Number(depth),
      bitmap: fromHex(bitmap),
      siblings: siblings.map(fromHex),
      terminal: leaf.length === 0 ? undefined : { key: fromHex(leaf[0]), value: fromHex(leaf[1]) },
    };
  };
  const root = fromHex(block.stateRoot);
  const account = verifyProof(root, accountKey(fromHex(address)), read(proof.accountProof[0] as Hex));
  const preimage = fromHex(fromRlp(proof.accountProof[1] as Hex) as Hex);
  assert.equal(preimage.length, 108);
  assert.deepEqual(account, keccak256(preimage));
  assert.equal(hexToBigInt(`0x${Buffer.from(preimage.subarray(0, 8)).toString("hex")}`), 1n, "the contract's nonce");
  const [set, absent] = proof.storageProof;
  assert.deepEqual(
    verifyProof(root, slotKey(fromHex(address), fromHex(slots[0] as Hex)), read(set?.proof[0] as Hex)),
    uintBE(42, 32),
  );
  assert.equal(set?.value, 42n);
  assert.equal(
    verifyProof(root, slotKey(fromHex(address), fromHex(slots[1] as Hex)), read(absent?.proof[0] as Hex)),
    undefined,
  );
  assert.equal(absent?.value, 0n);
});

test("fee history, gas price and tip follow the blocks", async (t) => {
  const node = await startNode(t);
  const tips = [1n, 5n, 3n].map((gwei) => gwei * 10n ** 9n);
  for (const [index, tip] of tips.entries())
    await node.wallet(index).sendTransaction({
      to: l2Account(7).address,
      value: 1n,
      gas: 21_000n,
      maxFeePerGas: parseGwei("20"),
      maxPriorityFeePerGas: tip,
    });
  await node.mine();
  await node.mine();
  const history = await node.reader.getFeeHistory({ blockCount: 5, rewardPercentiles: [0, 50, 100] });
  assert.equal(history.oldestBlock, 0n);
  assert.deepEqual(history.reward, [[0n, 0n, 0n], [...tips].sort((a, b) => (a < b ? -1 : 1)), [0n, 0n, 0n]]);
  assert.deepEqual(history.gasUsedRatio, [0, 63_000 / 30_000_000, 0]);
  const fees = [0n, 1n, 2n].map((number) => node.chain.blockByNumber(number)?.header.baseFeePerGas);
  assert.deepEqual(history.baseFeePerGas, [
    ...fees,
    nextBaseFee(node.chain.head.header, rulesAt(node.chain.parameters, node.chain.head.header.timestamp)),
  ]);
  assert.equal(await node.reader.estimateMaxPriorityFeePerGas(), 3n * 10n ** 9n);
  assert.equal(
    await node.reader.getGasPrice(),
    nextBaseFee(node.chain.head.header, rulesAt(node.chain.parameters, node.chain.head.header.timestamp)) +
      3n * 10n ** 9n,
  );
  for (const [percentiles, message] of [
    [[50, 10], "invalid reward percentile: #0:50 >= #1:10"],
    [[101], "invalid reward percentile: 101"],
  ])
    assert.deepEqual((await node.rpc("eth_feeHistory", "0x2", "latest", percentiles)).error, { code: -32602, message });
});

test("a refused transaction is answered in geth's words", async (t) => {
  const node = await startNode(t, { pool: { maxPerSender: 3 } });
  const base: TransactionSerializableEIP1559 = {
    type: "eip1559",
    chainId: CHAIN_ID,
    nonce: 0,
    gas: 21_000n,
    to: l2Account(7).address,
    value: 1n,
    maxFeePerGas: parseGwei("10"),
    maxPriorityFeePerGas: parseGwei("1"),
  };
  const send = async (change: Partial<TransactionSerializableEIP1559>, from = 0) =>
    node.rpc("eth_sendRawTransaction", await l2Account(from).signTransaction({ ...base, ...change }));
  assert.match(String((await send({})).result), /^0x[0-9a-f]{64}$/);
  await node.mine();
  assert.match(String((await send({ nonce: 1 })).result), /^0x/);
  const start = async (change: Partial<TransactionSerializableEIP1559>, from = 0) => {
    const { error } = await send(change, from);
    assert.equal(error?.code, -32000);
    return error?.message.split(":")[0];
  };
  const rows: readonly (readonly [Partial<TransactionSerializableEIP1559>, string])[] = [
    [{ nonce: 0, value: 2n }, "nonce too low"],
    [{ nonce: 1 }, "already known"],
    [{ nonce: 1, value: 2n }, "replacement transaction underpriced"],
    [{ nonce: 1, value: 2n, maxFeePerGas: parseGwei("11") }, "replacement transaction underpriced"],
    [{ nonce: 2, gas: 20_999n }, "intrinsic gas too low"],
    [{ nonce: 2, value: 10n ** 22n }, "insufficient funds for gas * price + value"],
    [{ nonce: 2, chainId: 1 }, "invalid chain id for signer"],
    [{ nonce: 2, gas: 2n ** 24n + 1n }, "transaction gas limit too high"],
  ];
  for (const [change, text] of rows) assert.equal(await start(change), text, text);
  assert.equal(await start({ nonce: 0, value: 2n }), "nonce too low", "and the detail tells the nonce that is next");
  assert.match((await send({ nonce: 0, value: 2n })).error?.message ?? "", /next nonce 1, tx nonce 0$/);
  for (const raw of ["0x", "0x01", "0x7e00", "0xc0", "0x02c0", `0x02${"ff".repeat(64)}`])
    assert.equal((await node.rpc("eth_sendRawTransaction", raw)).error?.code, -32000, raw);
  await send({ nonce: 2 });
  await send({ nonce: 3 });
  assert.equal(await start({ nonce: 4 }), "account limit exceeded");
});

test("pending transactions are seen before their block", async (t) => {
  const node = await startNode(t);
  const sender = l2Account(2).address;
  const request = { to: l2Account(7).address, value: 1n, gas: 21_000n, maxFeePerGas: parseGwei("9") } as const;
  const first = await node.wallet(2).sendTransaction(request);
  const gapped = await node.wallet(2).sendTransaction({ ...request, nonce: 4 });
  assert.equal(await node.reader.getTransactionCount({ address: sender, blockTag: "pending" }), 1);
  assert.equal(await node.reader.getTransactionCount({ address: sender }), 0);
  const waiting = await node.reader.getTransaction({ hash: first });
  assert.deepEqual([waiting.blockHash, waiting.blockNumber, waiting.transactionIndex], [null, null, null]);
  assert.deepEqual((await node.rpc("txpool_status")).result, { pending: "0x1", queued: "0x1" });
  const { result } = await node.rpc("txpool_contentFrom", sender);
  const content = result as Record<"pending" | "queued", Record<string, { hash: Hex }>>;
  assert.equal(content.pending["0"]?.hash, first);
  assert.equal(content.queued["4"]?.hash, gapped);
  await assert.rejects(node.reader.getTransactionReceipt({ hash: first }), { name: "TransactionReceiptNotFoundError" });
  await node.mine();
  assert.equal((await node.reader.getTransactionReceipt({ hash: first })).status, "success");
  assert.equal((await node.reader.getTransaction({ hash: first })).transactionIndex, 0);
  assert.deepEqual((await node.rpc("txpool_status")).result, { pending: "0x0", queued: "0x1" });
});

test("filters report once what happened since, removed logs included, and expire", async (t) => {
  let clock = 0;
  const node = await startNode(t, { filters: { lifetimeMs: 1_000, maxFilters: 4, now: () => clock } });
  const create = await node.wallet(0).deployContract({ ...counter, gas: 1_000_000n });
  await node.mine();
  const address = (await node.reader.getTransactionReceipt({ hash: create })).contractAddress as Hex;
  const call = { address, abi: counter.abi, functionName: "set", gas: 100_000n } as const;
  const logs = (await node.rpc("eth_newFilter", { address })).result;
  const blocks = (await node.rpc("eth_newBlockFilter")).result;
  const transactions = (await node.rpc("eth_newPendingTransactionFilter")).result;
  const other = (await node.rpc("eth_newFilter", { topics: [null, `0x${"11".repeat(32)}`] })).result;
  assert.deepEqual((await node.rpc("eth_newBlockFilter")).error, {
    code: -32005,
    message: "too many filters: at most 4",
  });
  const changes = async (id: unknown) => (await node.rpc("eth_getFilterChanges", id)).result as unknown[];
  const hash = await node.wallet(0).writeContract({ ...call, args: [7n] });
  assert.deepEqual(await changes(transactions), [hash]);
  const block = await node.mine();
  assert.deepEqual(await changes(blocks), [block.hash]);
  assert.deepEqual(await changes(blocks), []);
  assert.deepEqual(await changes(other), []);
  const [log] = (await changes(logs)) as { transactionHash: Hex; removed: boolean }[];
  assert.deepEqual([log?.transactionHash, log?.removed], [hash, false]);
  assert.deepEqual(await changes(logs), []);
  const again = (await node.rpc("eth_getFilterLogs", logs)).result as unknown[];
  assert.equal(again.length, 1, "a filter without edges is about the newest block");
  await node.chain.exclusive(() => node.chain.rollback(block.header.number - 1n));
  const [gone] = (await changes(logs)) as { transactionHash: Hex; removed: boolean }[];
  assert.deepEqual([gone?.transactionHash, gone?.removed], [hash, true]);
  assert.equal((await node.rpc("eth_uninstallFilter", other)).result, true);
  assert.equal((await node.rpc("eth_uninstallFilter", other)).result, false);
  clock += 900;
  await changes(blocks);
  clock += 900;
  assert.deepEqual((await node.rpc("eth_getFilterChanges", logs)).error, { code: -32000, message: "filter not found" });
  assert.ok(await changes(blocks));
});

test("the transactions of removed blocks wait in the pool again", async (t) => {
  const node = await startNode(t);
  const hashes: Hex[] = [];
  for (let i = 0; i < 3; i++) {
    hashes.push(
      await node.wallet(1).sendTransaction({
        to: l2Account(7).address,
        nonce: i,
        gas: 21_000n,
        maxFeePerGas: parseGwei("9"),
        maxPriorityFeePerGas: 1n,
      }),
    );
    await node.mine();
  }
  await node.chain.exclusive(() => node.chain.rollback(1n));
  await node.pool.settled();
  assert.deepEqual(node.pool.status(), { ready: 2, queued: 0 });
  const block = await node.mine();
  assert.deepEqual(
    block.transactions.map(({ hash }: ChainTransaction) => hash),
    hashes.slice(1),
  );
});
