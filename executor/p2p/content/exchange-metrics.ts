import { Counter, type Registry } from "prom-client";

export const createExchangeMetrics = (registry: Registry) => ({
  bytes: new Counter({
    name: "assay_p2p_content_bytes_total",
    help: "Bytes of content that came from peers, wrong ones included",
    labelNames: ["kind"] as const,
    registers: [registry],
  }),
  pieces: new Counter({
    name: "assay_p2p_content_pieces_total",
    help: "Answers of peers to requests for content: kept, absent, wrong, or a duplicate of what another gave",
    labelNames: ["kind", "outcome"] as const,
    registers: [registry],
  }),
});
