import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * The rooms of the tree and what each may import beside itself, lowest first. `biome.json` is written from this table
 * (`npm run generate:rooms`), and Biome refuses everything else. Tests and fixtures are bound by the top folders only.
 */
export const ROOMS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  executor: {
    foundation: [],
    "onnx-proto": [],
    store: ["foundation"],
    blob: ["foundation"],
    tensor: ["foundation", "onnx-proto"],
    onnx: ["foundation", "onnx-proto", "tensor"],
    protocol: ["foundation"],
    precompiles: ["foundation", "protocol"],
    genesis: ["foundation"],
    state: ["foundation", "store", "protocol"],
    models: ["foundation", "store", "blob", "tensor", "protocol"],
    evm: ["foundation", "protocol", "precompiles", "models"],
    machine: ["foundation", "blob", "tensor", "protocol", "precompiles", "state", "models"],
    chain: ["foundation", "store", "protocol", "genesis", "state", "models", "evm"],
    p2p: ["foundation", "store", "blob", "protocol", "state", "models", "chain"],
    rpc: ["foundation", "protocol", "state", "machine", "chain", "p2p"],
  },
  bridge: {
    contracts: [],
    clients: ["contracts"],
    derivation: ["contracts", "clients"],
    claims: ["contracts", "clients", "derivation"],
  },
  sequencer: { mempool: [], batch: [], publish: [], block: ["mempool", "batch"] },
  challenger: { trace: [], game: ["trace"] },
  infra: {
    telemetry: [],
    processes: [],
    config: [],
    snapshot: ["config"],
    node: ["config", "snapshot", "telemetry"],
    devnet: ["config", "node", "processes", "telemetry"],
    commands: ["config", "snapshot", "node", "devnet", "telemetry"],
  },
};

/** The top folders that each may enter, through their `index.ts`. */
const BELOW: Readonly<Record<string, readonly string[]>> = {
  executor: [],
  bridge: ["executor"],
  sequencer: ["executor", "bridge"],
  challenger: ["executor", "bridge"],
  infra: ["executor", "bridge", "sequencer", "challenger"],
};

type Pattern = { readonly group: readonly string[]; readonly message: string };

const within = (folder: string): string => `**/${folder}/**`;

const topPatterns = (top: string): readonly Pattern[] => {
  const below = BELOW[top] ?? [];
  const above = [...Object.keys(BELOW), "test"].filter((folder) => folder !== top && !below.includes(folder));
  const forbidden = { group: above.map(within), message: `${top} may not import from ${above.join(", ")}` };
  if (below.length === 0) return [forbidden];
  const faces = below.map((folder) => `!**/${folder}/index.ts`);
  return [
    forbidden,
    { group: [...below.map(within), ...faces], message: "import another folder through its index.ts" },
  ];
};

const roomPattern = (top: string, room: string): Pattern | undefined => {
  const rooms = ROOMS[top] ?? {};
  const may = rooms[room] ?? [];
  const others = Object.keys(rooms).filter((other) => other !== room && !may.includes(other));
  if (others.length === 0) return undefined;
  const said = may.length === 0 ? "from no room beside it" : `beside it only from ${may.join(", ")}`;
  return { group: others.map(within), message: `${top}/${room} imports ${said}` };
};

const override = (includes: readonly string[], patterns: readonly Pattern[]) => ({
  includes,
  linter: { rules: { style: { noRestrictedImports: { level: "error", options: { patterns } } } } },
});

/** Biome's overrides that hold the table. */
const overrides = Object.entries(ROOMS).flatMap(([top, rooms]) => [
  override([`${top}/**`], topPatterns(top)),
  ...Object.keys(rooms).flatMap((room) => {
    const pattern = roomPattern(top, room);
    if (pattern === undefined) return [];
    return [override([`${top}/${room}/**`, "!**/*.test.ts", "!**/*.fixture.ts"], [...topPatterns(top), pattern])];
  }),
]);

const BIOME = new URL("../../biome.json", import.meta.url);

type BiomeConfig = { overrides: readonly { readonly includes: readonly string[] }[] };

/** `biome.json` as it is and as the table wants it; formatting aside, they are equal. */
export const biomeConfigs = (): { readonly actual: BiomeConfig; readonly wanted: BiomeConfig } => {
  const actual = JSON.parse(readFileSync(BIOME, "utf8")) as BiomeConfig;
  const others = actual.overrides.filter(({ includes }) => includes[0]?.startsWith("**") === true);
  return { actual, wanted: { ...actual, overrides: [...overrides, ...others] } };
};

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(BIOME, `${JSON.stringify(biomeConfigs().wanted)}\n`);
