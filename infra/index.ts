// The face of the infrastructure: what tests and benchmarks may import.
export { stepText } from "./commands/dispute.ts";
export { COMMAND_SETTINGS, type CommandName, resolveConfig } from "./config/config.ts";
export { genesisOf, type Rollup, readRollup, writeRollup } from "./config/rollup.ts";
export { clientsOf } from "./devnet/contract.ts";
export { type DevnetInfo, startDevnet } from "./devnet/devnet.ts";
export { startNode } from "./devnet/nodes.ts";
export { opStackClients } from "./devnet/op-stack.ts";
export { SAMPLE_NAME, type Scan, sampleModelFile, sampleScans } from "./devnet/sample.ts";
export { connectL1 } from "./node/l1.ts";
export { type AssayNode, createChallengerNode, createExecutorNode, createSequencerNode } from "./node/node.ts";
export { askNode } from "./node/rpc-client.ts";
export { foundryBinary } from "./processes/anvil.ts";
export { beginWith } from "./snapshot/begin.ts";
export { exportSnapshot, type SnapshotParts } from "./snapshot/export.ts";
export { restoreFromPlace } from "./snapshot/restore.ts";
export { createSnapshotKeeper, snapshotProvider } from "./snapshot/serve.ts";
