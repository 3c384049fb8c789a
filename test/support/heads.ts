import type { Hex } from "viem";
import { WebSocket } from "ws";

/** One JSON-RPC call. Rejects with code and message of the answer's error. */
export const ask = async <T = unknown>(rpc: string, method: string, ...params: unknown[]): Promise<T> => {
  const response = await fetch(rpc, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const { result, error } = (await response.json()) as { result: T; error?: { code: number; message: string } };
  if (error !== undefined) throw new Error(`${method}: ${error.code} ${error.message}`);
  return result;
};

/** A block as `eth_subscribe newHeads` shows it. `safe`: the node's derived head at that moment. */
export type Announced = { readonly hash: Hex; readonly safe: bigint };

/** Follows a node's heads from now on. */
export const watchHeads = async (rpc: string) => {
  const socket = new WebSocket(rpc.replace(/^http/, "ws"));
  const hashes = new Map<bigint, Hex>();
  const announced = new Map<bigint, Announced>();
  const waiting = new Map<bigint, (head: Announced) => void>();
  await new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("open", () =>
      socket.send(JSON.stringify({ jsonrpc: "2.0", id: "subscribe", method: "eth_subscribe", params: ["newHeads"] })),
    );
    socket.on("message", (data) => {
      const { id, result, params } = JSON.parse(data.toString());
      if (id === "subscribe") return resolve(result);
      if (params !== undefined) {
        const number = BigInt(params.result.number);
        hashes.set(number, params.result.hash);
        const question = {
          jsonrpc: "2.0",
          id: String(number),
          method: "eth_getBlockByNumber",
          params: ["safe", false],
        };
        return socket.send(JSON.stringify(question));
      }
      const number = BigInt(id);
      const head = { hash: hashes.get(number) as Hex, safe: BigInt(result.number) };
      announced.set(number, head);
      waiting.get(number)?.(head);
    });
  });
  return {
    /** When the block of this number was announced, or is. */
    at: (number: bigint): Promise<Announced> =>
      new Promise((resolve) => {
        const head = announced.get(number);
        if (head === undefined) waiting.set(number, resolve);
        else resolve(head);
      }),
    stop: () => socket.terminate(),
  };
};
