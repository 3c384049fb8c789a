import type { Hex } from "../../foundation/bytes.ts";
import { createGate } from "../../foundation/gate.ts";
import type { Telemetry } from "../../foundation/service.ts";
import { CONTENT_PROTOCOL, type ContentExchange } from "./content.ts";
import { type DownloadContext, download } from "./download.ts";
import { createExchangeMetrics } from "./exchange-metrics.ts";

export type ContentExchangeComponents = Telemetry & Pick<DownloadContext, "network">;

export type ContentExchangeOptions = {
  /** Milliseconds without progress after which a peer loses its share. */
  readonly stallMs?: number;
  /** After so long a piece is asked of others too, once nothing else is left. */
  readonly slowMs?: number;
  /** First rest after a peer's refusal; doubled each time. */
  readonly busyMs?: number;
  /** How long a fetch waits for a first peer when none is connected. */
  readonly firstPeerMs?: number;
};

const DEFAULTS = { stallMs: CONTENT_PROTOCOL.stallMs, slowMs: 1_000, busyMs: 200, firstPeerMs: 10_000 };

/** Fetches at once: with the bytes that a peer is asked for at a time, what one peer can have on its way to here. */
const FETCHES = { running: 4, waiting: 1_024 };

export const createContentExchange = (
  components: ContentExchangeComponents,
  options: ContentExchangeOptions = {},
): ContentExchange => {
  const { stallMs, ...times } = { ...DEFAULTS, ...options };
  const metrics = createExchangeMetrics(components.registry);
  const gate = createGate(FETCHES);
  const context: DownloadContext = {
    ...times,
    network: components.network,
    logger: components.logger.child({ module: "content" }),
    protocol: { ...CONTENT_PROTOCOL, stallMs },
    count(kind, outcome, bytes) {
      metrics.pieces.inc({ kind, outcome });
      metrics.bytes.inc({ kind }, bytes);
    },
  };
  return {
    async fetch(kind, hashes, { keep, signal = new AbortController().signal }) {
      const wanted = [...new Set(hashes.map((hash) => hash.toLowerCase() as Hex))];
      return gate(signal, () => download(context, kind, wanted, { keep, signal }));
    },
  };
};
