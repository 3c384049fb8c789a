import type { CommandConfig, CommandName } from "../config/config.ts";

/** One command of the command line. Its options and their help come from `COMMAND_SETTINGS`. */
export type CommandRow<C extends CommandName> = {
  readonly description: string;
  /** The operand as commander writes it: `<required>` or `[optional]`. */
  readonly operand?: string;
  /** Answers the exit code. A module is loaded when its command runs. */
  run(config: CommandConfig<C>, ...operands: string[]): Promise<number>;
};

/** Commands that only have others below them. */
export const GROUPS: Readonly<Record<string, string>> = {
  peers: "look at a node's peers, add and remove them",
  evidence: "look at what proves that the sequencer signed two blocks at one height",
  dispute: "look at a challenger's disputes",
  upgrade: "announce, take back and carry out another claim registry",
  keys: "announce other keys of the sequencer and the guardian",
  snapshot: "write and check snapshots of the state at a confirmed claim",
  model: "compile, publish and look at models",
};

/** Every command, by its full name, in the order of the help. */
export const COMMANDS: { readonly [C in CommandName]: CommandRow<C> } = {
  devnet: {
    description: "run L1, sequencer and executor on this machine, with a sample model and contract",
    run: async (config) => (await import("./devnet.ts")).devnetCommand(config),
  },
  sequencer: {
    description: "run a sequencer: it orders transactions, builds blocks and posts batches",
    run: async (config) => (await import("./node.ts")).sequencerCommand(config),
  },
  executor: {
    description: "run an executor: it derives the chain from L1, hears its newest blocks from peers, and serves it",
    run: async (config) => (await import("./node.ts")).executorCommand(config),
  },
  challenger: {
    description: "run a challenger: it recomputes every claim from L1 alone and disputes the wrong ones",
    run: async (config) => (await import("./node.ts")).challengerCommand(config),
  },
  deploy: {
    description: "deploy the L1 contracts of a new chain and write its rollup.json",
    run: async (config) => (await import("./deploy.ts")).deployCommand(config),
  },
  "upgrade deploy": {
    description: "deploy this version's claim registry, rules and verifiers, to be announced",
    run: async (config) => (await import("./owner.ts")).deployUpgradeCommand(config),
  },
  "upgrade schedule": {
    description: "announce that a claim registry takes over",
    operand: "<registry>",
    run: async (config, registry) => (await import("./owner.ts")).scheduleUpgradeCommand(config, registry),
  },
  "upgrade cancel": {
    description: "take the announced upgrade back",
    run: async (config) => (await import("./owner.ts")).cancelUpgradeCommand(config),
  },
  "upgrade execute": {
    description: "let the announced claim registry take over, when its time has come",
    run: async (config) => (await import("./owner.ts")).executeUpgradeCommand(config),
  },
  "keys rotate": {
    description: "announce another key of a role",
    operand: "<address>",
    run: async (config, key) => (await import("./owner.ts")).rotateKeyCommand(config, key),
  },
  "keys cancel": {
    description: "take the announced key of a role back",
    run: async (config) => (await import("./owner.ts")).cancelKeyCommand(config),
  },
  "snapshot export": {
    description: "write the state at the newest confirmed claim that a stopped node has to a file",
    run: async (config) => (await import("./snapshot.ts")).exportCommand(config),
  },
  "snapshot verify": {
    description: "check every piece of a snapshot against the claim that L1 has confirmed",
    operand: "<file>",
    run: async (config, file) => (await import("./snapshot.ts")).verifyCommand(config, file),
  },
  audit: {
    description: "find the first block on which two nodes differ",
    run: async (config) => (await import("./audit.ts")).auditCommand(config),
  },
  status: {
    description: "print a node's heads, how far it has read L1 and what is claimed there; or how far a transaction is",
    operand: "[transaction]",
    run: async (config, transaction) => (await import("./status.ts")).statusCommand(config, transaction),
  },
  "peers list": {
    description: "print the connected peers with address, score and bytes",
    run: async (config) => (await import("./peers.ts")).listPeersCommand(config),
  },
  "peers add": {
    description: "connect to a peer and keep the connection",
    operand: "<multiaddr>",
    run: async (config, address) => (await import("./peers.ts")).addPeerCommand(config, address),
  },
  "peers remove": {
    description: "drop a peer: it is not dialled again by name, but may be found again",
    operand: "<id or multiaddr>",
    run: async (config, peer) => (await import("./peers.ts")).removePeerCommand(config, peer),
  },
  "evidence list": {
    description: "print every pair: height, kind, hashes, revisions, times",
    run: async (config) => (await import("./evidence.ts")).listEvidenceCommand(config),
  },
  "evidence resume": {
    description: "an operator has seen the evidence: follow gossip again",
    run: async (config) => (await import("./evidence.ts")).resumeGossipCommand(config),
  },
  "dispute list": {
    description: "print a line for every claim that is not judged right: verdict, state, clock, moves",
    run: async (config) => (await import("./dispute.ts")).listDisputesCommand(config),
  },
  "dispute show": {
    description: "print one dispute with its claims and moves",
    operand: "<id of a claim>",
    run: async (config, id) => (await import("./dispute.ts")).showDisputeCommand(config, id),
  },
  "dispute explain": {
    description: "print why each move is made, or what keeps the challenger from one",
    operand: "<id of a claim>",
    run: async (config, id) => (await import("./dispute.ts")).explainDisputeCommand(config, id),
  },
  "model inspect": {
    description: "print schema, size, gas and id of an ONNX file, or of a registered model by id or name",
    operand: "<file, id or name>",
    run: async (config, what) => (await import("./model.ts")).inspectCommand(config, what),
  },
  "model compile": {
    description: "write the artifact that is published through L1",
    operand: "<file>",
    run: async (config, file) => (await import("./model.ts")).compileCommand(config, file),
  },
  "model publish": {
    description: "post the model's artifact to L1 and register it on the rollup; what L1 has is not sent twice",
    operand: "<file>",
    run: async (config, file) => (await import("./model.ts")).publishCommand(config, file),
  },
  "model list": {
    description: "print the models that contracts can call",
    run: async (config) => (await import("./model-registry.ts")).listModelsCommand(config),
  },
  "model status": {
    description: "print what became of a model's publications",
    operand: "<id or name>",
    run: async (config, id) => (await import("./model-registry.ts")).modelStatusCommand(config, id),
  },
};
