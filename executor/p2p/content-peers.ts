import { Registry } from "prom-client";
import type { Service, Telemetry } from "../foundation/service.ts";
import type { ContentExchange } from "./content/content.ts";
import { createContentExchange } from "./content/exchange.ts";
import type { NetworkOptions } from "./network/create-network.ts";

/**
 * Peers for a node that has no chain yet: they are asked for content, and given none. Connected when this resolves; its
 * metrics are its own, because the node's peers come after it. The network's codes.
 */
export const createContentPeers = async (
  { logger }: Pick<Telemetry, "logger">,
  options: NetworkOptions,
): Promise<Service & { readonly content: ContentExchange }> => {
  const { createNetwork } = await import("./network/create-network.ts");
  const telemetry = { logger, registry: new Registry() };
  const network = await createNetwork(telemetry, options);
  await network.start();
  return {
    name: "content-peers",
    content: createContentExchange({ ...telemetry, network }),
    stop: () => network.stop(),
  };
};
