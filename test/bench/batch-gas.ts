import type { TransactionReceipt } from "viem";
import { appendBlobsCall, appendCall, type BlobCall, type L1Call } from "../../bridge/index.ts";
import {
  BLOB_DATA_BYTES,
  type Bytes,
  commitBlob,
  encodeBlobs,
  proveBlobs,
  toHex,
  ZERO_32,
} from "../../executor/index.ts";
import { startAnvil } from "../support/anvil.ts";
import { layOut, SEQUENCER, startSender } from "../support/l2-node.ts";
import { denseBytes } from "./dense-bytes.ts";

const CALLDATA = [1_000, 10_000, 100_000];
const BLOBS = [1_000, BLOB_DATA_BYTES, 6 * BLOB_DATA_BYTES];

const millisecondsOf = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await work();
  return performance.now() - began;
};

/** What computing with blobs takes, on the thread where it is done, and how long the main thread was held up by it. */
const benchKzg = async (print: (line: string) => void): Promise<void> => {
  const [blob] = encodeBlobs(denseBytes(BLOB_DATA_BYTES)) as [Bytes];
  let last = performance.now();
  let longest = 0;
  const pulse = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - 5);
    last = now;
  }, 5);
  const first = await millisecondsOf(() => commitBlob(blob));
  const times = [];
  for (let i = 0; i < 5; i++) times.push(await millisecondsOf(() => commitBlob(blob)));
  const [blobProof, cellProofs] = [
    await millisecondsOf(() => proveBlobs("blob", [blob])),
    await millisecondsOf(() => proveBlobs("cells", [blob])),
  ];
  clearInterval(pulse);
  const median = times.toSorted((a, b) => a - b)[2] ?? 0;
  print(`  first commitment, with loading the setup   ${first.toFixed(0)} ms`);
  print(`  commitment (the check of a blob)           ${median.toFixed(0)} ms`);
  print(`  proof of a blob / of its 128 cells         ${blobProof.toFixed(0)} / ${cellProofs.toFixed(0)} ms`);
  print(`  longest hold-up of the main thread         ${longest.toFixed(0)} ms`);
};

/** L1 gas of batches in calldata and in blobs, by the byte. */
export const benchBatchGas = async (print: (line: string) => void): Promise<void> => {
  // First, so that it begins with nothing loaded.
  await benchKzg(print);
  const ends: (() => unknown)[] = [];
  try {
    const l1 = await startAnvil({ after: (end) => void ends.push(end as () => unknown) }, "--hardfork", "osaka");
    const { contracts } = await layOut(l1);
    const { number, timestamp } = await l1.client.getBlock();
    const sender = startSender(l1, SEQUENCER);
    let index = 0n;
    const land = async (
      call: (place: { readonly index: bigint }) => L1Call | BlobCall,
    ): Promise<TransactionReceipt> => {
      const [receipt] = await sender.land(call({ index }));
      index++;
      return receipt as TransactionReceipt;
    };
    const place = { origin: { number, timestamp }, delayedEnd: 0n, delayedAccumulator: toHex(ZERO_32) };
    const line = (kind: string, bytes: number, { gasUsed, blobGasUsed = 0n }: TransactionReceipt): void => {
      const [gas, blobGas] = [Number(gasUsed) / bytes, Number(blobGasUsed) / bytes];
      print(
        `  ${kind.padEnd(9)} ${String(bytes).padStart(7)} bytes   ${String(gasUsed).padStart(9)} gas  ${gas.toFixed(2).padStart(7)} a byte   ${String(blobGasUsed).padStart(7)} blob gas  ${blobGas.toFixed(2).padStart(7)} a byte`,
      );
    };
    // The first write of a slot costs more: it is not counted.
    await land((at) => appendCall(contracts.batchInbox, { ...place, ...at, data: denseBytes(1) }));
    for (const bytes of CALLDATA)
      line(
        "calldata",
        bytes,
        await land((at) => appendCall(contracts.batchInbox, { ...place, ...at, data: denseBytes(bytes) })),
      );
    for (const bytes of BLOBS) {
      const blobs = await Promise.all(encodeBlobs(denseBytes(bytes)).map(commitBlob));
      line("blobs", bytes, await land((at) => appendBlobsCall(contracts.batchInbox, { ...place, ...at, blobs })));
    }
    await sender.transactor.stop();
  } finally {
    for (const end of ends) await end();
  }
};
