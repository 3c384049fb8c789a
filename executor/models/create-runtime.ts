import { createBoundedCache } from "../foundation/bounded-cache.ts";
import { type Bytes, concat, fromHex, type Hex, toHex } from "../foundation/bytes.ts";
import { CodedError, hasCode } from "../foundation/errors.ts";
import { keccakOf } from "../foundation/keccak.ts";
import type { Telemetry } from "../foundation/service.ts";
import type { Admission, ModelRecord } from "../protocol/model-call.ts";
import type { Chunk } from "../protocol/model-content.ts";
import type { KeyValueStore } from "../store/key-value-store.ts";
import type { CodecErrorCode } from "../tensor/codec.ts";
import { violations } from "../tensor/constraints.ts";
import { decodeProgram } from "../tensor/decode.ts";
import { createEngine } from "../tensor/engine.ts";
import { callGas } from "../tensor/gas.ts";
import { programId } from "../tensor/identity.ts";
import type { Program } from "../tensor/program.ts";
import { inputBytesOf, outputBytesOf } from "../tensor/reference.ts";
import { checkProcessor } from "../tensor/selftest.ts";
import { createArtifacts } from "./artifacts.ts";
import { createEngineCache } from "./engine-cache.ts";
import { createModelStore } from "./model-store.ts";
import type { ArtifactSource, ModelContent, ModelErrorCode, ModelPrograms, ModelRuntime } from "./runtime.ts";
import { createRuntimeMetrics } from "./runtime-metrics.ts";

export type ModelRuntimeOptions = {
  /** Bytes of opened models kept ready. */
  readonly cacheBytes?: number;
  /** Bytes of remembered outputs. */
  readonly memoBytes?: number;
  /** Threads of onnxruntime inside one kernel. */
  readonly threads?: number;
  /** From whom artifacts come that should be on disk and are not whole, in order. */
  readonly sources?: readonly ArtifactSource[];
  /** Milliseconds for retrieving one artifact. */
  readonly retrievalMs?: number;
  /** Rest before sources are asked again when one could not be asked; doubled each time. */
  readonly retryMs?: number;
};

const MIB = 2 ** 20;
const ADMISSIONS = 1_024;
/** What a remembered output costs beside its bytes. */
const MEMO_OVERHEAD = 256;

/** What a call of the program costs and how long its input and output are. */
export const modelRecordOf = (program: Program): ModelRecord => {
  const inputBytes = inputBytesOf(program);
  const outputBytes = outputBytesOf(program);
  return {
    gas: callGas(program.gas, inputBytes, outputBytes),
    inputBytes,
    outputBytes,
    operators: program.operators.length,
  };
};

const refused = (constraint: string, message: string): Admission => ({ admitted: false, constraint, message });

/** What the bytes alone are: a refusal, or a well-formed program and its id. */
type Judgement = { readonly id?: Hex; readonly admission: Admission };

const judgeBytes = (artifact: Bytes): Judgement => {
  let program: Program;
  try {
    program = decodeProgram(artifact);
  } catch (error) {
    if (!hasCode<CodecErrorCode>(error, "PROGRAM_MALFORMED") && !hasCode<CodecErrorCode>(error, "PROGRAM_FORMAT"))
      throw error;
    return { admission: refused(String(error.data["constraint"]), error.message) };
  }
  const [broken] = violations(program);
  if (broken !== undefined) return { admission: refused(broken.constraint, broken.message) };
  return {
    id: programId(program),
    // A copy: what is remembered must not hold on to the artifact.
    admission: { admitted: true, record: modelRecordOf(program), meta: concat(program.meta) },
  };
};

const judgeFor = (id: Hex, judgement: Judgement): Admission =>
  judgement.id === undefined || judgement.id === id.toLowerCase()
    ? judgement.admission
    : refused("ID", `the bytes are program ${judgement.id}`);

/** Whether the bytes are a well-formed program of that id. A pure function. */
export const judgeArtifact = (id: Hex, artifact: Bytes): Admission => judgeFor(id, judgeBytes(artifact));

/**
 * The model runtime over a store. Checks the processor first: PROCESSOR_INEXACT when a kernel's answer differs from the
 * definition here.
 */
export const createModelRuntime = async (
  components: Telemetry & { readonly store: KeyValueStore },
  options: ModelRuntimeOptions = {},
): Promise<ModelRuntime & ModelContent & ModelPrograms> => {
  const { logger, registry, store } = components;
  const { cacheBytes = 1024 * MIB, memoBytes = 64 * MIB, threads = 1, sources = [] } = options;
  const { retrievalMs = 600_000, retryMs = 1_000 } = options;
  const check = await checkProcessor();
  logger.info({ ...check }, "the processor computes exactly");
  const stopper = new AbortController();
  const { signal } = stopper;
  const models = createModelStore(store);
  const artifacts = createArtifacts({ ...components, models }, { sources, timeoutMs: retrievalMs, retryMs, signal });
  const admissions = createBoundedCache<Admission>(ADMISSIONS, () => 1);
  /** By content hash: whoever asks with another id pays for it, but its bytes are not read again. */
  const judgements = createBoundedCache<Judgement>(ADMISSIONS, () => 1);
  const memo = createBoundedCache<{ readonly output: Bytes | undefined }>(
    memoBytes,
    ({ output }) => (output?.length ?? 0) + MEMO_OVERHEAD,
  );

  const readProgram = async (id: Hex): Promise<Program> => {
    const contentHash = models.contentHashOf(id);
    const artifact = contentHash === undefined ? undefined : await artifacts.read(contentHash);
    if (artifact === undefined)
      throw new CodedError<ModelErrorCode>("MODEL_MISSING", `this node has no artifact of model ${id}`, { id });
    // INVARIANT: bytes with this content hash were judged to be the program of this id; the store has checked the hash.
    try {
      return decodeProgram(artifact);
    } catch (error) {
      const message = `the stored artifact of model ${id} cannot be decoded`;
      throw new CodedError<ModelErrorCode>("MODEL_CORRUPT", message, { id, contentHash }, error);
    }
  };

  const open = async (id: Hex) => {
    const program = await readProgram(id);
    const started = performance.now();
    const engine = await createEngine(program, { threads }).catch((error: unknown) => {
      // INVARIANT: own kernels give the same answer; a session that cannot be made must not decide what a call gives.
      logger.warn({ err: error, modelId: id }, "onnxruntime does not open a model: own kernels run it");
      return createEngine(program, { prefer: "kernels" });
    });
    logger.debug(
      { modelId: id, bytes: engine.bytes, sessions: engine.sessions, ms: performance.now() - started },
      "opened a model",
    );
    return engine;
  };
  const engines = createEngineCache(cacheBytes, open);
  const metrics = createRuntimeMetrics(registry, () => ({ engines: engines.bytes, outputs: memo.size }));

  const compute = async (id: Hex, input: Bytes): Promise<Bytes | undefined> => {
    metrics.opened.inc({ outcome: engines.has(id) ? "hit" : "miss" });
    return engines.use(id, async (engine) => {
      const started = performance.now();
      const output = await engine.run(input);
      metrics.seconds.observe((performance.now() - started) / 1000);
      return output;
    });
  };

  /** Of an artifact that is whole. */
  const judge = async (contentHash: Hex): Promise<Judgement> => {
    const known = judgements.get(contentHash);
    if (known !== undefined) return known;
    await artifacts.bring(contentHash);
    const judgement = judgeBytes((await artifacts.read(contentHash)) as Bytes);
    judgements.set(contentHash, judgement);
    return judgement;
  };

  /** Whether it is the model of that id; then it is found under it from now on. */
  const adopt = async (id: Hex, contentHash: Hex): Promise<Admission> => {
    const admission = judgeFor(id, await judge(contentHash));
    if (admission.admitted) await models.index(id, contentHash);
    return admission;
  };
  const fitting = (id: Hex) => async (contentHash: Hex) => (await adopt(id, contentHash)).admitted;

  return {
    async run(id, input, pace) {
      if (signal.aborted) throw new CodedError<ModelErrorCode>("MODEL_STOPPED", "the model runtime is stopped", { id });
      const key = toHex(keccakOf(fromHex(id), input));
      const known = memo.get(key);
      if (known !== undefined) {
        metrics.runs.inc({ outcome: "remembered" });
        return known.output === undefined ? undefined : concat(known.output);
      }
      try {
        const output = await artifacts.repairing(async () => {
          if (!engines.has(id)) await artifacts.bringModel(id, fitting(id), pace);
          return compute(id, input);
        });
        metrics.runs.inc({ outcome: output === undefined ? "refused" : "answered" });
        memo.set(key, { output });
        return output === undefined ? undefined : concat(output);
      } catch (error) {
        metrics.runs.inc({ outcome: "failed" });
        throw error;
      }
    },

    program: (id) =>
      artifacts.repairing(async () => {
        await artifacts.bringModel(id, fitting(id), undefined);
        return readProgram(id);
      }),

    async admit(id, contentHash, pace) {
      const key = `${id} ${contentHash}`;
      const known = admissions.get(key);
      if (known !== undefined) return known;
      if (pace !== undefined) artifacts.requireHere(contentHash);
      const admission = await artifacts.repairing(() => adopt(id, contentHash));
      metrics.admissions.inc({ constraint: admission.admitted ? "none" : admission.constraint });
      if (!admission.admitted) logger.warn({ modelId: id, ...admission }, "refused a model");
      admissions.set(key, admission);
      return admission;
    },

    artifact: (contentHash) =>
      artifacts.repairing(async () => {
        await artifacts.bring(contentHash);
        const bytes = (await artifacts.read(contentHash)) as Bytes;
        const chunks = models.keeper.manifest(contentHash) ?? [];
        return { bytes, chunks, chunk: (index) => models.requireChunk(contentHash, chunks[index] as Chunk) };
      }),
    putChunks: (chunks) => models.putChunks(chunks),
    content: models.content,
    artifactLength: models.artifactLength,

    async stop() {
      stopper.abort();
      await artifacts.settled();
      await engines.stop();
    },
  };
};
