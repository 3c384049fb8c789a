import { parseGwei } from "viem";
import { WebSocket } from "ws";
import type { Hex } from "../../executor/index.ts";
import { clientsOf } from "../../infra/index.ts";
import { spawnDevnet } from "../support/devnet.ts";
import { rpcBatch } from "./load.ts";

/** Seconds within which 95 of 100 blocks are to be heard and executed. */
const GOAL = 1;
const BLOCKS = 200;
const TRANSFER_MS = 250;
/** How often the executor is asked what it has derived: as exact as the figures of the L1 path are. */
const POLL_MS = 20;
const SETTLE_MS = 120_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** When a node announced each block, by its hash, from now on. */
const announcements = (rpc: string) =>
  new Promise<{ readonly at: Map<Hex, number>; readonly numbers: Map<number, Hex>; stop(): void }>(
    (resolve, reject) => {
      const socket = new WebSocket(rpc.replace(/^http/, "ws"));
      const at = new Map<Hex, number>();
      const numbers = new Map<number, Hex>();
      socket.on("error", reject);
      socket.on("open", () =>
        socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_subscribe", params: ["newHeads"] })),
      );
      socket.on("message", (data) => {
        const now = performance.now();
        const { id, params } = JSON.parse(data.toString());
        if (id === 1) return resolve({ at, numbers, stop: () => socket.terminate() });
        const { hash, number } = params.result as { hash: Hex; number: Hex };
        if (!at.has(hash)) at.set(hash, now);
        numbers.set(Number(number), hash);
      });
    },
  );

const figures = (milliseconds: readonly number[]): string => {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const at = (share: number) => ((sorted[Math.ceil(share * sorted.length) - 1] ?? 0) / 1000).toFixed(3);
  return `p50 ${at(0.5)} s, p95 ${at(0.95)} s, max ${at(1)} s`;
};

/**
 * From the sequencer's announcement of a block to the executor's, each a process of its own, beside the time until the
 * executor has derived the same block from L1.
 */
export const benchGossip = async (print: (line: string) => void): Promise<void> => {
  const devnet = await spawnDevnet();
  try {
    const { info } = devnet;
    const [sequencer, executor] = await Promise.all([info.sequencerRpc, info.executorRpc].map(announcements));
    if (sequencer === undefined || executor === undefined) throw new Error("nothing is announced");
    const derivedAt = new Map<number, number>();
    const ended = new AbortController();
    const watch = async (): Promise<void> => {
      for (let last = -1; !ended.signal.aborted; await pause(POLL_MS)) {
        const [block] = (await rpcBatch(info.executorRpc, [["eth_getBlockByNumber", ["safe", false]]])) as [
          { number: Hex },
        ];
        const safe = Number(block.number);
        if (last >= 0) for (let number = last + 1; number <= safe; number++) derivedAt.set(number, performance.now());
        last = safe;
      }
    };
    const watching = watch();

    const { wallet } = clientsOf(BigInt(info.chainId), info.sequencerRpc, info.accounts[0]?.privateKey as Hex);
    const [count] = await rpcBatch(info.sequencerRpc, [
      ["eth_getTransactionCount", [wallet.account.address, "latest"]],
    ]);
    let nonce = Number(count);
    const began = performance.now();
    while (sequencer.numbers.size < BLOCKS) {
      await wallet.sendTransaction({
        ...{ to: wallet.account.address, value: 1n, gas: 21_000n, nonce: nonce++ },
        ...{ maxFeePerGas: parseGwei("10"), maxPriorityFeePerGas: parseGwei("5") },
      });
      await pause(TRANSFER_MS);
    }
    const seconds = (performance.now() - began) / 1000;
    const blocks = [...sequencer.numbers].sort(([a], [b]) => a - b).slice(0, BLOCKS);
    const last = blocks.at(-1)?.[0] as number;
    for (const end = performance.now() + SETTLE_MS; !derivedAt.has(last); await pause(POLL_MS))
      if (performance.now() > end) throw new Error(`block ${last} is not derived from L1`);
    ended.abort();
    await watching;
    for (const heads of [sequencer, executor]) heads.stop();

    const since = (hash: Hex, at: number | undefined): number => {
      if (at === undefined) throw new Error(`the executor did not announce ${hash}`);
      return Math.max(0, at - (sequencer.at.get(hash) as number));
    };
    const heard = blocks.map(([, hash]) => since(hash, executor.at.get(hash)));
    const derived = blocks.map(([number, hash]) => since(hash, derivedAt.get(number)));
    const first = blocks.filter((_, i) => (heard[i] as number) < (derived[i] as number)).length;
    print(`  ${BLOCKS} blocks in ${seconds.toFixed(0)} s, ${first} of them heard before L1 had them`);
    print(`  by gossip   ${figures(heard)}   (goal p95 ${GOAL} s)`);
    print(`  from L1     ${figures(derived)}   (the devnet's batches and blocks of L1, asked each ${POLL_MS} ms)`);
  } finally {
    await devnet.stop();
  }
};
