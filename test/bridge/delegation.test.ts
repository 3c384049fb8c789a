import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Abi, encodeErrorResult, encodeFunctionData } from "viem";
import {
  createL1ArtifactSource,
  depositCall,
  depositEnvelope,
  type L1Call,
  l1StandardBridge,
  modelRegistry,
} from "../../bridge/index.ts";
import {
  aliasOf,
  type Bytes,
  type Chunk,
  calldataChunk,
  contentHashOf,
  contentOf,
  createMemoryStore,
  createModelRuntime,
  encodeManifest,
  type Hex,
  keccak256,
  toHex,
} from "../../executor/index.ts";
import { account, startAnvil } from "../support/anvil.ts";
import { bench, eventsOf, SEQUENCER, USER } from "../support/inbox-bench.ts";
import { batchOf, layOut, type Node, startNode, startSender, telemetry, tip, transfer } from "../support/l2-node.ts";
import { compile } from "../support/solidity.ts";

const RELAYER = 7;

/** Makes any calls for anybody, as the account that has its code. */
const WALLET = compile(
  "Wallet",
  `contract Wallet {
    struct Call { address to; uint256 value; bytes data; }
    function execute(Call[] calldata calls) external payable {
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool ok, bytes memory out) = calls[i].to.call{value: calls[i].value}(calls[i].data);
            if (!ok) assembly { revert(add(out, 32), mload(out)) }
        }
    }
}`,
);

/** The calls, made by the code of `by`. */
const through = (by: Hex, ...calls: readonly L1Call[]): L1Call => ({
  to: by,
  value: calls.reduce((sum, { value = 0n }) => sum + value, 0n),
  data: encodeFunctionData({
    abi: WALLET.abi as Abi,
    functionName: "execute",
    args: [calls.map(({ to, data, value = 0n }) => ({ to, value, data }))],
  }),
});

type L1 = Awaited<ReturnType<typeof startAnvil>>;

const walletOn = async (l1: L1): Promise<Hex> => {
  const hash = await l1.wallet(RELAYER).deployContract({ abi: WALLET.abi as Abi, bytecode: WALLET.bytecode });
  return (await l1.client.waitForTransactionReceipt({ hash })).contractAddress as Hex;
};

/** Gives the account the wallet's code by its own signature. */
const delegate = async (l1: L1, index: number, contractAddress: Hex): Promise<Hex> => {
  const { address } = account(index);
  const authorization = await l1.wallet(index).signAuthorization({ contractAddress });
  const hash = await l1
    .wallet(RELAYER)
    .sendTransaction({ to: account(RELAYER).address, authorizationList: [authorization] });
  await l1.client.waitForTransactionReceipt({ hash });
  assert.equal(await l1.client.getCode({ address }), `0xef0100${contractAddress.slice(2).toLowerCase()}`);
  return address.toLowerCase() as Hex;
};

const postCall = (registry: Hex, chunk: Bytes): L1Call => ({
  to: registry,
  data: encodeFunctionData({ abi: modelRegistry.abi, functionName: "post", args: [toHex(chunk)] }),
});

test("an account that delegates deposits as itself, whoever sends the transaction", async (t) => {
  const b = await bench(t);
  const code = await walletOn(b.l1);
  const user = await delegate(b.l1, USER, code);
  const deposit = { to: user, mint: 7n, value: 7n, gas: 100_000n, data: new Uint8Array(0) };
  const asked = depositCall(b.portal, deposit);
  let index = 0n;
  const deposits = async (from: Hex, by: number, call: L1Call) => {
    const { events } = await b.send(by, call);
    const queued = events.find(({ eventName }) => eventName === "MessageQueued");
    assert.ok(queued?.eventName === "MessageQueued");
    assert.equal(queued.args.envelope, toHex(depositEnvelope(b.batchInbox, index++, { from, ...deposit })));
  };
  await deposits(user, USER, asked);
  await deposits(user, USER, through(user, asked));
  await deposits(user, RELAYER, through(user, asked));
  // The wallet is a contract, whatever accounts have its code.
  await deposits(aliasOf(code), RELAYER, through(code, asked));
  // Code that is as long as a delegation, and none: sends its value to the address in its input.
  const stranger: Hex = "0xffffeeeeffffeeeeffffeeeeffffeeeeffffeeee";
  await b.l1.control.setCode({ address: stranger, bytecode: `0x5f5f5f5f345f355af1${"00".repeat(14)}` });
  const { events } = await b.send(RELAYER, {
    to: stranger,
    value: 5n,
    gas: 500_000n,
    data: `0x${"00".repeat(12)}${b.portal.slice(2)}`,
  });
  const [, op] = events;
  assert.ok(op?.eventName === "TransactionDeposited");
  assert.equal(op.args.from.toLowerCase(), aliasOf(stranger));
});

test("the bridge takes an account that delegates for an account", async (t) => {
  const b = await bench(t);
  const code = await walletOn(b.l1);
  const user = await delegate(b.l1, USER, code);
  const sending: L1Call = {
    to: b.l1StandardBridge,
    value: 1n,
    data: encodeFunctionData({ abi: l1StandardBridge.abi, functionName: "bridgeETH", args: [200_000, "0x"] }),
  };
  const { events } = await b.send(RELAYER, through(user, sending));
  assert.ok(events.some(({ eventName }) => eventName === "TransactionDeposited"));
  const refused = encodeErrorResult({ abi: l1StandardBridge.abi, errorName: "OnlyAccount", args: [code] });
  assert.match((await b.refusal(RELAYER, through(code, sending))) ?? "", new RegExp(refused.slice(0, 10)));
});

test("only the sequencer appends; bytes that need not be the input are logged, and no others", async (t) => {
  const b = await bench(t);
  const code = await walletOn(b.l1);
  const names = (events: ReturnType<typeof eventsOf>) => events.map(({ eventName }) => eventName);
  assert.deepEqual(names((await b.send(SEQUENCER, await b.append())).events), ["BatchAppended"]);
  const sequencer = await delegate(b.l1, SEQUENCER, code);
  const data = new Uint8Array(100_000).fill(7);
  const call = await b.append({ data });
  assert.equal(await b.refusal(USER, call), "NotSequencer");
  assert.equal(await b.refusal(USER, through(code, call)), "NotSequencer");
  const { events } = await b.send(RELAYER, through(sequencer, call));
  assert.deepEqual(names(events), ["BatchAppended", "BatchLogged"]);
  const [, logged] = events;
  assert.ok(logged?.eventName === "BatchLogged");
  assert.deepEqual(logged.args, { index: 1n, data: toHex(data) });
  assert.deepEqual(names((await b.send(SEQUENCER, await b.append())).events), ["BatchAppended", "BatchLogged"]);
});

test("chunks that are logged cost what calldata costs", async (t) => {
  const b = await bench(t);
  const code = await walletOn(b.l1);
  const user = await delegate(b.l1, USER, code);
  const chunk = (seed: number) => new Uint8Array(98_304).fill(seed);
  const post = async (from: number, call: L1Call) => {
    const { events, gasUsed } = await b.send(from, call);
    return { names: events.map(({ eventName }) => eventName), gasUsed };
  };
  const plain = await post(RELAYER, postCall(b.modelRegistry, chunk(1)));
  assert.deepEqual(plain.names, ["ChunkPosted"]);
  for (const [seed, from, by] of [
    [2, USER, undefined],
    [3, RELAYER, user],
    [4, RELAYER, code],
  ] as const) {
    const call = postCall(b.modelRegistry, chunk(seed));
    const logged = await post(from, by === undefined ? call : through(by, call));
    assert.deepEqual(logged.names, ["ChunkPosted", "ChunkLogged"]);
    assert.ok(logged.gasUsed >= plain.gasUsed, `${logged.gasUsed} below ${plain.gasUsed}`);
    t.diagnostic(`a logged chunk: ${logged.gasUsed} gas, a plain one: ${plain.gasUsed}`);
  }
  // What is there already is logged no more.
  assert.deepEqual((await post(RELAYER, through(code, postCall(b.modelRegistry, chunk(1))))).names, []);
});

const setUp = async (t: TestContext) => {
  const l1 = await startAnvil(t);
  const code = await walletOn(l1);
  const layout = await layOut(l1);
  await l1.automatic();
  const sequencer = await delegate(l1, SEQUENCER, code);
  await l1.manual();
  const start = async (keepUnsafe: boolean) => {
    const store = createMemoryStore();
    const models = await createModelRuntime({ ...telemetry(), store });
    t.after(() => models.stop());
    return { ...(await startNode(l1, layout, { keepUnsafe, store, models })), models };
  };
  return { l1, layout, code, sequencer, start };
};

const originOf = ({ source: { head } }: Pick<Node, "source">) => {
  assert.ok(head);
  return { number: head.number, timestamp: head.timestamp };
};

test("a node derives batches of a sequencer that delegates, sent by itself, by others, several at once", async (t) => {
  const { l1, layout, sequencer, start } = await setUp(t);
  const builder = await start(true);
  const verifier = await start(false);
  await builder.sync();
  const origin = originOf(builder);
  const calls: L1Call[] = [];
  for (let index = 0n; index < 4n; index++) {
    const { block } = await builder.build([await transfer(0, Number(index))], origin);
    calls.push({ ...batchOf(layout, builder, [block], { index, origin }) });
  }
  const [own, ...others] = calls as [L1Call, ...L1Call[]];
  await startSender(l1, SEQUENCER).land(own);
  const [receipt] = await startSender(l1, RELAYER).land(through(sequencer, ...others));
  assert.equal(eventsOf(receipt?.logs ?? []).filter(({ eventName }) => eventName === "BatchLogged").length, 3);
  await verifier.sync();
  await builder.sync();
  assert.equal(verifier.chain.heads.safe, 4n);
  assert.deepEqual(tip(verifier.chain), tip(builder.chain));
});

test("a contract publishes a model, which a node reads with L1, and later again", async (t) => {
  const { l1, layout, code, start } = await setUp(t);
  const node = await start(false);
  const chunks = [1, 2].map((seed) => new Uint8Array(50_000).fill(seed));
  const hashes = chunks.map(keccak256);
  const registry = layout.contracts.modelRegistry;
  const id: Hex = `0x${"ab".repeat(32)}`;
  const publish: L1Call = {
    to: registry,
    data: encodeFunctionData({
      abi: modelRegistry.abi,
      functionName: "publish",
      args: [id, hashes.map(toHex), 100_000, "", 500_000n],
    }),
  };
  const calls = through(code, ...chunks.map((chunk) => postCall(registry, chunk)), publish);
  await startSender(l1, RELAYER).land(calls);
  await node.sync();
  const listed = chunks.map(calldataChunk);
  const contentHash = contentHashOf(contentOf(listed));
  for (const [i, hash] of hashes.entries())
    assert.deepEqual(await node.models.content("chunk", toHex(hash)), chunks[i]);
  const source = createL1ArtifactSource({ client: l1.client }, { deployment: layout });
  const read = new Map<Hex, Bytes>();
  let manifest: readonly Chunk[] | undefined;
  await source.retrieve(
    contentHash,
    {
      manifest: () => manifest,
      hasChunk: ({ hash }) => read.has(hash),
      putManifest: async (_hash, bytes) => {
        assert.deepEqual(bytes, encodeManifest(listed));
        manifest = listed;
      },
      putChunk: async (hash, bytes) => void read.set(hash, bytes),
      putBlob: () => assert.fail("there are no blobs"),
    },
    AbortSignal.timeout(60_000),
  );
  assert.deepEqual([...read.values()], chunks);
});
