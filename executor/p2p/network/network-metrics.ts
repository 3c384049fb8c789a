import { Counter, Gauge, type Registry } from "prom-client";
import type { PeerInfo } from "./network.ts";

export const createNetworkMetrics = (registry: Registry, peers: () => readonly PeerInfo[]) => ({
  bytes: new Counter({
    name: "assay_p2p_bytes_total",
    help: "Bytes that went through streams with peers",
    labelNames: ["direction", "protocol"],
    registers: [registry],
  }),
  dials: new Counter({
    name: "assay_p2p_dials_total",
    help: "Attempts to connect, by outcome",
    labelNames: ["outcome"],
    registers: [registry],
  }),
  requests: new Counter({
    name: "assay_p2p_requests_total",
    help: "Requests of peers that were answered, by protocol and outcome",
    labelNames: ["protocol", "outcome"],
    registers: [registry],
  }),
  penalties: new Counter({
    name: "assay_p2p_penalties_total",
    help: "Penalties given to peers, by reason",
    labelNames: ["reason"],
    registers: [registry],
  }),
  bans: new Counter({ name: "assay_p2p_bans_total", help: "Bans of peers", registers: [registry] }),
  messages: new Counter({
    name: "assay_p2p_gossip_messages_total",
    help: "Gossiped messages that came, by what became of them",
    labelNames: ["outcome"],
    registers: [registry],
  }),
  peers: new Gauge({
    name: "assay_p2p_peers",
    help: "Peers that are connected",
    labelNames: ["direction"],
    registers: [registry],
    collect() {
      for (const direction of ["inbound", "outbound"] as const)
        this.set({ direction }, peers().filter((peer) => peer.direction === direction).length);
    },
  }),
});
