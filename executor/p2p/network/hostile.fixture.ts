import { identify } from "@libp2p/identify";
import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { createLibp2p, type Libp2p } from "libp2p";
import type { Context } from "./network.fixture.ts";

/** A libp2p node without this repository's code: it sends what it likes. Stopped when the test ends. */
export const rawPeer = async (
  t: Context,
  services: Record<string, (components: never) => unknown> = {},
): Promise<Libp2p<Record<string, unknown>>> => {
  const node = await createLibp2p({
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ maxOutboundStreams: 10_000 })],
    connectionMonitor: { enabled: false },
    services: { identify: identify({ protocolPrefix: "assay" }), ...services },
  });
  // Otherwise it were a stranger to the chain, and not let near enough to do harm.
  await node.handle("/assay/7/raw/1", (stream) => stream.abort(new Error("nothing is served")));
  t.after(async () => {
    await node.stop();
  });
  return node as unknown as Libp2p<Record<string, unknown>>;
};
