// The face of the infrastructure: what tests and benchmarks may import.
export { COMMAND_SETTINGS, type CommandName, resolveConfig } from "./config.ts";
export { clientsOf } from "./devnet/contract.ts";
export { type DevnetInfo, startDevnet } from "./devnet/devnet.ts";
export { opStackClients } from "./devnet/op-stack.ts";
export { SAMPLE_NAME, type Scan, sampleModelFile, sampleScans } from "./devnet/sample.ts";
export { connectL1 } from "./l1.ts";
export { type AssayNode, createExecutorNode, createSequencerNode } from "./node.ts";
export { foundryBinary } from "./processes/anvil.ts";
export { genesisOf, type Rollup, readRollup, writeRollup } from "./rollup.ts";
export { askNode } from "./rpc-client.ts";
