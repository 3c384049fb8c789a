// The face of the infrastructure: what tests and benchmarks may import.
export { COMMAND_SETTINGS, type CommandName, type DevnetConfig, resolveConfig, settingsTable } from "./config.ts";
export { DEVNET_MNEMONIC, type DevnetAccount, devnetAccounts } from "./devnet/accounts.ts";
export { type Answer, type Clients, chainOf, clientsOf } from "./devnet/contract.ts";
export { agreeOn, type Devnet, type DevnetInfo, startDevnet } from "./devnet/devnet.ts";
export { drawScan, SAMPLE_NAME, type Scan, sampleModelFile, sampleScans } from "./devnet/sample.ts";
export { type AssayNode, createExecutorNode, createSequencerNode, type NodeErrorCode } from "./node.ts";
export { type Anvil, foundryBinary, startAnvil } from "./processes/anvil.ts";
export { type Rollup, readRollup, writeRollup } from "./rollup.ts";
export { createLogger, createMetricsServer, createRegistry } from "./telemetry/index.ts";
