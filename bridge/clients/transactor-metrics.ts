import { Counter, Gauge, type Registry } from "prom-client";

export const createTransactorMetrics = (registry: Registry) => ({
  pendingGauge: new Gauge({
    name: "assay_transactor_pending_transactions",
    help: "L1 transactions not yet confirmed",
    registers: [registry],
  }),
  raises: new Counter({
    name: "assay_transactor_fee_raises_total",
    help: "Times that an L1 transaction was sent again with a higher fee",
    registers: [registry],
  }),
  outcomes: new Counter({
    name: "assay_transactor_transactions_total",
    help: "L1 transactions by outcome",
    labelNames: ["outcome"],
    registers: [registry],
  }),
});
