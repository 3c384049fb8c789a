import { composePeering } from "./compose-peering.ts";
import { createNetwork } from "./network/create-network.ts";
import type { Peering, PeeringComponents, PeeringOptions } from "./peering.ts";

/** Opens a node's place among its peers; nothing is sent or heard before `start`. The network's codes. */
export const createPeering = async (components: PeeringComponents, options: PeeringOptions): Promise<Peering> => {
  const { chainId } = components.chain.parameters;
  const network = await createNetwork(components, { ...options, chainId });
  return composePeering({ ...components, network }, options);
};
