import { Gauge, type Registry } from "prom-client";

export const createSystemWatchMetrics = (registry: Registry) => ({
  upgradeTime: new Gauge({
    name: "assay_system_upgrade_timestamp_seconds",
    help: "L1 time from which on an announced claim registry can take over; 0: none is announced",
    registers: [registry],
  }),
  rotationTime: new Gauge({
    name: "assay_system_rotation_timestamp_seconds",
    help: "L1 time from which on the newest key of a role is in effect; 0: there was no rotation",
    labelNames: ["role"],
    registers: [registry],
  }),
  foreign: new Gauge({
    name: "assay_system_foreign_registries",
    help: "Claim registries on L1, an announced one included, that judge claims by other rules than this node by now",
    registers: [registry],
  }),
  registries: new Gauge({
    name: "assay_system_claim_registries",
    help: "Claim registries that were ever in force on L1, the present one included",
    registers: [registry],
  }),
});
