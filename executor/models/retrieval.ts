import type { Hex } from "../foundation/bytes.ts";
import { messageOf } from "../foundation/errors.ts";
import { createGate } from "../foundation/gate.ts";
import { sleep, type Telemetry } from "../foundation/service.ts";
import type { ModelStore } from "./model-store.ts";
import { createRetrievalMetrics } from "./retrieval-metrics.ts";
import type { ArtifactSource } from "./runtime.ts";

export type RetrievalOptions = {
  /** From whom, in order. */
  readonly sources: readonly ArtifactSource[];
  /** Milliseconds for one artifact. */
  readonly timeoutMs: number;
  /** Rest before sources are asked again of which one could not be asked; doubled each time. */
  readonly retryMs: number;
  /** Ends everything. */
  readonly signal: AbortSignal;
};

/** Undefined when the artifact is whole now; otherwise who was asked and what came of it. */
export type Want = string | undefined;

const MAX_RETRY_MS = 30_000;
/** Artifacts at once: each holds chunks of several peers. Those that wait are models that L2 knows. */
const RETRIEVALS = { running: 4, waiting: 1_024 };
/** Publications of one id that are looked into. Most are one: it costs L1 gas to make more. */
const MAX_CANDIDATES = 1_024;

/** Brings artifacts here that should be on disk and are not. */
export const createRetrieval = (
  { logger, registry, models }: Telemetry & { readonly models: ModelStore },
  { sources, timeoutMs, retryMs, signal }: RetrievalOptions,
) => {
  const gate = createGate(RETRIEVALS);
  const flights = new Map<Hex, Promise<Want>>();
  const { outcomes } = createRetrievalMetrics(registry);

  /** One question to one source. A source that could not be asked makes the round worth repeating. */
  type Round = {
    readonly limit: AbortSignal;
    ask<T>(source: ArtifactSource, question: () => Promise<T>): Promise<T | undefined>;
    note(source: ArtifactSource, what: string): void;
  };

  /** Rounds until one gives something, or none of its sources failed, or the time is over. */
  const insist = async <T>(round: (round: Round) => Promise<T | undefined>): Promise<T | { tried: string }> => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    for (let rest = retryMs; ; rest = Math.min(2 * rest, MAX_RETRY_MS)) {
      const tried: string[] = [];
      let failed = false;
      const note: Round["note"] = (source, what) => tried.push(`${source.name}: ${what}`);
      const result = await round({
        limit,
        note,
        async ask(source, question) {
          try {
            return await question();
          } catch (error) {
            failed = true;
            note(source, messageOf(error));
            logger.warn({ err: error, source: source.name }, "a source of artifacts could not be asked");
            return undefined;
          }
        },
      });
      if (result !== undefined) return result;
      if (failed && !limit.aborted) await sleep(rest, limit);
      if (!failed || limit.aborted) return { tried: tried.join("; ") || "nobody to ask" };
    }
  };

  const bring = async (contentHash: Hex): Promise<Want> => {
    const result = await insist<{ readonly source: string }>(async ({ limit, ask, note }) => {
      // All may be here since the last attempt but the record.
      if ((await models.complete(contentHash)) === 0) return { source: "disk" };
      for (const source of sources) {
        if (limit.aborted) break;
        await ask(source, async () => source.retrieve(contentHash, models.keeper, limit));
        const missing = await models.complete(contentHash);
        if (missing === 0) return { source: source.name };
        note(source, missing === undefined ? "not known" : `${missing} chunks missing`);
      }
      return undefined;
    });
    const isWhole = "source" in result;
    outcomes.inc({ source: isWhole ? result.source : "none" });
    if (!isWhole) logger.error({ contentHash, tried: result.tried }, "an artifact is missing and nobody gave it");
    else logger.info({ contentHash, source: result.source }, "retrieved an artifact");
    return isWhole ? undefined : result.tried;
  };

  /** One at a time for each content hash. */
  const retrieve = (contentHash: Hex): Promise<Want> => {
    const known = flights.get(contentHash);
    if (known !== undefined) return known;
    const flight = gate(signal, () => bring(contentHash))
      .catch((error: unknown) => messageOf(error))
      .finally(() => flights.delete(contentHash));
    flights.set(contentHash, flight);
    return flight;
  };

  return {
    retrieve,
    /** The first of the content hashes published under that id which `fits`; each is retrieved before. */
    search(id: Hex, fits: (contentHash: Hex) => Promise<boolean>): Promise<Hex | { tried: string }> {
      return insist<Hex>(async ({ limit, ask, note }) => {
        const seen = new Set<Hex>();
        for (const source of sources) {
          const { locate } = source;
          if (locate === undefined || limit.aborted) continue;
          const candidates = (await ask(source, () => locate(id, limit))) ?? [];
          note(source, `${candidates.length} publications`);
          for (const contentHash of candidates) {
            if (limit.aborted || seen.size === MAX_CANDIDATES) break;
            if (seen.has(contentHash)) continue;
            seen.add(contentHash);
            const want = await retrieve(contentHash);
            if (want !== undefined) note(source, want);
            else if (await fits(contentHash)) return contentHash;
          }
        }
        return undefined;
      });
    },
    /** Resolves when nothing is on its way any more; the signal ends it. */
    async settled(): Promise<void> {
      await Promise.all(flights.values());
    },
  };
};
