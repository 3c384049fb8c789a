import assert from "node:assert/strict";
import { describe, it } from "node:test";
import pino from "pino";
import { Registry } from "prom-client";
import { type Bytes, type Hex, toHex } from "../foundation/bytes.ts";
import { CodedError, hasCode } from "../foundation/errors.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import type { Pace } from "../foundation/pace.ts";
import { calldataChunk, contentHashOf, contentOf, encodeManifest } from "../protocol/model-content.ts";
import { COLUMN, type KeyValueStore } from "../store/key-value-store.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createAssembly, type OperatorSpec } from "../tensor/assembly.ts";
import { instruction, map } from "../tensor/builders.ts";
import { encodeProgram } from "../tensor/codec.ts";
import { programId } from "../tensor/identity.ts";
import { createModelRuntime, type ModelRuntimeOptions } from "./create-runtime.ts";
import { createModelStore } from "./model-store.ts";
import type { ArtifactKeeper, ArtifactSource, ModelErrorCode, ModelPrograms } from "./runtime.ts";

/** y = x * factor over 8 elements, as it is published. */
const publicationOf = (factor: number) => {
  const assembly = createAssembly();
  const x = assembly.input({ dtype: "i32", output: [8], interval: { lo: 0, hi: 100 } });
  const body = [instruction("MUL", { operand: 0 }, { int: factor })];
  const y = assembly.operator(map("i32", [8], [{ tensor: { ref: x }, stride: [1] }], body) as unknown as OperatorSpec);
  const program = assembly.finish({ outputs: [y], meta: new Uint8Array(0) });
  return { id: programId(program), ...piecesOf(encodeProgram(program)) };
};
const piecesOf = (artifact: Bytes, size = 50) => {
  const chunks = new Map<Hex, Bytes>();
  for (let at = 0; at < artifact.length; at += size) {
    const chunk = artifact.subarray(at, at + size);
    chunks.set(toHex(keccak256(chunk)), chunk);
  }
  const listed = [...chunks.values()].map(calldataChunk);
  return { artifact, chunks, manifest: encodeManifest(listed), contentHash: contentHashOf(contentOf(listed)) };
};
type Publication = ReturnType<typeof piecesOf>;
const MODEL = publicationOf(3);
const INPUT = new Uint8Array(Int32Array.from({ length: 8 }, () => 7).buffer);
const OUTPUT = new Uint8Array(Int32Array.from({ length: 8 }, () => 21).buffer);

const sourceOf = (
  publications: readonly Publication[],
  options: { readonly name?: string; readonly has?: (hash: Hex) => boolean } & Pick<ArtifactSource, "locate"> = {},
) => {
  const { has = () => true, name = "archive", ...rest } = options;
  const given: Hex[] = [];
  const source: ArtifactSource = {
    ...rest,
    name,
    async retrieve(contentHash, keeper) {
      const publication = publications.find((one) => one.contentHash === contentHash);
      if (publication === undefined) return;
      if (keeper.manifest(contentHash) === undefined) await keeper.putManifest(contentHash, publication.manifest);
      for (const chunk of keeper.manifest(contentHash) ?? []) {
        const { hash } = chunk;
        if (keeper.hasChunk(chunk) || !has(hash)) continue;
        given.push(hash);
        await keeper.putChunk(hash, publication.chunks.get(hash) as Bytes);
      }
    },
  };
  return { source, given };
};

const open = (store: KeyValueStore, options: ModelRuntimeOptions) =>
  createModelRuntime(
    { store, registry: new Registry(), logger: pino({ level: "silent" }) },
    { retryMs: 1, retrievalMs: 5_000, ...options },
  );
const lengthOf = async (runtime: ModelPrograms, contentHash: Hex): Promise<number> =>
  (await runtime.artifact(contentHash)).bytes.length;
const failsWith = (code: ModelErrorCode) => (error: unknown) => hasCode<ModelErrorCode>(error, code);
const isCallTimeout = (error: unknown) => hasCode(error, "CALL_TIMEOUT");

/** Of a call that has no time left. */
const hurried: Pace = {
  pause: () => undefined,
  within: (work) =>
    Promise.race([work, new Promise<never>((_, reject) => setImmediate(reject, new CodedError("CALL_TIMEOUT", "")))]),
};

const keysOf = (store: KeyValueStore, column: number): Bytes[] =>
  [...store.scan({ gte: Uint8Array.of(column), lt: Uint8Array.of(column + 1) })].map(([key]) => key);

/** A store that has admitted the model, whole. */
const installed = async (): Promise<KeyValueStore> => {
  const store = createMemoryStore();
  const runtime = await open(store, {});
  await runtime.putChunks([...MODEL.chunks.values()]);
  assert.equal((await runtime.admit(MODEL.id, MODEL.contentHash)).admitted, true);
  await runtime.stop();
  return store;
};
const forget = (store: KeyValueStore, ...columns: readonly number[]) =>
  store.write(columns.flatMap((column) => keysOf(store, column)).map((key) => ({ type: "del", key }) as const));

describe("retrieving artifacts", () => {
  it("admits and runs what was not here, from the sources in order, once for all who wait", async () => {
    const store = createMemoryStore();
    const half = new Set([...MODEL.chunks.keys()].filter((_, i) => i % 2 === 0));
    const first = sourceOf([MODEL], { has: (hash) => half.has(hash) });
    const second = sourceOf([MODEL]);
    const runtime = await open(store, { sources: [sourceOf([]).source, first.source, second.source] });
    assert.equal(runtime.artifactLength(MODEL.contentHash), undefined);
    const [length, admission] = await Promise.all([
      lengthOf(runtime, MODEL.contentHash),
      runtime.admit(MODEL.id, MODEL.contentHash),
    ]);
    assert.equal(length, MODEL.artifact.length);
    assert.equal(runtime.artifactLength(MODEL.contentHash), length);
    assert.equal(admission.admitted, true);
    assert.deepEqual(new Set(first.given), half);
    assert.equal(first.given.length + second.given.length, MODEL.chunks.size);
    assert.deepEqual(await runtime.run(MODEL.id, INPUT), OUTPUT);
    assert.deepEqual(runtime.content("manifest", MODEL.contentHash), MODEL.manifest);
    for (const [hash, chunk] of MODEL.chunks) assert.deepEqual(runtime.content("chunk", hash), chunk);
    assert.equal(runtime.content("manifest", MODEL.id), undefined);
    assert.equal(keysOf(store, COLUMN.manifest).length, 0);
    await runtime.stop();
  });

  it("goes on after a restart where it was, and shows no part as a whole", async () => {
    const store = createMemoryStore();
    const [lost] = MODEL.chunks.keys();
    const poor = sourceOf([MODEL], { has: (hash) => hash !== lost });
    const first = await open(store, { sources: [poor.source] });
    await assert.rejects(first.admit(MODEL.id, MODEL.contentHash), (error) => {
      assert.ok(hasCode<ModelErrorCode>(error, "MODEL_DATA_MISSING"));
      assert.match(String(error.data["tried"]), /archive: 1 chunks missing/);
      return true;
    });
    assert.equal(first.artifactLength(MODEL.contentHash), undefined);
    assert.deepEqual(first.content("manifest", MODEL.contentHash), MODEL.manifest);
    await first.stop();
    const rich = sourceOf([MODEL]);
    const second = await open(store, { sources: [rich.source] });
    assert.equal(await lengthOf(second, MODEL.contentHash), MODEL.artifact.length);
    assert.deepEqual(rich.given, [lost]);
    await second.stop();
    // A crash behind the last chunk, before the record: the next life needs nobody.
    await forget(store, COLUMN.artifact);
    await createModelStore(store).keeper.putManifest(MODEL.contentHash, MODEL.manifest);
    const third = await open(store, {});
    assert.equal(third.artifactLength(MODEL.contentHash), undefined);
    assert.equal(await lengthOf(third, MODEL.contentHash), MODEL.artifact.length);
    await third.stop();
  });

  it("replaces spoilt and lost chunks, and gives up on a disk that spoils them again", async () => {
    const store = await installed();
    const [spoilt, lost] = keysOf(store, COLUMN.modelChunk) as [Bytes, Bytes];
    const spoil = () =>
      store.write([
        { type: "put", key: spoilt, value: Uint8Array.of(1) },
        { type: "del", key: lost },
      ]);
    await spoil();
    const nobody = await open(store, { sources: [sourceOf([]).source] });
    await assert.rejects(nobody.run(MODEL.id, INPUT), failsWith("MODEL_CORRUPT"));
    assert.equal(nobody.artifactLength(MODEL.contentHash), undefined, "what is known not to be whole has no record");
    await nobody.stop();

    const archive = sourceOf([MODEL]);
    const runtime = await open(store, { sources: [archive.source] });
    assert.deepEqual(await runtime.run(MODEL.id, INPUT), OUTPUT);
    assert.deepEqual(new Set(archive.given), new Set([spoilt, lost].map((key) => toHex(key.subarray(1)))));
    await runtime.stop();

    await spoil();
    const { source } = sourceOf([MODEL]);
    const spoiling: ArtifactSource = {
      name: "spoiling",
      async retrieve(...args) {
        await source.retrieve(...args);
        await spoil();
        // What is gone would be noticed before it is read.
        await store.write([{ type: "put", key: lost, value: Uint8Array.of(1) }]);
      },
    };
    const broken = await open(store, { sources: [spoiling] });
    await assert.rejects(broken.admit(MODEL.id, MODEL.contentHash), failsWith("MODEL_CORRUPT"));
    await broken.stop();
  });

  it("finds a model that is in no index by what L1 knows under its id", async () => {
    const garbage = piecesOf(Uint8Array.of(1, 2, 3));
    const other = publicationOf(4);
    const located: Hex[] = [];
    const { source } = sourceOf([garbage, other, MODEL], {
      name: "l1",
      async locate(id) {
        located.push(id);
        return [garbage, other, publicationOf(5), MODEL].map(({ contentHash }) => contentHash);
      },
    });
    const store = createMemoryStore();
    const runtime = await open(store, { sources: [source] });
    assert.deepEqual(await runtime.run(MODEL.id, INPUT), OUTPUT);
    await runtime.stop();
    const again = await open(store, { sources: [source] });
    assert.deepEqual(await again.run(MODEL.id, INPUT), OUTPUT);
    assert.deepEqual(located, [MODEL.id], "it is in the index from then on");
    const unknown = toHex(keccakOf(INPUT));
    await assert.rejects(again.run(unknown, INPUT), failsWith("MODEL_MISSING"));
    await again.stop();
  });

  it("asks again when a source could not be asked", async () => {
    const { source } = sourceOf([MODEL]);
    let failures = 3;
    const flaky: ArtifactSource = {
      ...source,
      async retrieve(...args) {
        if (failures-- > 0) throw new Error("no connection");
        await source.retrieve(...args);
      },
    };
    const runtime = await open(createMemoryStore(), { sources: [flaky] });
    assert.equal(await lengthOf(runtime, MODEL.contentHash), MODEL.artifact.length);
    await runtime.stop();
  });

  it("waits no longer than its time, a call no longer than its own, a node that stops not at all", async () => {
    let asked = 0;
    const silent: ArtifactSource = {
      name: "silent",
      retrieve: (_hash, _keeper, signal) =>
        new Promise((_, reject) => {
          asked++;
          signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        }),
    };
    const store = await installed();
    await forget(store, COLUMN.artifact, COLUMN.manifest);
    const slow = await open(store, { sources: [silent], retrievalMs: 20 });
    await assert.rejects(slow.run(MODEL.id, INPUT), failsWith("MODEL_MISSING"));
    await slow.stop();

    const runtime = await open(store, { sources: [silent] });
    asked = 0;
    await assert.rejects(runtime.run(MODEL.id, INPUT, hurried), isCallTimeout);
    // The state of a call may be made up: nobody is asked for what was never admitted here.
    await assert.rejects(runtime.run(toHex(keccakOf(INPUT)), INPUT, hurried), failsWith("MODEL_MISSING"));
    assert.equal(asked, 1);
    const waiting = assert.rejects(runtime.run(MODEL.id, INPUT), failsWith("MODEL_STOPPED"));
    await runtime.stop();
    await waiting;
    assert.equal(asked, 1, "who waits for the same waits together");
    await assert.rejects(runtime.run(MODEL.id, INPUT), failsWith("MODEL_STOPPED"));
    await runtime.stop();
  });

  it("keeps nothing of a source that another hash belongs to, or that L1 would not take", async () => {
    const { keeper } = createModelStore(createMemoryStore());
    const refusals: readonly ((keeper: ArtifactKeeper) => Promise<void>)[] = [
      ({ putManifest }) => putManifest(MODEL.contentHash, MODEL.manifest.subarray(32)),
      ({ putManifest }) => putManifest(toHex(keccak256(new Uint8Array(0))), new Uint8Array(0)),
      ({ putManifest }) => putManifest(toHex(keccak256(INPUT)), INPUT.subarray(0, 31)),
      ({ putManifest }) => {
        const long = new Uint8Array(32 * 4_097);
        return putManifest(toHex(keccak256(long)), long);
      },
      ({ putChunk }) => putChunk(MODEL.id, INPUT),
      ({ putChunk }) => {
        const long = new Uint8Array(100_001);
        return putChunk(toHex(keccak256(long)), long);
      },
    ];
    for (const attempt of refusals) await assert.rejects(attempt(keeper), failsWith("MODEL_CORRUPT"));
    assert.equal(keeper.manifest(MODEL.contentHash), undefined);
  });
});
