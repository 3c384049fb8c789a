import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TransactionSerializable } from "viem";
import {
  createMemoryStore,
  createRpcServer,
  encodeDeposit,
  fromHex,
  type Hex,
  TRANSACTION_GAS_CAP,
} from "../../executor/index.ts";
import { createMempool } from "../../sequencer/index.ts";
import { l2Account, openNodeChain, START, telemetry } from "../support/stage.ts";
import { createValidator, type Schema, type Validator } from "./json-schema.ts";
import type { Exclusion, Suite, SuiteOptions, SuiteResult } from "./suite.ts";

/** Ethereum's OpenRPC document: every answer of a node that has all kinds of transactions must fit it. */

type Method = { readonly name: string; readonly result: { readonly schema: Schema } };
type Document = { readonly methods: readonly Method[] };
type Answer = { readonly result?: unknown; readonly error?: { readonly code: number; readonly message: string } };

/** Stores what it is sent, logs it under topic 7; reverts when called with data. */
const INIT_CODE: Hex = "0x61001880600b5f395ff3fe36156008575f5ffd5b345f555f545f52600760205fa1005b";
const CHAIN_ID = 918273;
const GWEI = 10n ** 9n;

const UNSERVED: Readonly<Record<string, string>> = {
  eth_getBlockAccessList: "no block access lists before Amsterdam",
  debug_getRawBlockAccessList: "no block access lists before Amsterdam",
  eth_coinbase: "the node mines nothing",
  eth_sign: "the node holds no keys",
  eth_signTransaction: "the node holds no keys",
  eth_sendTransaction: "the node holds no keys",
  eth_fillTransaction: "the node holds no keys",
};

const sign = async (from: number, transaction: TransactionSerializable) =>
  fromHex(await l2Account(from).signTransaction({ gas: 200_000n, ...transaction } as TransactionSerializable));

/** A node whose chain holds every kind of transaction, logs, a failure and a creation; two more wait in its pool. */
const startNode = async () => {
  const chain = await openNodeChain(createMemoryStore());
  const pool = createMempool({ chain, ...telemetry() });
  const to = l2Account(7).address;
  const price = { gasPrice: 3n * GWEI };
  const fees = { maxFeePerGas: 3n * GWEI, maxPriorityFeePerGas: GWEI };
  let time = START;
  const block = async (envelopes: readonly Uint8Array[], deposit?: Uint8Array) => {
    const builder = await chain.begin({ timestamp: ++time, origin: { number: 1n, timestamp: START } });
    if (deposit !== undefined) await builder.add({ bytes: deposit, delayed: { kind: "deposit", gas: 100_000n } });
    const results = [];
    for (const bytes of envelopes) results.push(await builder.add({ bytes }));
    const sealed = await builder.seal();
    for (const result of results) if (!result.included) throw new Error(`${result.code}: ${result.message}`);
    return sealed;
  };
  const created = await block([
    await sign(0, { chainId: CHAIN_ID, nonce: 0, data: INIT_CODE, ...fees }),
    await sign(1, { nonce: 0, to, value: 1n, ...price }),
    await sign(1, { chainId: CHAIN_ID, type: "legacy", nonce: 1, to, value: 1n, ...price }),
  ]);
  const contract = created.receipts[0]?.contractAddress as Hex;
  const accessList = [{ address: contract, storageKeys: [`0x${"00".repeat(32)}` as Hex] }];
  const called = await block(
    [
      await sign(1, { chainId: CHAIN_ID, type: "eip2930", nonce: 2, to: contract, value: 4n, accessList, ...price }),
      await sign(0, { chainId: CHAIN_ID, nonce: 1, to: contract, value: 5n, accessList, ...fees }),
      await sign(0, { chainId: CHAIN_ID, nonce: 2, to: contract, data: "0x01", ...fees }),
    ],
    encodeDeposit({
      sourceHash: `0x${"11".repeat(32)}`,
      from: l2Account(3).address.toLowerCase() as Hex,
      to: contract,
      mint: 9n,
      value: 6n,
      gas: 100_000n,
      data: new Uint8Array(),
    }),
  );
  await pool.submit(await sign(0, { chainId: CHAIN_ID, nonce: 3, to, ...fees }));
  await pool.submit(await sign(1, { nonce: 9, to, ...price }));
  const backend = { chain, pool, identity: { clientVersion: "assay/conformance" } };
  const server = await createRpcServer({ backend, ...telemetry() }, { port: 0 });
  return {
    contract,
    created: created.block,
    called: called.block,
    ask: async (body: string): Promise<Answer> => {
      const headers = { "content-type": "application/json" };
      const response = await fetch(server.url, { method: "POST", headers, body });
      return (await response.json()) as Answer;
    },
    async stop() {
      await server.stop();
      await pool.stop();
      await chain.stop();
    },
  };
};
type Node = Awaited<ReturnType<typeof startNode>>;

/** What each method is asked, to see all shapes of its answer. */
const questions = (node: Node): Readonly<Record<string, readonly (readonly unknown[])[]>> => {
  const { contract, called, created } = node;
  const sender = l2Account(0).address;
  const everything = [...created.transactions, ...called.transactions].map(({ hash }) => [hash]);
  const all = { fromBlock: "0x0", toBlock: "latest" };
  const call = { from: sender, to: contract, value: "0x2" };
  return {
    eth_getBlockByHash: [
      [called.hash, true],
      [called.hash, false],
      [`0x${"ab".repeat(32)}`, true],
    ],
    eth_getBlockByNumber: ["0x0", "0x1", "0x2", "latest", "pending", "safe", "finalized", "earliest", "0x99"].flatMap(
      (number) => [
        [number, true],
        [number, false],
      ],
    ),
    eth_getBlockTransactionCountByHash: [[called.hash], [`0x${"ab".repeat(32)}`]],
    eth_getBlockTransactionCountByNumber: [["0x2"], ["0x99"]],
    eth_getBlockReceipts: [["0x0"], ["0x1"], ["0x2"], ["latest"], ["0x99"]],
    eth_chainId: [[]],
    eth_config: [[]],
    eth_syncing: [[]],
    eth_accounts: [[]],
    eth_blockNumber: [[]],
    net_version: [[]],
    eth_call: [
      [call, "latest"],
      [{ to: contract }, "0x1"],
    ],
    eth_estimateGas: [[call], [{ ...call, gas: `0x${TRANSACTION_GAS_CAP.toString(16)}` }, "latest"]],
    eth_gasPrice: [[]],
    eth_baseFee: [[]],
    eth_blobBaseFee: [[]],
    eth_maxPriorityFeePerGas: [[]],
    eth_feeHistory: [
      ["0x5", "latest", [10, 50.5, 90]],
      ["0x1", "0x0", []],
    ],
    eth_newFilter: [[all]],
    eth_newBlockFilter: [[]],
    eth_newPendingTransactionFilter: [[]],
    eth_uninstallFilter: [["0x1"]],
    eth_getLogs: [[all], [{ ...all, address: contract }], [{ blockHash: called.hash }]],
    eth_getBalance: [
      [sender, "latest"],
      [sender, "0x0"],
    ],
    eth_getStorageAt: [
      [contract, "0x0", "latest"],
      [contract, "0x1", called.hash],
    ],
    eth_getStorageValues: [[{ [contract]: ["0x0", "0x1"] }, "latest"]],
    eth_getTransactionCount: [
      [sender, "latest"],
      [sender, "pending"],
    ],
    eth_getCode: [
      [contract, "latest"],
      [sender, "latest"],
    ],
    eth_getProof: [
      [contract, ["0x0", "0x5"], "latest"],
      [`0x${"77".repeat(20)}`, [], "latest"],
    ],
    eth_getTransactionByHash: [...everything, [`0x${"ab".repeat(32)}`]],
    eth_getTransactionByBlockHashAndIndex: [
      [called.hash, "0x1"],
      [called.hash, "0x9"],
    ],
    eth_getTransactionByBlockNumberAndIndex: [
      ["0x1", "0x0"],
      ["0x2", "0x2"],
    ],
    eth_getTransactionReceipt: [...everything, [`0x${"ab".repeat(32)}`]],
    debug_getRawTransaction: everything,
    txpool_status: [[]],
    txpool_content: [[]],
    txpool_contentFrom: [[sender]],
  };
};

/** What Ethereum's document does not know: the OP Stack's deposits, as an unsigned transaction and in receipts. */
const withDeposits = (document: { components: { schemas: Record<string, unknown> } }) => {
  const { schemas } = document.components;
  const quantity = { $ref: "#/components/schemas/uint" };
  const receipt = schemas["ReceiptInfo"] as { properties: Record<string, unknown> };
  receipt.properties["depositNonce"] = quantity;
  receipt.properties["depositReceiptVersion"] = quantity;
  (schemas["TransactionSigned"] as { oneOf: unknown[] }).oneOf.push({
    title: "Deposit",
    type: "object",
    required: ["type", "sourceHash", "mint", "isSystemTx", "nonce", "to", "gas", "value", "input"],
    properties: {
      type: { type: "string", enum: ["0x7e"] },
      sourceHash: { $ref: "#/components/schemas/hash32" },
      mint: quantity,
      isSystemTx: { type: "boolean" },
      nonce: quantity,
      gas: quantity,
      value: quantity,
      input: { $ref: "#/components/schemas/bytes" },
    },
  });
  return document;
};

/** Errors of a node that does not have the chain of the cases; anything else must be as they say. */
const FOREIGN = /^(header not found|unknown block|block range extends|invalid chain id|insufficient funds|filter not)/;

const replay = async (node: Node, fault: Validator, schemas: ReadonlyMap<string, Schema>, directory: string) => {
  const failures: Exclusion[] = [];
  const exclusions: Exclusion[] = [];
  let passed = 0;
  for (const method of readdirSync(directory).filter((name) => /^(eth|net)_/.test(name))) {
    for (const file of readdirSync(join(directory, method))) {
      const lines = readFileSync(join(directory, method, file), "utf8").split("\n");
      const texts = (mark: string) => lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(3));
      const name = `${method}/${file}`;
      for (const [i, request] of texts(">>").entries()) {
        const expected = JSON.parse(texts("<<")[i] as string) as Answer;
        const { result, error } = await node.ask(request);
        if (error !== undefined && expected.error?.code === error.code && expected.error.message === error.message)
          passed++;
        else if (error !== undefined && FOREIGN.test(error.message))
          exclusions.push({ name, reason: `needs the foreign chain: ${error.message}` });
        else if (
          error !== undefined &&
          /^(blob|set-code) transactions are not supported|not supported/.test(error.message.replace(/^.*: /, ""))
        )
          exclusions.push({ name, reason: error.message });
        else if (error !== undefined) failures.push({ name, reason: `error ${error.code}: ${error.message}` });
        else {
          const wrong = fault(schemas.get(method) as Schema, result);
          if (wrong === undefined) passed++;
          else failures.push({ name, reason: wrong });
        }
      }
    }
  }
  return { passed, failures, exclusions };
};

const run = async (directory: string, { filter = "" }: SuiteOptions): Promise<SuiteResult> => {
  const document = withDeposits(JSON.parse(readFileSync(join(directory, "openrpc.merged.json"), "utf8")));
  const fault = createValidator(document);
  const { methods } = document as unknown as Document;
  const schemas = new Map(methods.map(({ name, result }) => [name, result.schema]));
  const node = await startNode();
  try {
    const replayed = await replay(node, fault, schemas, join(directory, "cases"));
    const failures = [...replayed.failures];
    const exclusions = [...replayed.exclusions];
    let passed = replayed.passed;
    const asked = questions(node);
    for (const [name, schema] of schemas) {
      if (!name.includes(filter)) continue;
      for (const [i, params] of (asked[name] ?? []).entries()) {
        const { result, error } = await node.ask(JSON.stringify({ jsonrpc: "2.0", id: i, method: name, params }));
        const wrong = error === undefined ? fault(schema, result) : `error ${error.code}: ${error.message}`;
        if (wrong === undefined) passed++;
        else failures.push({ name: `${name} ${JSON.stringify(params)}`, reason: wrong });
      }
      if (asked[name] !== undefined) continue;
      const { error } = await node.ask(JSON.stringify({ jsonrpc: "2.0", id: 1, method: name, params: [] }));
      if (error?.code === -32601) exclusions.push({ name, reason: UNSERVED[name] ?? "not served" });
    }
    const served = [...schemas.keys()].filter((name) => asked[name] !== undefined).length;
    return { passed, failures, exclusions, notes: [`${served} of ${schemas.size} methods of the document are asked`] };
  } finally {
    await node.stop();
  }
};

export const rpcSuite: Suite = { name: "rpc", folder: "rpc", run };
