import { parentPort } from "node:worker_threads";
import type { Bytes } from "../foundation/bytes.ts";
import { nodesOver } from "./word-nodes.ts";

export type TreeRequest = { readonly id: number; readonly words: Bytes; readonly height: number };
export type TreeAnswer = { readonly id: number; readonly nodes: Bytes };

parentPort?.on("message", ({ id, words, height }: TreeRequest) => {
  const nodes = nodesOver(words, height);
  parentPort?.postMessage({ id, nodes } satisfies TreeAnswer, [nodes.buffer as ArrayBuffer]);
});
