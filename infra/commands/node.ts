import {
  type ChallengerConfig,
  type ExecutorConfig,
  type NodeConfig,
  type SequencerConfig,
  secretsOf,
} from "../config/config.ts";
import { readRollup } from "../config/rollup.ts";
import { untilStopped } from "../node/lifecycle.ts";
import { type AssayNode, createChallengerNode, createExecutorNode, createSequencerNode } from "../node/node.ts";
import { createLogger } from "../telemetry/logger.ts";
import { createRegistry } from "../telemetry/metrics-server.ts";

/** Tells a parent that started us with an IPC channel where we listen. */
const announce = (node: AssayNode): void => {
  process.send?.({ ready: { rpc: node.rpc, metrics: node.metrics, p2p: node.p2p } });
};

const telemetryOf = (
  name: string,
  config: Pick<NodeConfig, "logLevel" | "logFormat" | "logFile">,
  secrets: readonly string[],
) => ({
  logger: createLogger({
    name,
    level: config.logLevel,
    format: config.logFormat,
    file: config.logFile,
    secrets,
  }),
  registry: createRegistry(),
});

/** `assay executor` */
export const executorCommand = async (config: ExecutorConfig): Promise<number> => {
  const rollup = readRollup(config.rollup);
  const telemetry = telemetryOf("executor", config, secretsOf(config));
  return untilStopped(telemetry.logger, async () => {
    const node = await createExecutorNode(telemetry, config, rollup);
    announce(node);
    return node;
  });
};

/** `assay challenger` */
export const challengerCommand = async (config: ChallengerConfig): Promise<number> => {
  const rollup = readRollup(config.rollup);
  const telemetry = telemetryOf("challenger", config, secretsOf(config));
  return untilStopped(telemetry.logger, async () => {
    const node = await createChallengerNode(telemetry, config, rollup);
    announce(node);
    return node;
  });
};

/** `assay sequencer` */
export const sequencerCommand = async (config: SequencerConfig): Promise<number> => {
  const rollup = readRollup(config.rollup);
  const telemetry = telemetryOf("sequencer", config, secretsOf(config));
  return untilStopped(telemetry.logger, async () => {
    const node = await createSequencerNode(telemetry, config, rollup);
    announce(node);
    return node;
  });
};
