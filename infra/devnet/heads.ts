import { WebSocket } from "ws";
import { CodedError, type Hex } from "../../executor/index.ts";

export type HeadsErrorCode =
  /** A node of the devnet does not tell of its blocks over WebSocket. See its log. */
  "DEVNET_HEADS";

/** A block as a node announced it. `at`: by `performance.now()`. `safe`: how far the node had derived L1 then. */
export type Announcement = { readonly at: number; readonly safe: bigint };

export type Heads = {
  announced(hash: Hex): Announcement | undefined;
  stop(): void;
};

/** Announcements that are remembered: a devnet's first blocks. */
const MAX_ANNOUNCEMENTS = 4_096;

type Message = {
  readonly id?: string;
  readonly result?: { readonly number?: Hex } | string | null;
  readonly params?: { readonly result: { readonly hash: Hex } };
};

/**
 * Listens to a node's `eth_subscribe newHeads`, and asks it on each head how far it has derived L1. Resolves once it
 * listens. DEVNET_HEADS.
 */
export const watchHeads = (rpc: string): Promise<Heads> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(rpc.replace(/^http/, "ws"));
    const arrivals = new Map<string, number>();
    const announcements = new Map<string, Announcement>();
    const ask = (id: string, method: string, ...params: unknown[]): void =>
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    socket.on("open", () => ask("subscribe", "eth_subscribe", "newHeads"));
    socket.on("error", (error) =>
      reject(
        new CodedError<HeadsErrorCode>("DEVNET_HEADS", `no newHeads from ${rpc}: ${error.message}`, { rpc }, error),
      ),
    );
    socket.on("message", (data) => {
      const at = performance.now();
      const { id, result, params } = JSON.parse(data.toString()) as Message;
      if (params !== undefined && arrivals.size < MAX_ANNOUNCEMENTS) {
        arrivals.set(params.result.hash, at);
        ask(params.result.hash, "eth_getBlockByNumber", "safe", false);
      } else if (id === "subscribe")
        resolve({
          announced: (hash) => announcements.get(hash),
          stop: () => socket.terminate(),
        });
      else if (id !== undefined && typeof result === "object" && result?.number !== undefined)
        announcements.set(id, { at: arrivals.get(id) ?? at, safe: BigInt(result.number) });
    });
  });
