import { readFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";

type Bench = {
  readonly name: string;
  readonly what: string;
  readonly run: (print: (line: string) => void) => Promise<void>;
};

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Loaded when asked for: one bench does not pay for the imports of another. */
const BENCHES: readonly Bench[] = [
  {
    name: "inference",
    what: "exact inference beside float32 onnxruntime on the same network",
    run: async (line) => (await import("./inference.ts")).benchInference(line),
  },
  {
    name: "transactions",
    what: "transfers and ERC-20 transfers through the state transition beside anvil",
    run: async (line) => (await import("./transactions.ts")).benchTransactions(line),
  },
  {
    name: "adversary",
    what: "seconds of work that a second of L1's time buys, in the kinds of batches that hurt most",
    run: async (line) => (await import("./adversary.ts")).benchAdversary(line),
  },
  {
    name: "state",
    what: "the state tree: reads, changes, roots and proofs",
    run: async (line) => (await import("./state.ts")).benchState(line),
  },
  {
    name: "machine",
    what: "transactions step by step, with a hash of each state, beside their plain execution",
    run: async (line) => (await import("./machine.ts")).benchMachine(line),
  },
  {
    name: "openings",
    what: "commitments to the tensors of a run, beside hash-wasm",
    run: async (line) => (await import("./openings.ts")).benchOpenings(line),
  },
  {
    name: "batch-gas",
    what: "batches in calldata and in blobs: L1 gas by the byte, and what blobs take here",
    run: async (line) => (await import("./batch-gas.ts")).benchBatchGas(line),
  },
  {
    name: "claims",
    what: "a claim's tree for the first time and again; what a challenger's look takes of L1 with many claims open",
    run: async (line) => (await import("./claims.ts")).benchClaims(line, Number(process.argv[3] ?? 600)),
  },
  {
    name: "end-to-end",
    what: "inference transactions through RPC, block, batch and follower",
    run: async (line) => (await import("./end-to-end.ts")).benchEndToEnd(line, Number(process.argv[3] ?? 60)),
  },
  {
    name: "gossip",
    what: "blocks from the sequencer to another node by gossip, beside L1",
    run: async (line) => (await import("./gossip.ts")).benchGossip(line),
  },
];

/** What decides about integer kernels. */
const FLAGS = ["avx2", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "amx_int8", "asimddp", "i8mm"];

const processorFlags = (): string => {
  try {
    const line = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
    const present = new Set(line.split(" "));
    return FLAGS.filter((flag) => present.has(flag)).join(" ") || "none of the listed";
  } catch {
    return "unknown";
  }
};

const chosen = process.argv[2];
const selected = chosen === undefined ? BENCHES : BENCHES.filter(({ name }) => name === chosen);
if (selected.length === 0) {
  process.stderr.write(`no bench "${chosen}": ${BENCHES.map(({ name }) => name).join(", ")}\n`);
  process.exit(2);
}
print(`processor  ${cpus()[0]?.model.trim()}, ${availableParallelism()} threads, ${processorFlags()}`);
print(`memory     ${(totalmem() / 2 ** 30).toFixed(1)} GiB`);
print(`node       ${process.version} on ${process.platform} ${process.arch}`);
for (const { name, what, run } of selected) {
  print(`\n${name}: ${what}`);
  await run(print);
}
process.exit();
