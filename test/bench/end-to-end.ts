import { readFileSync } from "node:fs";
import { pino } from "pino";
import { createPublicClient, http, parseEventLogs } from "viem";
import { digitClassifier, fromHex, type Hex, sleep } from "../../executor/index.ts";
import { COMMAND_SETTINGS, resolveConfig, sampleScans, startDevnet } from "../../infra/index.ts";
import { createClassifyLoad, rpcBatch, type Sender } from "./load.ts";

/** What the devnet's blocks say about a stretch of time. */
type Sample = { readonly at: number; readonly sequencer: number; readonly executor: number };

const GOAL = 200;
/** Transactions a second that are sent: more than the goal, so that meeting it is not the load's doing. */
const OFFERED = 250;
/** Transactions of one sender that are sent and not yet in a block. */
const WINDOW = 100;
const BATCH = 10;
const SETTLE_MS = 120_000;

const scansOf = (): Uint8Array[] => {
  const held = readFileSync(new URL("../models/digits-heldout.bin", import.meta.url));
  const images = Array.from({ length: held.length / 65 }, (_, i) => new Uint8Array(held.subarray(65 * i, 65 * i + 64)));
  return images.length > 0 ? images : sampleScans().map(({ pixels }) => fromHex(pixels));
};

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/**
 * Inference transactions a second through RPC, block, batch on L1, and a follower that knows L1 only. Load from the
 * same machine: signed beforehand, sent over HTTP in batches at a steady rate, never more than WINDOW a sender on the way.
 */
export const benchEndToEnd = async (print: (line: string) => void, seconds = 60): Promise<void> => {
  const aborter = new AbortController();
  const names = COMMAND_SETTINGS.devnet;
  const free = { l1Port: "0", rpcPort: "0", executorRpcPort: "0", metricsPort: "0", executorMetricsPort: "0" };
  const config = resolveConfig(names, { ...free, logLevel: "warn", p2pOff: "true" }, {});
  const logger = pino({ level: "warn" }, pino.destination(2));
  const devnet = await startDevnet(config, { logger, signal: aborter.signal });
  try {
    const { info } = devnet;
    const nodes = {
      sequencer: createPublicClient({ transport: http(info.sequencerRpc), cacheTime: 0 }),
      executor: createPublicClient({ transport: http(info.executorRpc), cacheTime: 0 }),
    };
    const estimate = await nodes.sequencer.estimateContractGas({
      address: info.sample.contract,
      abi: digitClassifier.abi,
      functionName: "classify",
      args: [`0x${"10".repeat(64)}`],
      account: info.accounts[0]?.address as Hex,
    });
    const make = createClassifyLoad({
      chainId: info.chainId,
      contract: info.sample.contract,
      maxFeePerGas: 10n ** 15n,
      gas: (estimate * 5n) / 4n,
      images: scansOf(),
      seed: 1,
    });
    const senders: Sender[] = info.accounts.map(({ privateKey }) => ({ privateKey, nonce: 0 }));
    const began = performance.now();
    const prepared = senders.map((sender) =>
      Array.from({ length: Math.ceil((OFFERED * (seconds + 5)) / senders.length) }, () => make(sender)),
    );
    const total = prepared.reduce((sum, { length }) => sum + length, 0);
    print(
      `  ${total} transactions signed in ${((performance.now() - began) / 1000).toFixed(1)} s, ${estimate} gas each`,
    );

    const firstBlock = Number(await nodes.sequencer.getBlockNumber()) + 1;
    const loadBegan = performance.now();
    const stop = AbortSignal.timeout((seconds + 5) * 1000);
    const drive = async (sender: number): Promise<void> => {
      const address = info.accounts[sender]?.address as Hex;
      const queue = prepared[sender] as Hex[];
      for (let sent = 0; sent < queue.length && !stop.aborted && !aborter.signal.aborted; ) {
        const [mined] = await rpcBatch(info.sequencerRpc, [["eth_getTransactionCount", [address, "latest"]]]);
        const due = Math.floor(((performance.now() - loadBegan) / 1000) * (OFFERED / senders.length));
        const room = Math.min(BATCH, WINDOW - (sent - Number(mined)), due - sent);
        if (room < Math.min(BATCH, queue.length - sent)) {
          await sleep(20, stop);
          continue;
        }
        const calls = queue.slice(sent, sent + room).map((raw) => ["eth_sendRawTransaction", [raw]] as const);
        await rpcBatch(info.sequencerRpc, calls);
        sent += calls.length;
      }
    };
    const samples: Sample[] = [];
    const watch = async (): Promise<void> => {
      while (!stop.aborted && !aborter.signal.aborted) {
        const [sequencer, executor] = await Promise.all([
          nodes.sequencer.getBlockNumber(),
          nodes.executor.getBlockNumber(),
        ]);
        samples.push({ at: performance.now(), sequencer: Number(sequencer), executor: Number(executor) });
        await sleep(500, stop);
      }
    };
    await Promise.race([Promise.all([watch(), ...senders.map((_, i) => drive(i))]), devnet.failed]);

    // Ends where everything that was sent is in a block, and that block is on the executor.
    const lastBlock = Number(await nodes.sequencer.getBlockNumber());
    const drained = performance.now();
    while (Number(await nodes.executor.getBlockNumber()) < lastBlock) {
      if (performance.now() - drained > SETTLE_MS) throw new Error("the executor does not catch up");
      await sleep(50);
    }
    const caughtUp = (performance.now() - drained) / 1000;

    const counts = new Map<number, number>();
    let answered = 0;
    for (let number = firstBlock; number <= lastBlock; number++) {
      const [receipts] = (await rpcBatch(info.executorRpc, [
        ["eth_getBlockReceipts", [`0x${number.toString(16)}`]],
      ])) as [{ status: string; logs: never[] }[]];
      const logs = parseEventLogs({ abi: digitClassifier.abi, logs: receipts.flatMap(({ logs }) => logs) });
      if (receipts.some(({ status }) => status !== "0x1")) throw new Error(`a transaction of block ${number} failed`);
      answered += logs.length;
      counts.set(number, logs.length);
    }
    const [ours, theirs] = await Promise.all(
      [nodes.sequencer, nodes.executor].map((node) => node.getBlock({ blockNumber: BigInt(lastBlock) })),
    );
    if (ours?.stateRoot !== theirs?.stateRoot) throw new Error(`state roots differ after block ${lastBlock}`);

    // The first five seconds warm up.
    const start = samples.find(({ at }) => at - (samples[0]?.at ?? 0) >= 5000) ?? samples[0];
    const end = samples.at(-1);
    if (start === undefined || end === undefined) throw new Error("nothing was measured");
    const between = (low: number, high: number) => {
      let sum = 0;
      for (let number = low + 1; number <= high; number++) sum += counts.get(number) ?? 0;
      return sum;
    };
    const time = (end.at - start.at) / 1000;
    const built = between(start.sequencer, end.sequencer) / time;
    const followed = between(start.executor, end.executor) / time;
    const secondsBehind = (sample: Sample): number => {
      const reached = samples.find(({ executor }) => executor >= sample.sequencer);
      return reached === undefined ? caughtUp + (end.at - sample.at) / 1000 : (reached.at - sample.at) / 1000;
    };
    const lags = samples.filter(({ at }) => at >= start.at).map(secondsBehind);
    const blocksBehind = samples.map(({ sequencer, executor }) => sequencer - executor);
    print(`  ${answered} answers in ${lastBlock - firstBlock + 1} blocks, every receipt a success, state roots equal`);
    print(
      `  sequencer   ${built.toFixed(1)} inference transactions/s over ${time.toFixed(0)} s   (goal ${GOAL}, offered ${OFFERED})`,
    );
    print(`  executor    ${followed.toFixed(1)} inference transactions/s over the same time, from L1 alone`);
    print(
      `  lag         median ${median(lags).toFixed(1)} s, largest ${Math.max(...lags).toFixed(1)} s; ` +
        `at most ${Math.max(...blocksBehind)} blocks; ${caughtUp.toFixed(1)} s to catch up at the end`,
    );
  } finally {
    aborter.abort();
    await devnet.stop();
  }
};
