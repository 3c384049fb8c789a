import { CodedError } from "../executor/index.ts";

export type ConfigErrorCode = "CONFIG_INVALID" | "CONFIG_MISSING";

/** One row of the table: everything that help, documentation and parsing know about a setting. */
export type Setting<T> = {
  readonly flag: `--${string}`;
  /** Name of the value in help; a setting without one is a switch. */
  readonly argument?: string;
  readonly variable: `ASSAY_${string}`;
  readonly description: string;
  /** As one would type it. Without one, and unless `optional`, the setting must be given. */
  readonly fallback?: string;
  readonly optional?: true;
  /** Never logged. */
  readonly secret?: true;
  /** Throws a RangeError that says what is expected. */
  readonly parse: (text: string) => T;
};

const text = (value: string): string => {
  if (value === "") throw new RangeError("expected a non-empty text");
  return value;
};

const integer =
  (lo: number, hi: number) =>
  (value: string): number => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < lo || number > hi)
      throw new RangeError(`expected an integer from ${lo} to ${hi}`);
    return number;
  };

const oneOf =
  <const T extends readonly string[]>(...allowed: T) =>
  (value: string): T[number] => {
    if (!allowed.includes(value)) throw new RangeError(`expected one of ${allowed.join(", ")}`);
    return value as T[number];
  };

const httpUrl = (value: string): string => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") throw new RangeError("expected an http or https URL");
  return value;
};

const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const privateKey = (value: string): `0x${string}` => {
  if (!/^0x[0-9a-fA-F]{64}$/.test(value)) throw new RangeError("expected 0x and 64 hex digits");
  if (BigInt(value) === 0n || BigInt(value) >= CURVE_ORDER) throw new RangeError("expected a key of secp256k1");
  return value as `0x${string}`;
};

const modelName = (value: string): string => {
  if (!/^[a-z0-9._/-]+@\d+\.\d+$/.test(value) || value.length > 64)
    throw new RangeError("expected name@major.minor: a-z, 0-9, '.', '_', '-', '/', at most 64 characters");
  return value;
};

const flag = (value: string): boolean => {
  if (!["true", "false", "1", "0"].includes(value)) throw new RangeError("expected true or false");
  return value === "true" || value === "1";
};

const port = integer(0, 65535);

/** INVARIANT: flags and variables are unique. */
export const SETTINGS = {
  logLevel: {
    flag: "--log-level",
    argument: "level",
    variable: "ASSAY_LOG_LEVEL",
    fallback: "info",
    description: "least severe level that is logged: trace, debug, info, warn, error, fatal or silent",
    parse: oneOf("trace", "debug", "info", "warn", "error", "fatal", "silent"),
  },
  logFormat: {
    flag: "--log-format",
    argument: "format",
    variable: "ASSAY_LOG_FORMAT",
    fallback: "auto",
    description: "json, pretty, or auto: pretty on a terminal, json otherwise",
    parse: oneOf("auto", "json", "pretty"),
  },
  logFile: {
    flag: "--log-file",
    argument: "file",
    variable: "ASSAY_LOG_FILE",
    optional: true,
    description: "append the log to this file instead of standard error",
    parse: text,
  },
  l1Rpc: {
    flag: "--l1-rpc",
    argument: "url",
    variable: "ASSAY_L1_RPC",
    description: "JSON-RPC endpoint of the L1 node",
    parse: httpUrl,
  },
  rollup: {
    flag: "--rollup",
    argument: "file",
    variable: "ASSAY_ROLLUP",
    description: "rollup.json: L1 contracts, genesis and chain parameters",
    parse: text,
  },
  dataDir: {
    flag: "--data-dir",
    argument: "directory",
    variable: "ASSAY_DATA_DIR",
    description: "directory of the node's database; made when absent",
    parse: text,
  },
  rpcPort: {
    flag: "--rpc-port",
    argument: "port",
    variable: "ASSAY_RPC_PORT",
    fallback: "9545",
    description: "loopback port of the JSON-RPC server; 0 takes a free one",
    parse: port,
  },
  metricsPort: {
    flag: "--metrics-port",
    argument: "port",
    variable: "ASSAY_METRICS_PORT",
    fallback: "7300",
    description: "loopback port of /metrics, /healthz and /readyz; 0 takes a free one",
    parse: port,
  },
  l1PollMs: {
    flag: "--l1-poll-ms",
    argument: "ms",
    variable: "ASSAY_L1_POLL_MS",
    fallback: "1000",
    description: "how often the L1 head is asked for",
    parse: integer(10, 600_000),
  },
  keepStates: {
    flag: "--keep-states",
    argument: "blocks",
    variable: "ASSAY_KEEP_STATES",
    fallback: "4096",
    description: "how many of the latest states stay readable; older ones are pruned",
    parse: integer(64, 100_000_000),
  },
  callTimeoutMs: {
    flag: "--call-timeout-ms",
    argument: "ms",
    variable: "ASSAY_CALL_TIMEOUT_MS",
    fallback: "5000",
    description: "time after which an eth_call or eth_estimateGas is aborted",
    parse: integer(100, 600_000),
  },
  sequencerKey: {
    flag: "--sequencer-key",
    argument: "key",
    variable: "ASSAY_SEQUENCER_KEY",
    secret: true,
    description: "private key that posts batches to L1; prefer the variable, flags are visible to other users",
    parse: privateKey,
  },
  blockTimeMs: {
    flag: "--block-time-ms",
    argument: "ms",
    variable: "ASSAY_BLOCK_TIME_MS",
    fallback: "250",
    description: "time between two blocks while transactions wait",
    parse: integer(10, 600_000),
  },
  batchIntervalMs: {
    flag: "--batch-interval-ms",
    argument: "ms",
    variable: "ASSAY_BATCH_INTERVAL_MS",
    fallback: "1000",
    description: "longest time that a block waits for its batch",
    parse: integer(10, 3_600_000),
  },
  json: {
    flag: "--json",
    variable: "ASSAY_JSON",
    fallback: "false",
    description: "print one line of JSON and nothing else",
    parse: flag,
  },
  l1Port: {
    flag: "--l1-port",
    argument: "port",
    variable: "ASSAY_L1_PORT",
    fallback: "8545",
    description: "loopback port of the L1 node; 0 takes a free one",
    parse: port,
  },
  l1BlockTime: {
    flag: "--l1-block-time",
    argument: "seconds",
    variable: "ASSAY_L1_BLOCK_TIME",
    fallback: "1",
    description: "seconds between two L1 blocks",
    parse: integer(1, 60),
  },
  executorRpcPort: {
    flag: "--executor-rpc-port",
    argument: "port",
    variable: "ASSAY_EXECUTOR_RPC_PORT",
    fallback: "9546",
    description: "loopback port of the executor's JSON-RPC server; 0 takes a free one",
    parse: port,
  },
  executorMetricsPort: {
    flag: "--executor-metrics-port",
    argument: "port",
    variable: "ASSAY_EXECUTOR_METRICS_PORT",
    fallback: "7301",
    description: "loopback port of the executor's metrics; 0 takes a free one",
    parse: port,
  },
  devnetDir: {
    flag: "--data-dir",
    argument: "directory",
    variable: "ASSAY_DATA_DIR",
    optional: true,
    description: "empty directory for databases and logs, kept; without it a temporary one, removed at the end",
    parse: text,
  },
  keep: {
    flag: "--keep",
    variable: "ASSAY_KEEP",
    fallback: "false",
    description: "keep the temporary directory at the end",
    parse: flag,
  },
  ownRpc: {
    flag: "--rpc",
    argument: "url",
    variable: "ASSAY_RPC",
    description: "JSON-RPC endpoint of the node that is trusted: one's own executor",
    parse: httpUrl,
  },
  againstRpc: {
    flag: "--against",
    argument: "url",
    variable: "ASSAY_AGAINST",
    description: "JSON-RPC endpoint of the node that is compared with it",
    parse: httpUrl,
  },
  out: {
    flag: "--out",
    argument: "file",
    variable: "ASSAY_OUT",
    optional: true,
    description: "where the artifact goes; the model's name with .assay when not given",
    parse: text,
  },
  modelName: {
    flag: "--name",
    argument: "name@major.minor",
    variable: "ASSAY_NAME",
    optional: true,
    description: "name under which contracts find the model, if it is still free",
    parse: modelName,
  },
  privateKey: {
    flag: "--private-key",
    argument: "key",
    variable: "ASSAY_PRIVATE_KEY",
    secret: true,
    description: "private key that pays on L1; prefer the variable, flags are visible to other users",
    parse: privateKey,
  },
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof SETTINGS;

type ValueOf<S> = S extends { parse: (text: string) => infer T; optional: true }
  ? T | undefined
  : S extends { parse: (text: string) => infer T }
    ? T
    : never;
export type Config<Name extends SettingName> = { readonly [K in Name]: ValueOf<(typeof SETTINGS)[K]> };

/** Which settings a command takes. */
const LOG = ["logLevel", "logFormat", "logFile"] as const;
const NODE = [
  ...LOG,
  "l1Rpc",
  "rollup",
  "dataDir",
  "rpcPort",
  "metricsPort",
  "l1PollMs",
  "keepStates",
  "callTimeoutMs",
] as const satisfies readonly SettingName[];

export const COMMAND_SETTINGS = {
  executor: NODE,
  sequencer: [...NODE, "sequencerKey", "blockTimeMs", "batchIntervalMs"],
  devnet: [
    ...LOG,
    "json",
    "l1Port",
    "l1BlockTime",
    "rpcPort",
    "executorRpcPort",
    "metricsPort",
    "executorMetricsPort",
    "blockTimeMs",
    "batchIntervalMs",
    "devnetDir",
    "keep",
  ],
  audit: ["json", "ownRpc", "againstRpc"],
  "model inspect": ["json"],
  "model compile": ["json", "out"],
  "model publish": [...LOG, "json", "l1Rpc", "rollup", "modelName", "privateKey"],
} as const satisfies Record<string, readonly SettingName[]>;

export type CommandName = keyof typeof COMMAND_SETTINGS;
export type CommandConfig<C extends CommandName> = Config<(typeof COMMAND_SETTINGS)[C][number]>;
export type ExecutorConfig = CommandConfig<"executor">;
export type SequencerConfig = CommandConfig<"sequencer">;
export type DevnetConfig = CommandConfig<"devnet">;

const invalid = (setting: Setting<unknown>, given: string, origin: string, error: unknown): CodedError =>
  new CodedError<ConfigErrorCode>(
    "CONFIG_INVALID",
    `${origin} ${setting.secret ? "(hidden)" : JSON.stringify(given)}: ${error instanceof Error ? error.message : error}`,
    { setting: setting.flag },
  );

/**
 * A flag wins over its variable, the variable over the default.
 * CONFIG_MISSING, CONFIG_INVALID: naming the flag or the variable that is wrong.
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
    .filter((name) => (SETTINGS[name] as Setting<unknown>).secret)
    .map((name) => String(config[name]));
