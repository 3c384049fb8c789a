import type { CommandConfig } from "../config/config.ts";
import { askNode } from "../node/rpc-client.ts";
import { columns } from "./columns.ts";

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** What `admin_peers` says of one peer. */
type Peer = {
  readonly id: string;
  readonly name: string;
  readonly network: { readonly remoteAddress: string; readonly inbound: boolean; readonly static: boolean };
  readonly protocols: {
    readonly assay: {
      readonly score: number;
      readonly bytesIn: number;
      readonly bytesOut: number;
      readonly connectedAt: number;
    };
  };
};

/** `assay peers list`. The codes of `askNode`. */
export const listPeersCommand = async (config: CommandConfig<"peers list">): Promise<number> => {
  const peers = await askNode<readonly Peer[]>(config.nodeRpc, "admin_peers");
  if (config.json) print(JSON.stringify(peers));
  else if (peers.length === 0) print("no peers");
  else
    print(
      columns([
        ["peer", "address", "direction", "kept", "score", "in", "out", "since", "name"],
        ...peers.map(({ id, name, network, protocols: { assay } }) => [
          id,
          network.remoteAddress,
          network.inbound ? "inbound" : "outbound",
          network.static ? "yes" : "no",
          assay.score.toFixed(0),
          String(assay.bytesIn),
          String(assay.bytesOut),
          new Date(assay.connectedAt).toISOString(),
          name,
        ]),
      ]),
    );
  return 0;
};

/** `assay peers add`. P2P_ADDRESS, and the codes of `askNode`. */
export const addPeerCommand = async (config: CommandConfig<"peers add">, address: string): Promise<number> => {
  await askNode(config.nodeRpc, "admin_addPeer", address);
  print(`the node keeps a connection to ${address}`);
  return 0;
};

/** `assay peers remove`. P2P_ADDRESS, and the codes of `askNode`. */
export const removePeerCommand = async (config: CommandConfig<"peers remove">, peer: string): Promise<number> => {
  const known = await askNode<boolean>(config.nodeRpc, "admin_removePeer", peer);
  print(
    known ? `the node dropped ${peer} and does not dial it again by name` : `the node has and keeps no peer ${peer}`,
  );
  return 0;
};
