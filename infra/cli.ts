import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { CodedError, messageOf } from "../executor/index.ts";
import { COMMAND_SETTINGS, type CommandConfig, type CommandName, notesOf, resolveConfig, usageOf } from "./config.ts";
import { SETTINGS, type Setting } from "./settings.ts";

/** 1: the command failed; 2: it was asked for wrongly. */
const EXIT = { failed: 1, usage: 2 } as const;

const version = (): string =>
  JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version as string;

/** A command whose options, help and parsing come from the table of settings. Answers its exit code. */
const define = <C extends CommandName>(
  command: Command,
  name: C,
  run: (config: CommandConfig<C>, ...operands: (string | undefined)[]) => Promise<number>,
): Command => {
  for (const settingName of COMMAND_SETTINGS[name]) {
    const setting: Setting<unknown> = SETTINGS[settingName];
    command.addOption(new Option(usageOf(setting), `${setting.description} ${notesOf(setting)}`));
  }
  return command.action(async (...actionArguments: unknown[]) => {
    const operands = actionArguments.filter((argument) => typeof argument === "string");
    const config = resolveConfig(COMMAND_SETTINGS[name], command.opts(), process.env);
    process.exitCode = await run(config as CommandConfig<C>, ...operands);
  });
};

const program = new Command("assay")
  .description("An optimistic rollup for verifiable AI inference")
  .version(version())
  .showHelpAfterError("(add --help for the options)")
  .exitOverride();

define(
  program
    .command("devnet")
    .description("run L1, sequencer and executor on this machine, with a sample model and contract"),
  "devnet",
  async (config) => (await import("./commands/devnet.ts")).devnetCommand(config),
);
define(
  program.command("sequencer").description("run a sequencer: it orders transactions, builds blocks and posts batches"),
  "sequencer",
  async (config) => (await import("./commands/node.ts")).sequencerCommand(config),
);
define(
  program
    .command("executor")
    .description("run an executor: it derives the chain from L1, hears its newest blocks from peers, and serves it"),
  "executor",
  async (config) => (await import("./commands/node.ts")).executorCommand(config),
);
define(
  program.command("deploy").description("deploy the L1 contracts of a new chain and write its rollup.json"),
  "deploy",
  async (config) => (await import("./commands/deploy.ts")).deployCommand(config),
);
define(
  program.command("audit").description("find the first block on which two nodes differ"),
  "audit",
  async (config) => (await import("./commands/audit.ts")).auditCommand(config),
);
define(
  program
    .command("status")
    .description("print a node's heads, how far it has read L1 and what is claimed there; or how far a transaction is")
    .argument("[transaction]"),
  "status",
  async (config, transaction) => (await import("./commands/status.ts")).statusCommand(config, transaction),
);
const peers = program.command("peers").description("look at a node's peers, add and remove them");
define(
  peers.command("list").description("print the connected peers with address, score and bytes"),
  "peers list",
  async (config) => (await import("./commands/peers.ts")).listPeersCommand(config),
);
define(
  peers.command("add").description("connect to a peer and keep the connection").argument("<multiaddr>"),
  "peers add",
  async (config, address) => (await import("./commands/peers.ts")).addPeerCommand(config, address as string),
);
define(
  peers
    .command("remove")
    .description("drop a peer: it is not dialled again by name, but may be found again")
    .argument("<id or multiaddr>"),
  "peers remove",
  async (config, peer) => (await import("./commands/peers.ts")).removePeerCommand(config, peer as string),
);
const evidence = program
  .command("evidence")
  .description("look at what proves that the sequencer signed two blocks at one height");
define(
  evidence.command("list").description("print every pair: height, kind, hashes, revisions, times"),
  "evidence list",
  async (config) => (await import("./commands/evidence.ts")).listEvidenceCommand(config),
);
define(
  evidence.command("resume").description("an operator has seen the evidence: follow gossip again"),
  "evidence resume",
  async (config) => (await import("./commands/evidence.ts")).resumeGossipCommand(config),
);
const model = program.command("model").description("compile, publish and look at models");
define(
  model
    .command("inspect")
    .description("print schema, size, gas and id of an ONNX file, or of a registered model by id or name")
    .argument("<file, id or name>"),
  "model inspect",
  async (config, what) => (await import("./commands/model.ts")).inspectCommand(config, what as string),
);
define(
  model.command("compile").description("write the artifact that is published through L1").argument("<file>"),
  "model compile",
  async (config, file) => (await import("./commands/model.ts")).compileCommand(config, file as string),
);
define(
  model
    .command("publish")
    .description("post the model's artifact to L1 and register it on the rollup; what L1 has is not sent twice")
    .argument("<file>"),
  "model publish",
  async (config, file) => (await import("./commands/model.ts")).publishCommand(config, file as string),
);

define(model.command("list").description("print the models that contracts can call"), "model list", async (config) =>
  (await import("./commands/model-registry.ts")).listModelsCommand(config),
);
define(
  model.command("status").description("print what became of a model's publications").argument("<id or name>"),
  "model status",
  async (config, id) => (await import("./commands/model-registry.ts")).modelStatusCommand(config, id as string),
);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
  } else if (error instanceof CodedError) {
    process.stderr.write(`assay: ${error.code}: ${error.message}\n`);
    process.exitCode = error.code.startsWith("CONFIG_") ? EXIT.usage : EXIT.failed;
  } else {
    process.stderr.write(`assay: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`);
    process.exitCode = EXIT.failed;
  }
}
// Nothing that was left running keeps a finished command alive.
process.exit();
