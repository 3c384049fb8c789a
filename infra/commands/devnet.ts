import { messageOf } from "../../executor/index.ts";
import type { DevnetConfig } from "../config/config.ts";
import { type Devnet, type DevnetInfo, startDevnet } from "../devnet/devnet.ts";
import { drawScan, sampleScans } from "../devnet/sample.ts";
import { untilStopped } from "../node/lifecycle.ts";
import { createLogger } from "../telemetry/logger.ts";

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** Everything that a person wants to see of a running devnet. */
export const describeDevnet = (info: DevnetInfo): string => {
  const { sample, agreement } = info;
  const scans = sampleScans();
  const [shown] = scans;
  const first = sample.answers[0];
  const drawing =
    shown === undefined || first === undefined
      ? []
      : drawScan(shown).map((line, i) =>
          i === 3
            ? `  |${line}|   a contract says: ${first.digit}, ${(100 * first.confidence).toFixed(2)} % sure`
            : `  |${line}|`,
        );
  const answers = sample.answers.map(
    ({ label, digit, confidence, block }) =>
      `  written ${label}   read ${digit}   confidence ${(100 * confidence).toFixed(2).padStart(6)} %   block ${block}`,
  );
  const { heard } = info;
  const hearing =
    heard === null
      ? []
      : [
          heard.blocks === 0
            ? "The executor heard none of these blocks before L1 had them"
            : heard.blocks === 1
              ? `The executor heard the block by gossip, ${heard.slowestMs} ms after the sequencer announced it`
              : `The executor heard ${heard.blocks} blocks by gossip, at most ${heard.slowestMs} ms after the sequencer announced them`,
          "",
        ];
  const same = agreement.sequencer.stateRoot === agreement.executor.stateRoot ? "equal" : "DIFFERENT";
  return [
    "",
    ...drawing,
    "",
    ...answers,
    "",
    ...hearing,
    `State root after block ${agreement.block} (${same})`,
    `  sequencer  ${agreement.sequencer.stateRoot}`,
    `  executor   ${agreement.executor.stateRoot}   derived from L1${heard === null ? " alone" : ""}`,
    "",
    "Endpoints",
    `  L1                 ${info.l1Rpc}   chain ${info.l1ChainId}`,
    `  sequencer          ${info.sequencerRpc}   chain ${info.chainId}`,
    `  executor           ${info.executorRpc}   chain ${info.chainId}`,
    `  challenger         ${info.challengerRpc}   chain ${info.chainId}`,
    `  sequencer metrics  ${info.sequencerMetrics}/metrics`,
    `  executor metrics   ${info.executorMetrics}/metrics`,
    `  challenger metrics ${info.challengerMetrics}/metrics`,
    ...(info.sequencerP2p === null ? [] : [`  sequencer peers    ${info.sequencerP2p}`]),
    ...(info.executorP2p === null ? [] : [`  executor peers     ${info.executorP2p}`]),
    "",
    "Contracts",
    ...Object.entries(info.l1Contracts).map(([name, address]) => `  L1 ${name.padEnd(24)}${address}`),
    `  L2 ${"DigitClassifier".padEnd(24)}${sample.contract}`,
    `  model ${sample.modelName}   ${sample.modelId}   ${sample.gas} gas a call`,
    "",
    "Accounts, funded on both layers (known to everybody: never use them elsewhere)",
    ...info.accounts.map(({ address, privateKey }) => `  ${address}   ${privateKey}`),
    "",
    "Files",
    `  rollup     ${info.rollup}`,
    ...Object.entries(info.logs).map(([name, file]) => `  ${name.padEnd(10)} ${file ?? "elsewhere"}`),
    "",
    "Ether in, an inference paid with it, ether out",
  ].join("\n");
};

/** `assay devnet`: standard output has the answers and nothing else. */
export const devnetCommand = async (config: DevnetConfig): Promise<number> => {
  const logger = createLogger({
    name: "devnet",
    level: config.logLevel,
    format: config.logFormat,
    file: config.logFile,
  });
  const began = performance.now();
  const seconds = () => ((performance.now() - began) / 1000).toFixed(1);
  return untilStopped(logger, async (signal) => {
    const devnet: Devnet = await startDevnet(config, {
      logger,
      signal,
      progress: (step) => (config.json ? logger.debug(step) : print(`${seconds().padStart(5)} s  ${step}`)),
    });
    if (config.json) print(JSON.stringify(devnet.info));
    else {
      print(describeDevnet(devnet.info));
      await devnet.settle(print);
      print("\nRunning. Ctrl-C stops everything.");
    }
    logger.debug({ seconds: seconds() }, "devnet is ready");
    devnet.failed.catch((error: unknown) => process.stderr.write(`assay: ${messageOf(error)}\n`));
    return devnet;
  });
};
