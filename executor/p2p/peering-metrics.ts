import { Gauge, type Registry } from "prom-client";

export const createPeeringMetrics = (registry: Registry, isHalted: () => boolean) => ({
  halted: new Gauge({
    name: "assay_p2p_halted",
    help: "Whether gossip is not followed because the sequencer signed two blocks where one belongs: 1 until resumed",
    registers: [registry],
    collect() {
      this.set(isHalted() ? 1 : 0);
    },
  }),
});
