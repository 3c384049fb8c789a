import assert from "node:assert/strict";
import { describe, it } from "node:test";
import pino from "pino";
import { Registry } from "prom-client";
import { type Bytes, concat, type Hex, toHex } from "../foundation/bytes.ts";
import { hasCode } from "../foundation/errors.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { calldataChunk, contentHashOf, contentOf } from "../protocol/model-content.ts";
import { COLUMN, type KeyValueStore } from "../store/key-value-store.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createAssembly, type OperatorSpec } from "../tensor/assembly.ts";
import { instruction, map } from "../tensor/builders.ts";
import { encodeProgram } from "../tensor/codec.ts";
import { unpackTensor } from "../tensor/elements.ts";
import { programId } from "../tensor/identity.ts";
import type { Program } from "../tensor/program.ts";
import { createModelRuntime, judgeArtifact, type ModelRuntimeOptions } from "./create-runtime.ts";
import type { ModelErrorCode } from "./runtime.ts";

/** y = x * factor over 8 elements of 0..100. */
const multiplier = (factor: number, meta = new Uint8Array(0)): Program => {
  const assembly = createAssembly();
  const x = assembly.input({ dtype: "i32", output: [8], interval: { lo: 0, hi: 100 } });
  const body = [instruction("MUL", { operand: 0 }, { int: factor })];
  const y = assembly.operator(map("i32", [8], [{ tensor: { ref: x }, stride: [1] }], body) as unknown as OperatorSpec);
  return assembly.finish({ outputs: [y], meta });
};

const chunksOf = (bytes: Bytes, size = 100): Bytes[] => {
  const chunks: Bytes[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return chunks;
};

const open = async (store: KeyValueStore = createMemoryStore(), options: ModelRuntimeOptions = {}) => {
  const registry = new Registry();
  const runtime = await createModelRuntime({ store, registry, logger: pino({ level: "silent" }) }, options);
  const metric = async (name: string): Promise<Record<string, number>> => {
    const values = (await registry.getSingleMetric(name)?.get())?.values ?? [];
    return Object.fromEntries(values.map(({ labels, value }) => [Object.values(labels).join(), value]));
  };
  /** Publishes and admits; the id. */
  const install = async (program: Program): Promise<Hex> => {
    const id = programId(program);
    const contentHash = await runtime.putChunks(chunksOf(encodeProgram(program)));
    const admission = await runtime.admit(id, contentHash);
    assert.equal(admission.admitted, true);
    return id;
  };
  return { runtime, metric, install, store };
};

const inputOf = (value: number): Bytes => new Uint8Array(Int32Array.from({ length: 8 }, () => value).buffer);
const answer = (output: Bytes | undefined): number[] => Array.from(unpackTensor("i32", 8, output as Bytes));
const failsWith = (code: ModelErrorCode) => (error: unknown) => hasCode<ModelErrorCode>(error, code);

describe("the model runtime", () => {
  it("keeps chunks under the hash of their content, admits, and runs", async () => {
    const { runtime, store } = await open();
    const meta = Uint8Array.of(1, 2, 3);
    const program = multiplier(3, meta);
    const bytes = encodeProgram(program);
    const chunks = chunksOf(bytes);
    const contentHash = await runtime.putChunks(chunks);
    assert.equal(contentHash, contentHashOf(contentOf(chunks.map(calldataChunk))));
    const { syncs } = store;
    assert.equal(await runtime.putChunks(chunks), contentHash);
    assert.equal(store.syncs, syncs);
    assert.equal(runtime.artifactLength(contentHash), bytes.length);
    assert.equal(runtime.artifactLength(toHex(new Uint8Array(32))), undefined);
    const admission = await runtime.admit(programId(program), contentHash);
    assert.deepEqual(admission, {
      admitted: true,
      record: {
        gas: 20_000n + BigInt(Math.ceil(program.gas / 64)) + 6n,
        inputBytes: 32,
        outputBytes: 32,
        operators: 2,
      },
      meta,
    });
    assert.deepEqual(answer(await runtime.run(programId(program), inputOf(7))), Array(8).fill(21));
    await runtime.stop();
  });

  it("refuses by constraint or id, and remembers the answer", async () => {
    const { runtime, metric } = await open();
    const program = multiplier(3);
    const id = programId(program);
    const bytes = encodeProgram(program);
    const wrongGas = Uint8Array.from(bytes);
    wrongGas[31] = (wrongGas[31] as number) ^ 1;
    for (const [artifact, wanted, constraint] of [
      [bytes, programId(multiplier(4)), "ID"],
      [bytes.subarray(1), id, "C1"],
      [concat(bytes, Uint8Array.of(0)), id, "C1"],
      [Uint8Array.of(0), id, "C1"],
      [wrongGas, id, "C15"],
    ] as const) {
      const contentHash = await runtime.putChunks(chunksOf(artifact));
      const admission = await runtime.admit(wanted, contentHash);
      assert.equal(admission.admitted ? "none" : admission.constraint, constraint);
      assert.equal(await runtime.admit(wanted, contentHash), admission);
      assert.deepEqual(judgeArtifact(wanted, artifact), admission);
    }
    assert.deepEqual(await metric("assay_models_admissions_total"), { ID: 1, C1: 3, C15: 1 });
    await assert.rejects(runtime.run(id, inputOf(1)), failsWith("MODEL_MISSING"));
    await runtime.stop();
  });

  it("reads an artifact once, with whatever ids it is asked for, and keeps no part of it", async () => {
    const store = createMemoryStore();
    let reads = 0;
    const counting: KeyValueStore = Object.assign(Object.create(store) as KeyValueStore, {
      get: (key: Bytes) => {
        if (key[0] === COLUMN.modelChunk) reads++;
        return store.get(key);
      },
    });
    const { runtime } = await open(counting);
    const program = multiplier(3, new Uint8Array(50));
    const chunks = chunksOf(encodeProgram(program));
    const contentHash = await runtime.putChunks(chunks);
    for (let i = 0; i < 50; i++) {
      const other = toHex(keccakOf(Uint8Array.of(i)));
      const admission = await runtime.admit(other, contentHash);
      assert.equal(admission.admitted ? "none" : admission.constraint, "ID");
    }
    const admission = await runtime.admit(programId(program), contentHash);
    assert.equal(admission.admitted && admission.meta.buffer.byteLength, 50);
    assert.equal(reads, chunks.length);
    assert.deepEqual(answer(await runtime.run(programId(program), inputOf(7))), Array(8).fill(21));
    await runtime.stop();
  });

  it("judges every single-byte change of an artifact without failing", async () => {
    const program = multiplier(5);
    const bytes = encodeProgram(program);
    for (let at = 0; at < bytes.length; at++) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] as number) ^ (1 << (at % 8));
      assert.equal(judgeArtifact(programId(program), changed).admitted, false, `byte ${at}`);
    }
  });

  it("stops the caller when bytes are missing or spoilt", async () => {
    const store = createMemoryStore();
    const first = await open(store);
    const id = await first.install(multiplier(3));
    await assert.rejects(first.runtime.admit(id, toHex(new Uint8Array(32))), failsWith("MODEL_DATA_MISSING"));
    await assert.rejects(first.runtime.run(toHex(new Uint8Array(32)), inputOf(1)), failsWith("MODEL_MISSING"));
    await first.runtime.stop();

    // A node that starts again has the model; one whose disk lost a chunk says so.
    const second = await open(store);
    assert.deepEqual(answer(await second.runtime.run(id, inputOf(2))), Array(8).fill(6));
    await second.runtime.stop();
    const chunk = Uint8Array.of(COLUMN.modelChunk);
    const [key] = [...store.scan({ gte: chunk, lt: Uint8Array.of(COLUMN.modelChunk + 1), limit: 1 })][0] as [
      Bytes,
      Bytes,
    ];
    const value = Uint8Array.from(store.get(key) as Bytes);
    value[0] = (value[0] as number) ^ 1;
    await store.write([{ type: "put", key, value }]);
    const third = await open(store);
    await assert.rejects(third.runtime.run(id, inputOf(2)), failsWith("MODEL_CORRUPT"));
    await store.write([{ type: "del", key }]);
    await assert.rejects(third.runtime.run(id, inputOf(2)), failsWith("MODEL_CORRUPT"));
    await third.runtime.stop();
  });

  it("answers a repeated call from memory, and nobody can change what it remembers", async () => {
    const { runtime, install, metric } = await open();
    const id = await install(multiplier(9));
    const once = (await runtime.run(id, inputOf(4))) as Bytes;
    once.fill(0);
    assert.deepEqual(answer(await runtime.run(id, inputOf(4))), Array(8).fill(36));
    assert.deepEqual(answer(await runtime.run(id, inputOf(101))), Array(8).fill(900));
    assert.equal(await runtime.run(id, inputOf(4).subarray(4)), undefined);
    const runs = await metric("assay_models_runs_total");
    assert.deepEqual(runs, { answered: 2, remembered: 1, refused: 1 });
    await runtime.stop();
  });

  it("forgets the oldest outputs and closes the oldest models within its bounds", async () => {
    const { runtime, install, metric } = await open(createMemoryStore(), { cacheBytes: 100, memoBytes: 600 });
    const ids = [await install(multiplier(2)), await install(multiplier(3)), await install(multiplier(5))];
    for (let round = 0; round < 3; round++)
      for (const [i, id] of ids.entries())
        assert.deepEqual(answer(await runtime.run(id, inputOf(10))), Array(8).fill(10 * ([2, 3, 5][i] as number)));
    const lookups = await metric("assay_models_engine_lookups_total");
    assert.equal(lookups["miss"], 9, "each model was closed before its next call, and its output forgotten");
    assert.ok(((await metric("assay_models_engine_cache_bytes"))[""] as number) <= 100);
    assert.ok(((await metric("assay_models_memo_bytes"))[""] as number) <= 600);
    await Promise.all(Array.from({ length: 30 }, (_, i) => runtime.run(ids[i % 3] as Hex, inputOf(i))));
    await runtime.stop();
    await assert.rejects(runtime.run(ids[0] as Hex, inputOf(1)));
  });
});
