import type { Bytes, Hex } from "../foundation/bytes.ts";
import { CodedError, hasCode } from "../foundation/errors.ts";
import type { Pace } from "../foundation/pace.ts";
import type { Telemetry } from "../foundation/service.ts";
import type { ModelStore } from "./model-store.ts";
import { createRetrieval, type RetrievalOptions } from "./retrieval.ts";
import type { ModelErrorCode } from "./runtime.ts";

/** Times that an artifact is read: a disk that spoils it each time is not to be trusted. */
const READS = 3;

const MISSING = {
  MODEL_MISSING: (hash: Hex) => `this node has no artifact of model ${hash}`,
  MODEL_DATA_MISSING: (hash: Hex) => `this node has no artifact with content hash ${hash}`,
} as const;

type Lack = {
  readonly code: keyof typeof MISSING;
  /** The model's id, or the content hash. */
  readonly hash: Hex;
  /** Who was asked and what came of it. */
  readonly tried: string;
};

/** Artifacts on disk, brought there when they are not whole. */
export const createArtifacts = (components: Telemetry & { readonly models: ModelStore }, options: RetrievalOptions) => {
  const { models, logger } = components;
  const { signal, sources } = options;
  const retrieval = createRetrieval(components, options);

  const lack = ({ code, hash, tried }: Lack): CodedError<ModelErrorCode> =>
    signal.aborted
      ? new CodedError("MODEL_STOPPED", "the model runtime is stopped", { hash })
      : new CodedError(code, `${MISSING[code](hash)} (${tried})`, { hash, tried });

  const isWhole = (contentHash: Hex): boolean => models.artifactLength(contentHash) !== undefined;

  const bring = async (contentHash: Hex, code: Lack["code"], hash: Hex): Promise<void> => {
    if (isWhole(contentHash)) return;
    const tried = await retrieval.retrieve(contentHash);
    if (tried !== undefined) throw lack({ code, hash, tried });
  };

  return {
    /** MODEL_DATA_MISSING unless the artifact is whole on disk when it resolves. */
    bring: (contentHash: Hex): Promise<void> => bring(contentHash, "MODEL_DATA_MISSING", contentHash),

    /** MODEL_DATA_MISSING unless the artifact is whole on disk now. */
    requireHere(contentHash: Hex): void {
      if (!isWhole(contentHash))
        throw lack({ code: "MODEL_DATA_MISSING", hash: contentHash, tried: "a call brings nothing" });
    },

    /**
     * MODEL_MISSING unless the artifact of that id is whole on disk and in the index. `fits` judges what L1 knows under the
     * id and puts it in the index. With a pace no longer than it lasts, and nothing is searched.
     */
    async bringModel(id: Hex, fits: (contentHash: Hex) => Promise<boolean>, pace: Pace | undefined): Promise<void> {
      const contentHash = models.contentHashOf(id);
      if (contentHash !== undefined) {
        if (isWhole(contentHash)) return;
        const brought = bring(contentHash, "MODEL_MISSING", id);
        return pace === undefined ? brought : pace.within(brought);
      }
      if (pace !== undefined) throw lack({ code: "MODEL_MISSING", hash: id, tried: "it was never admitted here" });
      const found = await retrieval.search(id, fits);
      if (typeof found !== "string") throw lack({ code: "MODEL_MISSING", hash: id, tried: found.tried });
    },

    /** MODEL_CORRUPT: then the spoilt chunks are dropped, so that the artifact is not whole any more. */
    async read(contentHash: Hex): Promise<Bytes | undefined> {
      try {
        return models.artifact(contentHash);
      } catch (error) {
        if (hasCode<ModelErrorCode>(error, "MODEL_CORRUPT") && sources.length > 0) {
          logger.error({ err: error, contentHash }, "an artifact is spoilt and is retrieved again");
          await models.reopen(contentHash);
        }
        throw error;
      }
    },

    /** Works on what is read from disk, again when it was spoilt. What cannot be repaired stays MODEL_CORRUPT. */
    async repairing<T>(work: () => Promise<T>): Promise<T> {
      let spoilt: CodedError<"MODEL_CORRUPT"> | undefined;
      for (let reads = 1; ; reads++)
        try {
          return await work();
        } catch (error) {
          if (hasCode<ModelErrorCode>(error, "MODEL_CORRUPT")) {
            spoilt = error as CodedError<"MODEL_CORRUPT">;
            if (sources.length > 0 && reads < READS) continue;
          } else if (spoilt !== undefined && error instanceof CodedError && error.code in MISSING)
            throw new CodedError<ModelErrorCode>("MODEL_CORRUPT", `${spoilt.message}: ${error.message}`, spoilt.data);
          throw error;
        }
    },

    settled: retrieval.settled,
  };
};
