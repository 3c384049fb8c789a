import { CodedError } from "../../executor/index.ts";
import { SETTINGS, type Setting } from "./settings.ts";

export type ConfigErrorCode =
  /** A flag or variable has a value that cannot be, or two exclude each other. The message names them. */
  | "CONFIG_INVALID"
  /** A flag that has no default is missing. The message names it and its variable. */
  | "CONFIG_MISSING";

export type SettingName = keyof typeof SETTINGS;

type ValueOf<S> = S extends { parse: (text: string) => infer T; optional: true }
  ? T | undefined
  : S extends { parse: (text: string) => infer T }
    ? T
    : never;
export type Config<Name extends SettingName> = { readonly [K in Name]: ValueOf<(typeof SETTINGS)[K]> };

/** Which settings a command takes. */
const LOG = ["logLevel", "logFormat", "logFile"] as const;
/** Of a node, beside where its L1 is. */
const REST = [
  "l1Beacon",
  "rollup",
  "dataDir",
  "rpcPort",
  "metricsPort",
  "l1PollMs",
  "keepStates",
  "snapshot",
  "snapshotServe",
  "callTimeoutMs",
  "rpcNoAdmin",
  "p2pListen",
  "p2pBootnodes",
  "p2pScope",
  "p2pMaxPeers",
  "p2pOff",
] as const satisfies readonly SettingName[];
const NODE = [...LOG, "l1Rpc", ...REST] as const satisfies readonly SettingName[];

/** Of commands that announce, or carry out what was announced. */
const OWNER = ["json", "l1Rpc", "rollup", "printCall", "ownerKey"] as const satisfies readonly SettingName[];

export const COMMAND_SETTINGS = {
  executor: [...NODE, "claimKey", "claimIntervalBlocks", "claimDepth"],
  sequencer: [...NODE, "batcherKeys", "signerKeys", "blockTimeMs", "batchIntervalMs", "batchData"],
  devnet: [
    ...LOG,
    "json",
    "l1Port",
    "onL1",
    "l1BlockTime",
    "rpcPort",
    "executorRpcPort",
    "metricsPort",
    "executorMetricsPort",
    "blockTimeMs",
    "batchIntervalMs",
    "batchData",
    "p2pOff",
    "devnetDir",
    "keep",
  ],
  deploy: [
    "json",
    "l1Rpc",
    "newRollup",
    "privateKey",
    "l2ChainId",
    "owner",
    "batcher",
    "signer",
    "guardian",
    "upgradeDelay",
    "rotationDelay",
    "feeRecipient",
    "forceDelay",
    "gasRate",
    "forks",
    "challengePeriod",
    "censorship",
    "inclusionDelay",
    "claimSpacing",
    "bond",
    "proofMaturityDelay",
    "finalityDelay",
    "pauseDuration",
  ],
  challenger: [
    ...LOG,
    "l1Rpcs",
    ...REST,
    "challengeKey",
    "claimDepth",
    "alsoFor",
    "janitor",
    "maxSpendPerDay",
    "dryRun",
  ],
  "upgrade deploy": ["json", "l1Rpc", "rollup", "privateKey"],
  "upgrade schedule": OWNER,
  "upgrade cancel": OWNER,
  "upgrade execute": OWNER,
  "keys rotate": [...OWNER, "role"],
  "keys cancel": [...OWNER, "role"],
  "snapshot export": [...LOG, "json", "l1Rpc", "rollup", "dataDir", "snapshotOut"],
  "snapshot verify": [...LOG, "json", "l1Rpc", "rollup"],
  audit: ["json", "ownRpc", "againstRpc"],
  status: ["json", "nodeRpc"],
  "peers list": ["json", "nodeRpc"],
  "peers add": ["nodeRpc"],
  "peers remove": ["nodeRpc"],
  "evidence list": ["json", "nodeRpc"],
  "evidence resume": ["nodeRpc"],
  "dispute list": ["json", "nodeRpc"],
  "dispute show": ["json", "nodeRpc"],
  "dispute explain": ["json", "nodeRpc"],
  "model inspect": ["json", "nodeRpc"],
  "model compile": ["json", "out"],
  "model publish": [...LOG, "json", "l1Rpc", "rollup", "modelName", "modelData", "verdictRpc", "privateKey"],
  "model list": ["json", "nodeRpc"],
  "model status": ["json", "nodeRpc", "l1Rpc", "rollup"],
} as const satisfies Record<string, readonly SettingName[]>;

export type CommandName = keyof typeof COMMAND_SETTINGS;
export type CommandConfig<C extends CommandName> = Config<(typeof COMMAND_SETTINGS)[C][number]>;
/** What every node is told. */
export type NodeConfig = Config<(typeof NODE)[number]>;
export type ExecutorConfig = CommandConfig<"executor">;
export type ChallengerConfig = CommandConfig<"challenger">;
export type SequencerConfig = CommandConfig<"sequencer">;
export type DevnetConfig = CommandConfig<"devnet">;

const invalid = (setting: Setting<unknown>, given: string, origin: string, error: unknown): CodedError =>
  new CodedError<ConfigErrorCode>(
    "CONFIG_INVALID",
    `${origin} ${setting.secret ? "(hidden)" : JSON.stringify(given)}: ${error instanceof Error ? error.message : error}`,
    { setting: setting.flag },
  );

/** A switch, and a setting that means nothing beside it: whoever gives both has one of them in mind. */
const CONFLICTS: readonly (readonly [SettingName, SettingName])[] = [["p2pOff", "p2pBootnodes"]];

const refuseConflicts = (config: Readonly<Record<string, unknown>>): void => {
  for (const [one, other] of CONFLICTS) {
    if (config[one] !== true || config[other] === undefined) continue;
    const [first, second] = [SETTINGS[one], SETTINGS[other]];
    throw new CodedError<ConfigErrorCode>(
      "CONFIG_INVALID",
      `${first.flag} (or ${first.variable}) and ${second.flag} (or ${second.variable}) exclude each other: give one of them`,
      { settings: [first.flag, second.flag] },
    );
  }
};

/**
 * A flag wins over its variable, the variable over the default.
 * CONFIG_MISSING, CONFIG_INVALID: naming the flag or the variable that is wrong, or the two that exclude each other.
 */
export const resolveConfig = <Name extends SettingName>(
  names: readonly Name[],
  flags: Readonly<Record<string, string | boolean | undefined>>,
  environment: Readonly<Record<string, string | undefined>>,
): Config<Name> => {
  const config: Record<string, unknown> = {};
  for (const name of names) {
    const setting: Setting<unknown> = SETTINGS[name];
    const flagged = flags[keyOf(setting)];
    const [given, origin] =
      flagged !== undefined
        ? [String(flagged), setting.flag]
        : environment[setting.variable] !== undefined
          ? [environment[setting.variable], setting.variable]
          : [setting.fallback, setting.flag];
    if (given === undefined) {
      if (!setting.optional)
        throw new CodedError<ConfigErrorCode>(
          "CONFIG_MISSING",
          `${setting.flag} (or ${setting.variable}) is needed: ${setting.description}`,
          { setting: setting.flag },
        );
      config[name] = undefined;
      continue;
    }
    try {
      config[name] = setting.parse(given);
    } catch (error) {
      throw invalid(setting, given, origin, error);
    }
  }
  refuseConflicts(config);
  return config as Config<Name>;
};

/** The key under which commander keeps a flag: `--rpc-port` is `rpcPort`. */
export const keyOf = (setting: Pick<Setting<unknown>, "flag">): string =>
  setting.flag.slice(2).replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** `--rpc-port <port>`, as help and documentation write it. */
export const usageOf = (setting: Setting<unknown>): string =>
  setting.argument === undefined ? setting.flag : `${setting.flag} <${setting.argument}>`;

/** What follows the description in help: the variable and the default. */
export const notesOf = (setting: Setting<unknown>): string => {
  const notes = [`env: ${setting.variable}`];
  if (setting.fallback !== undefined && setting.argument !== undefined) notes.push(`default: ${setting.fallback}`);
  if (setting.fallback === undefined && !setting.optional) notes.push("required");
  return `(${notes.join(", ")})`;
};

/** The settings of a command as a Markdown table. */
export const settingsTable = (command: CommandName): string =>
  [
    "| flag | variable | default | meaning |",
    "| --- | --- | --- | --- |",
    ...COMMAND_SETTINGS[command].map((name) => {
      const setting: Setting<unknown> = SETTINGS[name];
      const fallback = setting.fallback ?? (setting.optional ? "" : "required");
      return `| \`${usageOf(setting)}\` | \`${setting.variable}\` | ${fallback} | ${setting.description} |`;
    }),
  ].join("\n");

/** Values that must never reach a log. */
export const secretsOf = <Name extends SettingName>(config: Config<Name>): string[] =>
  (Object.keys(config) as Name[])
    .filter((name) => (SETTINGS[name] as Setting<unknown>).secret && config[name] !== undefined)
    .flatMap((name): unknown => config[name])
    .map(String);
