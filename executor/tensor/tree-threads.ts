import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Bytes } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import type { TreeAnswer, TreeRequest } from "./tree-worker.ts";
import { nodesOver } from "./word-nodes.ts";

export type TreeErrorCode =
  /** A thread that hashes tensors died. Restart the node; see the cause. */
  "TREE_FAILED";

type Waiting = { readonly resolve: (nodes: Bytes) => void; readonly reject: (error: Error) => void };
type Thread = { readonly worker: Worker; readonly waiting: Map<number, Waiting> };

/** A thread hashes 70 MB of words a second. */
const MAX_THREADS = 8;
/** A thread has the next piece when it is done with one. */
const PIECES_AHEAD = 2;
/** Bytes of words: 2^15 of them, so every piece but the last is a whole subtree. */
const PIECE_BYTES = 2 ** 20;
/** What takes less than a message and back is hashed at once. */
const INLINE_BYTES = 2 ** 14;

/** They begin with the first large tensor, and do not keep the process alive. */
let threads: readonly Thread[] | undefined;
let last = 0;

const begin = (): Thread => {
  const worker = new Worker(new URL("./tree-worker.ts", import.meta.url));
  const thread: Thread = { worker, waiting: new Map() };
  const end = (cause?: unknown): void => {
    if (threads?.includes(thread) === true) threads = undefined;
    for (const { reject } of thread.waiting.values())
      reject(new CodedError<TreeErrorCode>("TREE_FAILED", "a thread that hashes tensors has ended", {}, cause));
    thread.waiting.clear();
  };
  worker.on("message", ({ id, nodes }: TreeAnswer) => {
    const waiting = thread.waiting.get(id);
    thread.waiting.delete(id);
    if (thread.waiting.size === 0) worker.unref();
    waiting?.resolve(nodes);
  });
  worker.on("error", end);
  worker.on("exit", () => end());
  // Behind the listeners: they hold the process.
  worker.unref();
  return thread;
};

const ask = ({ worker, waiting }: Thread, words: Bytes, height: number): Promise<Bytes> =>
  new Promise((resolve, reject) => {
    const request: TreeRequest = { id: ++last, words, height };
    waiting.set(request.id, { resolve, reject });
    worker.ref();
    worker.postMessage(request, [words.buffer as ArrayBuffer]);
  });

/**
 * `nodesOver` on all processors, for a height of at most 15. The tensor is read piece by piece and MUST NOT change
 * meanwhile. TREE_FAILED.
 */
export const hashInThreads = async (words: Bytes, height: number): Promise<Bytes> => {
  if (words.length <= INLINE_BYTES) return nodesOver(words, height);
  threads ??= Array.from({ length: Math.min(MAX_THREADS, availableParallelism()) }, begin);
  const ready = threads;
  const perPiece = PIECE_BYTES / 2 ** height;
  const nodes = new Uint8Array(32 * Math.ceil(words.length / 32 / 2 ** height));
  let next = 0;
  const work = async (thread: Thread): Promise<void> => {
    while (next * PIECE_BYTES < words.length) {
      const piece = next++;
      const slice = words.slice(piece * PIECE_BYTES, (piece + 1) * PIECE_BYTES);
      nodes.set(await ask(thread, slice, height), piece * perPiece);
    }
  };
  await Promise.all(Array.from({ length: PIECES_AHEAD }, () => ready.map(work)).flat());
  return nodes;
};
