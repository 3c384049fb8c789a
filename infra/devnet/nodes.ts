import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, startChild } from "../processes/child.ts";

/** Where a node of the devnet listens: the message that it sends when it is ready. */
export type NodeReady = { readonly rpc: string; readonly metrics: string; readonly p2p: readonly string[] };
export type NodeChild = { readonly child: Child; readonly ready: Promise<NodeReady> };

export type NodeSettings = {
  readonly flags: Readonly<Record<string, string | number>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly peers: keyof typeof PEERS;
};

const NODE_READY_MS = 60_000;
const CLI = fileURLToPath(new URL("../cli.ts", import.meta.url));

/** Peers of a devnet meet on loopback, at ports that were free. */
const PEERS = {
  off: ["--p2p-off"],
  on: ["--p2p-listen", "/ip4/127.0.0.1/tcp/0", "--p2p-scope", "private"],
} as const;

/** Starts a node as a process of its own. DEVNET_CHILD_DIED; of `ready` also DEVNET_CHILD_SLOW. */
export const startNode = async (
  role: "sequencer" | "executor" | "challenger",
  directory: string,
  settings: NodeSettings,
): Promise<NodeChild> => {
  const flags = { "data-dir": join(directory, role), "log-format": "json", ...settings.flags };
  const child = await startChild({
    name: role,
    command: process.execPath,
    args: [
      ...[CLI, role, ...Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)])],
      ...PEERS[settings.peers],
    ],
    environment: settings.secrets ?? {},
    logFile: join(directory, `${role}.log`),
    lifeline: "ipc",
  });
  const ready = child.message((message) => (message as { ready?: NodeReady }).ready, NODE_READY_MS);
  ready.catch(() => undefined);
  return { child, ready };
};
