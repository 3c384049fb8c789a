import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { decodeFunctionResult, encodeDeployData, encodeErrorResult, encodeFunctionData, parseAbi } from "viem";
import { type Bytes, concat, fromHex, type Hex, readUintBE, toHex, uintBE } from "../foundation/bytes.ts";
import { digitClassifier, modelRegistryPredeploy } from "../genesis/predeploys.gen.ts";
import { createModelRuntime, modelRecordOf } from "../models/create-runtime.ts";
import type { ModelRuntime } from "../models/runtime.ts";
import { importOnnx } from "../onnx/import.ts";
import { createAddress } from "../protocol/contract-address.ts";
import { encodeDeposit } from "../protocol/envelope.ts";
import { recordSlot } from "../protocol/model-call.ts";
import { calldataChunk, contentHashOf, contentOf } from "../protocol/model-content.ts";
import { ADDRESS, DEVNET_PARAMETERS } from "../protocol/parameters.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { encodeProgram } from "../tensor/codec.ts";
import { programId } from "../tensor/identity.ts";
import { run as runReference } from "../tensor/reference.ts";
import { AT, accountOf, buildBlock, funded, openChain, sign, telemetry } from "./chain.fixture.ts";
import type { Chain } from "./chain.ts";
import { aliasOf, createGenesis } from "./genesis.ts";

const L1_REGISTRY: Hex = "0x00000000000000000000000000000000000011aa";
const models = new URL("../../test/models/", import.meta.url);
const { program } = importOnnx(readFileSync(new URL("digits.qdq.onnx", models)), { name: "digits" });
const artifact = encodeProgram(program);
const ID = programId(program);
const CHUNK = 50_000;
const chunks = Array.from({ length: Math.ceil(artifact.length / CHUNK) }, (_, i) =>
  artifact.slice(i * CHUNK, (i + 1) * CHUNK),
);
const content = contentOf(chunks.map(calldataChunk));
const contentHash = contentHashOf(content);

const held = readFileSync(new URL("digits-heldout.bin", models));
/** 64 pixels of 0 to 16, and what a person says it is. */
const scan = (i: number) => ({ pixels: new Uint8Array(held.subarray(65 * i, 65 * i + 64)), label: held[65 * i + 64] });
/** The scan as the model's input: float32, little-endian. */
const packed = (pixels: Bytes): Bytes => {
  const bytes = new Uint8Array(4 * pixels.length);
  const view = new DataView(bytes.buffer);
  pixels.forEach((pixel, i) => {
    view.setFloat32(4 * i, pixel, true);
  });
  return bytes;
};

/** Passes its calldata on to INFER with one opcode; returns whether it succeeded, then what came back. */
const forwarder = (opcode: string, hasValue: boolean): Hex =>
  `0x365f5f375f5f365f${hasValue ? "5f" : ""}73${ADDRESS.infer.slice(2)}5a${opcode}5f523d5f60203e3d6020015ff3`;
const CALLERS = {
  CALL: ["0x00000000000000000000000000000000000000f1", forwarder("f1", true)],
  CALLCODE: ["0x00000000000000000000000000000000000000f2", forwarder("f2", true)],
  DELEGATECALL: ["0x000000000000000000000000000000000000f400", forwarder("f4", false)],
  STATICCALL: ["0x00000000000000000000000000000000000000fa", forwarder("fa", false)],
} as const;

const genesis = createGenesis(
  DEVNET_PARAMETERS,
  { ...funded(2), ...Object.fromEntries(Object.values(CALLERS).map(([at, code]) => [at, { nonce: 1n, code }])) },
  { l1ModelRegistry: L1_REGISTRY },
);

const registration = () => {
  const data = encodeFunctionData({
    abi: modelRegistryPredeploy.abi,
    functionName: "register",
    args: [ID, toHex(content.root), content.length, content.chunks, "digits@1.0"],
  });
  const gas = 10_000_000n;
  const bytes = encodeDeposit({
    sourceHash: toHex(uintBE(1, 32)),
    from: aliasOf(L1_REGISTRY),
    to: ADDRESS.modelRegistry,
    mint: 0n,
    value: 0n,
    gas,
    data: fromHex(data),
  });
  return { bytes, delayed: { kind: "deposit", gas } as const };
};

const openRuntime = async (): Promise<ModelRuntime> => {
  const runtime = await createModelRuntime({ ...telemetry(), store: createMemoryStore() });
  assert.equal(await runtime.putChunks(chunks), contentHash);
  return runtime;
};

const classify = async (chain: Chain, contract: Hex, pixels: Bytes) => {
  const data = encodeFunctionData({ abi: digitClassifier.abi, functionName: "predict", args: [toHex(pixels)] });
  const result = await chain.call({ to: contract, data: fromHex(data) }, chain.head.header.number);
  assert.ok(result.ok, result.error);
  const [digit, confidence] = decodeFunctionResult({
    abi: digitClassifier.abi,
    functionName: "predict",
    data: toHex(result.data),
  });
  return { digit, confidence };
};

test("a contract reads handwriting with a model that L1 published; a node without the model stops", async (t) => {
  const runtime = await openRuntime();
  t.after(() => runtime.stop());
  const chain = await openChain({ genesis, models: runtime });
  const { receipts } = await buildBlock(chain, [registration()]);
  assert.equal(receipts[0]?.status, 1);

  await t.test("every kind of call gives the reference interpreter's bytes", async () => {
    const input = packed(scan(0).pixels);
    const { output } = runReference(program, input);
    for (const [name, [to]] of Object.entries(CALLERS)) {
      const result = await chain.call({ to, data: concat(fromHex(ID), input) }, 1n);
      assert.equal(readUintBE(result.data.subarray(0, 32)), 1n, name);
      assert.equal(toHex(result.data.subarray(32)), toHex(output), name);
    }
  });

  await t.test(
    "NaN and infinity are read as the input's bounds, a wrong length fails, under every kind of call",
    async () => {
      const { inputBytes } = modelRecordOf(program);
      const interval = program.operators[0]?.interval;
      assert.ok(interval !== undefined);
      const bounds = [
        [0x7fc00000, Number(interval.lo)],
        [0x7f800000, Number(interval.hi)],
        [0xff800000, Number(interval.lo)],
      ] as const;
      for (const [bits, bound] of bounds) {
        const input = packed(scan(0).pixels);
        new DataView(input.buffer).setUint32(8, bits, true);
        const canonical = packed(scan(0).pixels);
        new DataView(canonical.buffer).setFloat32(8, bound, true);
        const { output } = runReference(program, canonical);
        for (const [to] of Object.values(CALLERS)) {
          const result = await chain.call({ to, data: concat(fromHex(ID), input) }, 1n);
          assert.equal(toHex(result.data), toHex(concat(uintBE(1, 32), output)));
        }
      }
      const short = concat(fromHex(ID), new Uint8Array(inputBytes - 1));
      const reason = { abi: parseAbi(["error WrongLength(uint256,uint256)"]), errorName: "WrongLength" } as const;
      const wrongLength = encodeErrorResult({ ...reason, args: [BigInt(inputBytes - 1), BigInt(inputBytes)] });
      for (const [to] of Object.values(CALLERS)) {
        const result = await chain.call({ to, data: short, gas: 1_000_000n }, 1n);
        assert.equal(toHex(result.data), toHex(concat(new Uint8Array(32), fromHex(wrongLength))));
      }
    },
  );

  await t.test("the record in the state is the program's, and a direct call costs exactly its gas", async () => {
    const { gas, inputBytes, outputBytes, operators } = modelRecordOf(program);
    const record = await chain
      .stateAt(1n)
      .getStorage(
        { bytes: fromHex(ADDRESS.modelRegistry), toString: () => ADDRESS.modelRegistry } as never,
        recordSlot(fromHex(ID)),
      );
    const expected =
      (gas << 192n) | (BigInt(inputBytes) << 160n) | (BigInt(outputBytes) << 128n) | (BigInt(operators) << 96n) | 1n;
    assert.equal(readUintBE(record), expected);
    const data = concat(fromHex(ID), packed(scan(1).pixels));
    const intrinsic = data.reduce((sum, byte) => sum + (byte === 0 ? 4n : 16n), 21_000n);
    const enough = await chain.call({ to: ADDRESS.infer, data, gas: intrinsic + gas }, 1n);
    assert.deepEqual([enough.ok, enough.gasUsed], [true, intrinsic + gas]);
    assert.equal((await chain.call({ to: ADDRESS.infer, data, gas: intrinsic + gas - 1n }, 1n)).ok, false);
  });

  const args = [ID] as const;
  const deploy = encodeDeployData({ abi: digitClassifier.abi, bytecode: digitClassifier.bytecode, args });
  await buildBlock(chain, [await sign({ nonce: 0, data: deploy, gas: 2_000_000n })]);
  const contract = createAddress(fromHex(accountOf(0).address.toLowerCase()), 0n);

  await t.test("digits are read right, in calls and in transactions", async () => {
    let right = 0;
    for (let i = 0; i < 20; i++) {
      const { pixels, label } = scan(i);
      const { digit, confidence } = await classify(chain, contract, pixels);
      assert.ok(confidence > 0n && confidence <= 1_000_000n);
      if (digit === label) right++;
    }
    assert.ok(right >= 18, `${right} of 20`);
    const { pixels, label } = scan(2);
    const data = encodeFunctionData({ abi: digitClassifier.abi, functionName: "classify", args: [toHex(pixels)] });
    const { receipts: classified } = await buildBlock(chain, [
      await sign({ nonce: 1, to: contract, data, gas: 5_000_000n }),
    ]);
    assert.equal(classified[0]?.status, 1);
    assert.equal(readUintBE(fromHex(classified[0]?.logs[0]?.data ?? "0x").subarray(0, 32)), BigInt(label ?? 0));
  });

  await t.test("another node executes the same blocks to the same hashes", async () => {
    const other = await openRuntime();
    const follower = await openChain({ genesis, models: other });
    for (let number = 1n; number <= chain.head.header.number; number++) {
      const block = chain.blockByNumber(number);
      const { gas } = registration().delayed;
      await buildBlock(
        follower,
        (block?.transactions ?? []).map(({ envelope, type }) =>
          type === 0x7e ? { bytes: envelope, delayed: { kind: "deposit", gas } as const } : envelope,
        ),
      );
      assert.equal(follower.head.hash, block?.hash);
    }
    await other.stop();
  });

  await t.test(
    "a node that never got the artifact stops at its publication, one that lost it at its first use",
    async () => {
      const empty = await createModelRuntime({ ...telemetry(), store: createMemoryStore() });
      const poor = await openChain({ genesis, models: empty });
      await assert.rejects((await poor.begin(AT)).add(registration()), { code: "MODEL_DATA_MISSING" });
      const forgetful = await openChain({
        genesis,
        models: { ...runtime, run: (id, input) => empty.run(id, input) },
      });
      await buildBlock(forgetful, [registration()]);
      const data = toHex(concat(fromHex(ID), packed(scan(0).pixels)));
      const builder = await forgetful.begin(AT);
      const use = await sign({ nonce: 0, to: ADDRESS.infer, data, gas: 5_000_000n });
      await assert.rejects(builder.add({ bytes: use }), { code: "MODEL_MISSING" });
      await assert.rejects(builder.seal(), { code: "CHAIN_BUSY" });
      await empty.stop();
    },
  );
});
