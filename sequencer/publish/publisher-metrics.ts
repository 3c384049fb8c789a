import { Counter, type Registry } from "prom-client";

export const createPublisherMetrics = (registry: Registry) => ({
  published: new Counter({
    name: "assay_publisher_blocks_total",
    help: "Blocks that were signed and published, by whether any peer heard",
    labelNames: ["outcome"],
    registers: [registry],
  }),
});
