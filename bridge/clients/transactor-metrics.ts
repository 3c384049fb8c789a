import { Counter, Gauge, type Registry } from "prom-client";

/** Those of the registry where there are some: a node may send from several accounts. */
export const createTransactorMetrics = (registry: Registry) => {
  const shared = <M>(name: string, create: () => M): M => (registry.getSingleMetric(name) as M | undefined) ?? create();
  return {
    pendingGauge: shared(
      "assay_transactor_pending_transactions",
      () =>
        new Gauge({
          name: "assay_transactor_pending_transactions",
          help: "L1 transactions not yet confirmed, by account",
          labelNames: ["account"],
          registers: [registry],
        }),
    ),
    raises: shared(
      "assay_transactor_fee_raises_total",
      () =>
        new Counter({
          name: "assay_transactor_fee_raises_total",
          help: "Times that an L1 transaction was sent again with a higher fee",
          registers: [registry],
        }),
    ),
    outcomes: shared(
      "assay_transactor_transactions_total",
      () =>
        new Counter({
          name: "assay_transactor_transactions_total",
          help: "L1 transactions by outcome",
          labelNames: ["outcome"],
          registers: [registry],
        }),
    ),
  };
};
