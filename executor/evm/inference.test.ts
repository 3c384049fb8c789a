import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { Address } from "@ethereumjs/util";
import { decodeErrorResult, parseAbi } from "viem";
import { AT, buildBlock, funded, openChain, sign } from "../chain/chain.fixture.ts";
import type { Chain } from "../chain/chain.ts";
import { aliasOf, createGenesis } from "../chain/genesis.ts";
import {
  type Bytes,
  concat,
  fromHex,
  type Hex,
  readUintBE,
  toHex,
  uintBE,
  utf8,
  ZERO_32,
} from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import type { ModelRuntime } from "../models/runtime.ts";
import { encodeDeposit } from "../protocol/envelope.ts";
import { INFER_REASON_GAS, type ModelRecord, recordSlot } from "../protocol/model-call.ts";
import { type Content, contentHashOf } from "../protocol/model-content.ts";
import { ADDRESS, DEVNET_PARAMETERS } from "../protocol/parameters.ts";
import { readRecord } from "./inference.ts";

const ID = toHex(uintBE(0xabcdefn, 32));
const UNKNOWN = toHex(uintBE(0x999n, 32));
const LOST = toHex(uintBE(0x777n, 32));
const RECORD: ModelRecord = { gas: 50_000n, inputBytes: 64, outputBytes: 32, operators: 3 };
const META = utf8("what the model is called");
const CONTENT: Content = { root: keccak256(utf8("an artifact")), length: 1001, chunks: 1 };
const encodeContent = ({ root, length, chunks }: Content): Bytes => concat(root, uintBE(length, 4), uintBE(chunks, 4));
const L1_REGISTRY: Hex = "0x00000000000000000000000000000000000011aa";

/** Exact and small: the sum of both words, unless the first byte is 0xff, which stands for an element out of range. */
const sum = (input: Bytes): Bytes | undefined =>
  input[0] === 0xff
    ? undefined
    : uintBE((readUintBE(input.subarray(0, 32)) + readUintBE(input.subarray(32))) % (1n << 256n), 32);

const runtime = (runs: string[] = []): ModelRuntime => ({
  async run(id, input) {
    runs.push(id);
    if (id !== ID) throw new CodedError("MODEL_MISSING", `no artifact of ${id}`, { id });
    return sum(input);
  },
  async admit(id, contentHash) {
    if (contentHash !== contentHashOf(CONTENT))
      throw new CodedError("MODEL_DATA_MISSING", `no artifact with content hash ${contentHash}`, { contentHash });
    return id === ID
      ? { admitted: true, record: RECORD, meta: META }
      : { admitted: false, constraint: "ID", message: "another program" };
  },
  putChunks: () => Promise.reject(new Error("no chunk is kept here")),
  stop: async () => {},
});

const packed = ({ gas, inputBytes, outputBytes, operators }: ModelRecord, callable: bigint): Hex =>
  toHex(
    uintBE(
      (gas << 192n) |
        (BigInt(inputBytes) << 160n) |
        (BigInt(outputBytes) << 128n) |
        (BigInt(operators) << 96n) |
        callable,
      32,
    ),
  );

/** Passes its calldata on with one opcode; returns whether it succeeded, then what came back. */
const forwarder = (opcode: string, target: Hex, hasValue: boolean): Hex =>
  `0x365f5f375f5f365f${hasValue ? "5f" : ""}73${target.slice(2)}5a${opcode}5f523d5f60203e3d6020015ff3`;

const CALLERS = {
  CALL: "0x00000000000000000000000000000000000000f1",
  CALLCODE: "0x00000000000000000000000000000000000000f2",
  DELEGATECALL: "0x000000000000000000000000000000000000f400",
  STATICCALL: "0x00000000000000000000000000000000000000fa",
} as const;

const genesis = createGenesis(
  DEVNET_PARAMETERS,
  {
    ...funded(2),
    ...Object.fromEntries(
      Object.entries(CALLERS).map(([name, address]) => {
        const opcode = { CALL: "f1", CALLCODE: "f2", DELEGATECALL: "f4", STATICCALL: "fa" }[name] as string;
        const code = forwarder(opcode, ADDRESS.infer, name.startsWith("CALL"));
        return [address, { nonce: 1n, code }];
      }),
    ),
    "0x0000000000000000000000000000000000000adc": { nonce: 1n, code: forwarder("f1", ADDRESS.admit, true) },
  },
  { l1ModelRegistry: L1_REGISTRY },
);
const registryCode = genesis.alloc[ADDRESS.modelRegistry];

/** A chain whose registry holds ID, and LOST, whose artifact the node does not have. */
const openWithModel = (models = runtime()) =>
  openChain({
    models,
    genesis: createGenesis(DEVNET_PARAMETERS, {
      ...genesis.alloc,
      [ADDRESS.modelRegistry]: {
        ...registryCode,
        storage: {
          [toHex(recordSlot(fromHex(ID)))]: packed(RECORD, 1n),
          [toHex(recordSlot(fromHex(LOST)))]: packed(RECORD, 1n),
          [toHex(recordSlot(uintBE(5, 32)))]: packed(RECORD, 0n),
        },
      },
    }),
  });

const input = (id: Hex, a = 3n, b = 4n) => concat(fromHex(id), uintBE(a, 32), uintBE(b, 32));
const ask = async (chain: Chain, to: Hex, data: Bytes, gas = 1_000_000n) => {
  const result = await chain.call({ to, data, gas }, chain.head.header.number);
  assert.ok(result.ok, result.error);
  return { ok: readUintBE(result.data.subarray(0, 32)) === 1n, output: result.data.subarray(32), gas: result.gasUsed };
};

test("a model answers the same under every kind of call", async () => {
  const chain = await openWithModel();
  for (const [name, to] of Object.entries(CALLERS)) {
    const { ok, output } = await ask(chain, to, input(ID));
    assert.equal(ok, true, name);
    assert.equal(readUintBE(output), 7n, name);
  }
});

/** Calls INFER with `gas` and returns whether it succeeded, the gas that the call took with its own 100, and what came back. */
const metered = (gas: bigint): Bytes =>
  fromHex(
    `0x365f5f375a5f5f365f5f73${ADDRESS.infer.slice(2)}63${toHex(uintBE(gas, 4)).slice(2)}f1905a9003602052` +
      "5f523d5f60403e3d6040015ff3",
  );
/** Of the instructions between the two readings of the gas. */
const METER_GAS = 2n + 2n * 5n + 2n * 3n + 100n + 3n;

const SOURCE = readFileSync(new URL("../genesis/contracts/interfaces/IInfer.sol", import.meta.url), "utf8");
const INTERFACE = parseAbi(SOURCE.match(/error [^;]+/g) as string[]);

const SHORT: Hex = toHex(uintBE(5, 32));
const REFUSED: readonly (readonly [string, Bytes, string, readonly unknown[]])[] = [
  ["no data", new Uint8Array(0), "MissingModelId", [0n]],
  ["no model id", new Uint8Array(31), "MissingModelId", [31n]],
  ["an unknown model", input(UNKNOWN), "UnknownModel", [UNKNOWN]],
  ["a model that is not callable", input(SHORT), "UnknownModel", [SHORT]],
  ["an id alone", fromHex(ID), "WrongLength", [0n, 64n]],
  ["a byte too few", input(ID).subarray(0, -1), "WrongLength", [63n, 64n]],
  ["a byte too many", concat(input(ID), Uint8Array.of(0)), "WrongLength", [65n, 64n]],
];

test("a refused call says why, the same under every kind of call", async () => {
  const chain = await openWithModel();
  for (const [what, data, errorName, args] of REFUSED)
    for (const to of Object.values(CALLERS)) {
      const { ok, output } = await ask(chain, to, data, 200_000n);
      assert.equal(ok, false);
      const reason = decodeErrorResult({ abi: INTERFACE, data: toHex(output) });
      assert.deepEqual([reason.errorName, reason.args], [errorName, args], what);
    }
});

test("a reason costs 2,100 gas, whatever was given from there on, and one less is out of gas", async () => {
  const chain = await openWithModel();
  const meter = async (data: Bytes, given: bigint) => {
    const overrides = { [CALLERS.CALL]: { code: metered(given) } };
    const result = await chain.call({ to: CALLERS.CALL, data, gas: 10_000_000n, overrides }, 0n);
    assert.ok(result.ok, result.error);
    const [ok, gas] = [0, 32].map((at) => readUintBE(result.data.subarray(at, at + 32))) as [bigint, bigint];
    return { ok: ok === 1n, gas: gas - METER_GAS, output: result.data.subarray(64) };
  };
  for (const [what, data] of REFUSED) {
    const given = [INFER_REASON_GAS, 60_000n, 5_000_000n] as const;
    const [least, more, most] = await Promise.all(given.map((gas) => meter(data, gas)));
    assert.deepEqual([least?.ok, least?.gas], [false, INFER_REASON_GAS], what);
    assert.ok((least?.output.length ?? 0) >= 36, what);
    assert.deepEqual([more, most], [least, least], what);
    assert.deepEqual(await meter(data, INFER_REASON_GAS - 1n), {
      ok: false,
      gas: INFER_REASON_GAS - 1n,
      output: new Uint8Array(0),
    });
  }
  const short = await meter(input(ID), RECORD.gas - 1n);
  assert.deepEqual([short.ok, short.gas, short.output.length], [false, RECORD.gas - 1n, 0], "no gas is no reason");
  assert.deepEqual((await meter(input(ID), RECORD.gas)).gas, RECORD.gas);
});

test("an element out of its interval fails the call, with all the gas it was given", async () => {
  const chain = await openWithModel();
  for (const to of Object.values(CALLERS)) {
    const { ok, output, gas } = await ask(chain, to, input(ID, 0xffn << 248n), 200_000n);
    assert.deepEqual([ok, output.length], [false, 0]);
    assert.ok(gas > 190_000n, `${gas}`);
  }
});

test("gas is the record's, known before the run: exactly enough runs, one less does not", async () => {
  const runs: string[] = [];
  const chain = await openWithModel(runtime(runs));
  const data = input(ID);
  const intrinsic = data.reduce((gas, byte) => gas + (byte === 0 ? 4n : 16n), 21_000n);
  const direct = (gas: bigint) => chain.call({ to: ADDRESS.infer, data, gas }, 0n);
  const enough = await direct(intrinsic + RECORD.gas);
  assert.deepEqual([enough.ok, enough.gasUsed, readUintBE(enough.data)], [true, intrinsic + RECORD.gas, 7n]);
  assert.equal(runs.length, 1);
  const short = await direct(intrinsic + RECORD.gas - 1n);
  assert.deepEqual([short.ok, short.gasUsed, short.error], [false, intrinsic + RECORD.gas - 1n, "out of gas"]);
  assert.equal(runs.length, 1, "a call that cannot pay runs nothing");
});

test("the native precompiles are warm and have no code", async () => {
  const chain = await openWithModel();
  for (const address of [ADDRESS.infer, ADDRESS.admit]) {
    // gas(); extcodesize(address); gas(); return the difference
    const code = fromHex(`0x5a73${address.slice(2)}3b505a90035f5260205ff3`);
    const result = await chain.call({ to: CALLERS.CALL, overrides: { [CALLERS.CALL]: { code } } }, 0n);
    assert.equal(readUintBE(result.data), 100n + 2n + 3n + 2n, address);
  }
});

test("inference in a transaction: a receipt with exact gas, and value that is sent along moves", async () => {
  const chain = await openWithModel();
  const data = toHex(input(ID));
  const { receipts } = await buildBlock(chain, [
    await sign({ nonce: 0, to: ADDRESS.infer, data, value: 5n }),
    await sign({ nonce: 1, to: ADDRESS.infer, data: "0x", value: 5n, gas: 30_000n }),
  ]);
  assert.deepEqual(
    receipts.map(({ status }) => status),
    [1, 0],
  );
  assert.equal(receipts[1]?.gasUsed, 21_000n + INFER_REASON_GAS);
  assert.equal((await chain.stateAt(1n).getAccount(new Address(fromHex(ADDRESS.infer))))?.balance, 5n);
});

test("a node without the artifact of a callable model stops the block; it never fails the call", async () => {
  const chain = await openWithModel();
  const envelope = await sign({ nonce: 0, to: CALLERS.CALL, data: toHex(input(LOST)) });
  const builder = await chain.begin(AT);
  await builder.add({ bytes: await sign({ from: 1, nonce: 0, to: CALLERS.CALL, data: toHex(input(ID)) }) });
  await assert.rejects(builder.add({ bytes: envelope }), { code: "MODEL_MISSING" });
  await assert.rejects(builder.seal(), { code: "CHAIN_BUSY" });
  await assert.rejects(chain.call({ to: CALLERS.STATICCALL, data: input(LOST) }, 0n), { code: "MODEL_MISSING" });
  // The block is gone, the chain is not.
  const { results } = await buildBlock(chain, [
    await sign({ from: 1, nonce: 0, to: CALLERS.CALL, data: toHex(input(ID)) }),
  ]);
  assert.equal(results[0]?.included, true);
  const fresh = await openWithModel();
  await buildBlock(fresh, [await sign({ from: 1, nonce: 0, to: CALLERS.CALL, data: toHex(input(ID)) })]);
  assert.equal(fresh.head.hash, chain.head.hash, "nothing of the stopped block is left");
});

test("a call that cannot pay needs no artifact", async () => {
  const chain = await openWithModel();
  assert.equal((await ask(chain, CALLERS.CALL, input(LOST), 60_000n)).ok, false);
});

test("an output of another length than the record's stops the node", async () => {
  const broken: ModelRuntime = { ...runtime(), run: async () => new Uint8Array(31) };
  const chain = await openWithModel(broken);
  await assert.rejects(chain.call({ to: ADDRESS.infer, data: input(ID) }, 0n), { code: "MODEL_CORRUPT" });
});

const word = (bytes: Bytes) => concat(uintBE(bytes.length, 32), bytes, new Uint8Array((32 - (bytes.length % 32)) % 32));
/** `register` in a deposit from the registry on L1. */
const registration = (n: number, id: Hex, content: Content, name: string, from = aliasOf(L1_REGISTRY)) => {
  const told = [content.root, uintBE(content.length, 32), uintBE(content.chunks, 32)];
  const selector = keccakOf(utf8("register(bytes32,bytes32,uint32,uint32,string)")).subarray(0, 4);
  const data = concat(selector, fromHex(id), ...told, uintBE(160, 32), word(utf8(name)));
  const gas = 2_000_000n;
  const envelope = { from, to: ADDRESS.modelRegistry, mint: 0n, value: 0n, gas, data };
  return {
    bytes: encodeDeposit({ sourceHash: toHex(uintBE(n, 32)), ...envelope }),
    delayed: { kind: "deposit", gas } as const,
  };
};

test("a model that L1 publishes becomes callable, with its record and its schema in the state", async () => {
  const chain = await openChain({ genesis, models: runtime() });
  assert.equal((await ask(chain, CALLERS.CALL, input(ID))).ok, false);
  const { receipts } = await buildBlock(chain, [registration(1, ID, CONTENT, "digits@1.0")]);
  assert.equal(receipts[0]?.status, 1);
  assert.ok((receipts[0]?.logs.length ?? 0) >= 2);
  assert.deepEqual(await readRecord(chain.stateAt(1n), fromHex(ID)), RECORD);
  const answer = await ask(chain, CALLERS.STATICCALL, input(ID));
  assert.deepEqual([answer.ok, readUintBE(answer.output)], [true, 7n]);
  const selector = keccakOf(utf8("metaOf(bytes32)")).subarray(0, 4);
  const meta = await chain.call({ to: ADDRESS.modelRegistry, data: concat(selector, fromHex(ID)) }, 1n);
  assert.ok(meta.ok);
  assert.deepEqual(new Uint8Array(meta.data.subarray(64, 64 + META.length)), META);
});

test("what is not admissible, or not from L1's registry, registers nothing", async () => {
  const chain = await openChain({ genesis, models: runtime() });
  const { receipts } = await buildBlock(chain, [
    registration(1, UNKNOWN, CONTENT, "other@1.0"),
    registration(2, ID, CONTENT, "digits@1.0", "0x00000000000000000000000000000000000000bb"),
  ]);
  assert.deepEqual(
    receipts.map(({ status }) => status),
    [0, 0],
  );
  assert.equal(await readRecord(chain.stateAt(1n), fromHex(UNKNOWN)), undefined);
  assert.equal(await readRecord(chain.stateAt(1n), fromHex(ID)), undefined);
});

test("a node without the bytes of a publication stops", async () => {
  const chain = await openChain({ genesis, models: runtime() });
  const builder = await chain.begin(AT);
  await assert.rejects(builder.add(registration(1, ID, { ...CONTENT, root: ZERO_32 }, "digits@1.0")), {
    code: "MODEL_DATA_MISSING",
  });
  await buildBlock(chain, []);
  assert.equal(chain.head.header.number, 1n);
});

test("only the registry itself may ask for an admission", async () => {
  const chain = await openChain({ genesis, models: runtime() });
  const data = concat(fromHex(ID), encodeContent(CONTENT));
  const stranger = await ask(chain, "0x0000000000000000000000000000000000000adc", data, 200_000n);
  assert.equal(stranger.ok, false);
  assert.ok(stranger.gas > 190_000n);
  const at = async (from: Hex, code: Hex, gas = 100_000n) => {
    const overrides = { [from]: { code: fromHex(code) } };
    const result = await chain.call({ to: from, data, gas, overrides }, 0n);
    return readUintBE(result.data.subarray(0, 32)) === 1n;
  };
  const registry = ADDRESS.modelRegistry;
  assert.equal(await at(registry, forwarder("fa", ADDRESS.admit, false)), true, "STATICCALL");
  assert.equal(await at(registry, forwarder("f1", ADDRESS.admit, true)), true, "CALL");
  assert.equal(await at(registry, forwarder("f4", ADDRESS.admit, false)), false, "DELEGATECALL");
  assert.equal(await at(registry, forwarder("f2", ADDRESS.admit, true)), false, "CALLCODE");
});

test("an admission costs 5,000 and one for each 8 bytes of the artifact", async () => {
  const chain = await openChain({ genesis, models: runtime() });
  // admit with exactly `gas` forwarded; returns success
  const code = (gas: bigint): Hex =>
    `0x365f5f375f5f365f73${ADDRESS.admit.slice(2)}62${gas.toString(16).padStart(6, "0")}fa5f5260205ff3`;
  const at = async (gas: bigint) => {
    const overrides = { [ADDRESS.modelRegistry]: { code: fromHex(code(gas)) } };
    const data = concat(fromHex(ID), encodeContent(CONTENT));
    return readUintBE((await chain.call({ to: ADDRESS.modelRegistry, data, overrides }, 0n)).data);
  };
  assert.equal(await at(5126n), 1n);
  assert.equal(await at(5125n), 0n);
});

test("an artifact that is not on disk is retrieved for a block, at the same gas, and never for a call", async () => {
  const retrieved: Hex[] = [];
  const remote: ModelRuntime = {
    ...runtime(),
    async admit(id, contentHash, pace) {
      if (pace !== undefined) throw new CodedError("MODEL_DATA_MISSING", "a call brings nothing", { contentHash });
      retrieved.push(contentHash);
      return runtime().admit(id, contentHash);
    },
  };
  const [near, far] = await Promise.all([runtime(), remote].map(async (models) => openChain({ genesis, models })));
  const data = concat(fromHex(ID), encodeContent(CONTENT));
  // calls ADMIT with what it was called with
  const code = fromHex(`0x365f5f375f5f365f5f73${ADDRESS.admit.slice(2)}5af100`);
  const overrides = { [ADDRESS.modelRegistry]: { code } };
  await assert.rejects((far as Chain).call({ to: ADDRESS.modelRegistry, data, overrides }, 0n), {
    code: "MODEL_DATA_MISSING",
  });
  assert.deepEqual(retrieved, []);
  const blocks = [];
  for (const chain of [near, far])
    blocks.push(await buildBlock(chain as Chain, [registration(1, ID, CONTENT, "digits@1.0")]));
  assert.deepEqual(retrieved, [contentHashOf(CONTENT)]);
  assert.equal(blocks[0]?.block.hash, blocks[1]?.block.hash);
});
