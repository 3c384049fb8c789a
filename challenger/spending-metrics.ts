import { Gauge, type Registry } from "prom-client";

export const createSpendingMetrics = (registry: Registry) => ({
  spentGauge: new Gauge({
    name: "assay_challenger_spent_ether",
    help: "Ether of gas and stakes that was sent in the 24 hours before the last transaction",
    registers: [registry],
  }),
  capGauge: new Gauge({
    name: "assay_challenger_spend_cap_ether",
    help: "Ether that may be spent in 24 hours, more is not sent; infinite when there is no bound",
    registers: [registry],
  }),
});
