import type { Peering, PeeringComponents, PeeringOptions } from "./peering.ts";

/**
 * Opens a node's place among its peers. libp2p costs 56 MB and a fifth of a second: only whoever has peers loads it.
 * The network's codes.
 */
export const createPeering = async (components: PeeringComponents, options: PeeringOptions): Promise<Peering> =>
  (await import("./create-peering.ts")).createPeering(components, options);
