import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { concat, type Hex, numberToHex, pad, serializeTransaction } from "viem";
import { domainSeparator, type InstalledAccount } from "../../executor/genesis/preinstalls.ts";
import { DOMAINS, type Immutable, type Preinstall, type Publication } from "../../executor/genesis/publication.ts";
import { addressOf, creationOf, replay } from "../../executor/genesis/replay.fixture.ts";

// `npm run generate:preinstalls`: takes what ordinary tools expect at its usual address from the packages in which its
// authors published it, proves that each leads to its address, and writes `executor/genesis/preinstalls.gen.ts`.

const CREATE2_FACTORY: Hex = "0x4e59b44847b379578588920ca78fbf26c0b4956c";
const SAFE_FACTORY: Hex = "0x914d7fec6aac8cd542e72bca78b30650d45643d7";
const ZERO: Hex = `0x${"00".repeat(32)}`;

const OP = "@eth-optimism/contracts-bedrock@0.17.3";
const PREINSTALLS = "src/libraries/Preinstalls.sol";
const AA7 = "@account-abstraction/contracts@0.7.0";
const AA8 = "@account-abstraction/contracts@0.8.0";
const SAFE3 = "@gnosis.pm/safe-contracts@1.3.0";
const SAFE4 = "@safe-global/safe-contracts@1.4.1";
const LGPL = "LGPL-3.0-only";
const GPL = "GPL-3.0-only";

type Row = {
  readonly name: string;
  readonly address: Hex;
  readonly packed: string;
  readonly file: string;
  readonly licence: string;
  readonly maker: Publication["maker"];
  /** The published bytes from the file's text; without it the file is an artifact with `bytecode`. */
  readonly bytesOf?: (text: string) => Hex;
  /** Names of the accounts that the constructor makes. */
  readonly also?: readonly string[];
};

const artifact = (text: string): Hex => {
  const { bytecode } = JSON.parse(text) as { bytecode: Hex | { object: Hex } };
  return typeof bytecode === "string" ? bytecode : bytecode.object;
};
const constantOf =
  (name: string) =>
  (text: string): Hex => {
    const [, code] = new RegExp(`constant ${name} =\\s*hex"([0-9a-f]+)"`).exec(text) ?? [];
    if (code === undefined) throw new Error(`no constant ${name}`);
    return `0x${code}`;
  };
/** Of the factories' and Multicall3's transactions all but code and signature is one. */
const signed = (data: Hex, gas: bigint, r: Hex, s: Hex, v: 27n | 28n): Hex =>
  serializeTransaction({ type: "legacy", nonce: 0, gasPrice: 100n * 10n ** 9n, gas, data }, { r, s, v });
const factory = (of: Hex, salt: Hex = ZERO) => ({ kind: "factory", factory: of, salt }) as const;
/** Solidity's constructor without arguments and immutables, before code of this many bytes. */
const solcHead = (size: number): Hex =>
  concat(["0x608060405234801561001057600080fd5b5061", numberToHex(size, { size: 2 }), "0x806100206000396000f3fe"]);
const TWOS: Hex = `0x${"22".repeat(32)}`;
/** Of the transaction 0xf2f1fe96c16ee674bb7fcee166be52465a418927d124f5f1d231b36eae65d377: what precedes Permit2's code. */
const PERMIT2_HEAD: Hex =
  "0x60c0346100bb574660a052602081017f8cad95687ba82c2ce50e74f7b754645e5117c3a5bec8151c0726d5857980a86681527f9ac997416e8ff9d2ff6bebeb7149f65cdae5e32e2b90440b566bb3044041d36a60408301524660608301523060808301526080825260a082019180831060018060401b038411176100a557826040525190206080526123c090816100c1823960805181611b47015260a05181611b210152f35b634e487b7160e01b600052604160045260246000fd5b600080fd";

const safe = (version: "1.3.0" | "1.4.1", path: string, address: Hex): Row => {
  const [packed, title] = version === "1.3.0" ? [SAFE3, "Safe 1.3.0"] : [SAFE4, "Safe 1.4.1"];
  const contract = path.slice(path.lastIndexOf("/") + 1);
  return {
    name: `${title} ${contract}`,
    address,
    packed,
    file: `build/artifacts/contracts/${path}.sol/${contract}.json`,
    licence: LGPL,
    maker: factory(SAFE_FACTORY),
  };
};

const ROWS: readonly Row[] = [
  {
    name: "CREATE2 factory",
    address: CREATE2_FACTORY,
    packed: OP,
    file: PREINSTALLS,
    licence: "MIT",
    maker: { kind: "transaction" },
    bytesOf: (text) =>
      signed(
        concat(["0x604580600e600039806000f350fe", constantOf("DeterministicDeploymentProxyCode")(text)]),
        100_000n,
        TWOS,
        TWOS,
        27n,
      ),
  },
  {
    name: "Multicall3",
    address: "0xca11bde05977b3631167028862be2a173976ca11",
    packed: OP,
    file: PREINSTALLS,
    licence: "MIT",
    maker: { kind: "transaction" },
    bytesOf: (text) => {
      const code = constantOf("MultiCall3Code")(text);
      return signed(
        concat([solcHead(code.length / 2 - 1), code]),
        1_000_000n,
        "0xedce47092c0f398cebf3ffc267f05c8e7076e3b89445e0fe50f6332273d4569b",
        "0x1b0b9d000e19b24c5869b0fc3b22b0d6fa47cd63316875cbbd577d76e6fde086",
        28n,
      );
    },
  },
  {
    name: "Permit2",
    address: "0x000000000022d473030f116ddee9f6b43ac78ba3",
    packed: OP,
    file: PREINSTALLS,
    licence: "MIT",
    maker: factory(CREATE2_FACTORY, "0x0000000000000000000000000000000000000000d3af2663da51c10215000000"),
    // As the source says, the template has words of some chain at these two places.
    bytesOf: (text) => {
      const code = bufferOf(constantOf("Permit2TemplateCode")(text));
      for (const at of [6945, 6983]) code.fill(0, at, at + 32);
      return concat([PERMIT2_HEAD, `0xfe${code.toString("hex")}`]);
    },
  },
  {
    name: "EntryPoint 0.7",
    address: "0x0000000071727de22e5e9d8baf0edac6f37da032",
    packed: AA7,
    file: "artifacts/EntryPoint.json",
    licence: GPL,
    maker: factory(CREATE2_FACTORY, "0x90d8084deab30c2a37c45e8d47f49f2f7965183cb6990a98943ef94940681de3"),
    also: ["SenderCreator 0.7"],
  },
  {
    name: "EntryPoint 0.8",
    address: "0x4337084d9e255ff0702461cf8895ce9e3b5ff108",
    packed: AA8,
    file: "artifacts/EntryPoint.json",
    licence: GPL,
    maker: factory(CREATE2_FACTORY, "0x0a59dbff790c23c976a548690c27297883cc66b4c67024f9117b0238995e35e9"),
    also: ["SenderCreator 0.8"],
  },
  {
    name: "Safe singleton factory",
    address: SAFE_FACTORY,
    packed: "@safe-global/safe-singleton-factory@2.0.0",
    file: "artifacts/1/deployment.json",
    licence: "MIT",
    maker: { kind: "transaction" },
    bytesOf: (text) => (JSON.parse(text) as { transaction: Hex }).transaction,
  },
  safe("1.3.0", "GnosisSafe", "0x69f4d1788e39c87893c980c06edf4b7f686e2938"),
  safe("1.3.0", "GnosisSafeL2", "0xfb1bffc9d739b8d520daf37df666da4c687191ea"),
  safe("1.3.0", "proxies/GnosisSafeProxyFactory", "0xc22834581ebc8527d974f8a1c97e1bea4ef910bc"),
  safe("1.3.0", "handler/CompatibilityFallbackHandler", "0x017062a1de2fe6b99be3d9d37841fed19f573804"),
  safe("1.3.0", "libraries/MultiSend", "0x998739bfdaadde7c933b942a68053933098f9eda"),
  safe("1.3.0", "libraries/MultiSendCallOnly", "0xa1dabef33b3b82c7814b6d82a79e50f4ac44102b"),
  safe("1.3.0", "libraries/CreateCall", "0xb19d6ffc2182150f8eb585b79d4abcd7c5640a9d"),
  safe("1.3.0", "accessors/SimulateTxAccessor", "0x727a77a074d1e6c4530e814f89e618a3298fc044"),
  safe("1.4.1", "Safe", "0x41675c099f32341bf84bfc5382af534df5c7461a"),
  safe("1.4.1", "SafeL2", "0x29fcb43b46531bca003ddc8fcb67ffe91900c762"),
  safe("1.4.1", "proxies/SafeProxyFactory", "0x4e1dcf7ad4e460cfd30791ccc4f9c8a4f820ec67"),
  safe("1.4.1", "handler/CompatibilityFallbackHandler", "0xfd0732dc9e303f09fcef3a7388ad10a83459ec99"),
  safe("1.4.1", "libraries/MultiSend", "0x38869bf66a61cf6bdb996a6ae40d5853fd43b526"),
  safe("1.4.1", "libraries/MultiSendCallOnly", "0x9641d764fc13c8b624c04430c7356c1c7c8102e2"),
  safe("1.4.1", "libraries/CreateCall", "0x9b35af71d77eaf8d7e40252370304687390a1a52"),
  safe("1.4.1", "libraries/SignMessageLib", "0xd53cd0ab83d845ac265be939c57f53ad838012c9"),
  safe("1.4.1", "accessors/SimulateTxAccessor", "0x3d4ba2e0884aa488718476ca2fb8efc291a46199"),
  {
    name: "WETH",
    address: "0x4200000000000000000000000000000000000006",
    packed: "@eth-optimism/contracts-bedrock@0.16.2",
    file: "forge-artifacts/WETH9.sol/WETH9.json",
    licence: "GPL-3.0-or-later",
    maker: { kind: "convention" },
  },
];

/** One file of each package, by npm's own client into a directory that is gone afterwards. */
const fetchFiles = (rows: readonly Row[]): ReadonlyMap<string, string> => {
  const directory = mkdtempSync(join(tmpdir(), "preinstalls-"));
  try {
    const files = new Map<string, string>();
    for (const packed of new Set(rows.map((row) => row.packed))) {
      const archive = execFileSync("npm", ["pack", "--silent", packed], { cwd: directory, encoding: "utf8" }).trim();
      for (const { file } of rows.filter((row) => row.packed === packed)) {
        const options = { cwd: directory, encoding: "utf8", maxBuffer: 2 ** 26 } as const;
        files.set(`${packed} ${file}`, execFileSync("tar", ["xzfO", archive, `package/${file}`], options));
      }
    }
    return files;
  } finally {
    rmSync(directory, { recursive: true });
  }
};

/** Two chains: what differs between them is said by the chain's id. */
const CHAINS = [1n, 2n ** 48n + 12345n] as const;
const wordAt = (code: Buffer, at: number): Hex => `0x${code.subarray(at, at + 32).toString("hex")}`;
const bufferOf = (hex: Hex): Buffer => Buffer.from(hex.slice(2), "hex");

/** Where the code stands in what was published, zeros aside: those are words that the constructor wrote. */
const findCode = (code: Buffer, bytes: Buffer): number => {
  const fits = (begin: number) => code.every((byte, i) => bytes[begin + i] === byte || bytes[begin + i] === 0);
  const places = Array.from({ length: bytes.length - code.length + 1 }, (_, begin) => begin).filter(fits);
  if (places.length !== 1) throw new Error(`the code is at ${places.length} places`);
  return places[0] as number;
};

const PUSH32 = 0x7f;
/** The words that differ from what was published: each behind a PUSH32, zeros there. */
const immutablesOf = (codes: readonly Buffer[], bytes: Buffer, begin: number, domain: readonly Hex[]) => {
  const [code, other] = codes as [Buffer, Buffer];
  const found: [number, Immutable][] = [];
  for (let i = 0; i < code.length; i++) {
    if (code[i] === bytes[begin + i] && other[i] === bytes[begin + i]) continue;
    let at = i;
    while (bytes[begin + at - 1] !== PUSH32) at--;
    if (i - at > 31 || !/^0x0{64}$/.test(wordAt(bytes, begin + at))) throw new Error(`no immutable at ${i}`);
    const values = codes.map((each) => wordAt(each, at));
    const is = (wanted: readonly Hex[]) => values.every((value, index) => value === wanted[index]);
    if (values[0] === values[1]) found.push([at, values[0] as Hex]);
    else if (is(CHAINS.map((id) => pad(numberToHex(id))))) found.push([at, "chainId"]);
    else if (is(domain)) found.push([at, "domainSeparator"]);
    else throw new Error(`the word at ${at} differs from chain to chain`);
    i = at + 31;
  }
  return found;
};

const preinstallsOf = async (row: Row, bytes: Hex): Promise<readonly Preinstall[]> => {
  const creation = creationOf({ maker: row.maker, bytes });
  const [one, two] = await Promise.all(CHAINS.map((id) => replay(creation, row.address, id)));
  const names = [row.name, ...(row.also ?? [])];
  const accounts = Object.entries(one as Readonly<Record<Hex, InstalledAccount>>) as [Hex, InstalledAccount][];
  if (accounts.length !== names.length) throw new Error(`${row.name} leaves ${accounts.length} accounts`);
  return accounts.map(([address, account], index) => {
    const name = names[index] as string;
    const domain = DOMAINS[name];
    const codes = [account, two?.[address] as InstalledAccount].map(({ code }) => bufferOf(code));
    const published = bufferOf(bytes);
    const begin = findCode(codes[0] as Buffer, published);
    const separators = domain === undefined ? [] : CHAINS.map((id) => domainSeparator(domain, id, address));
    return {
      name,
      address,
      nonce: account.nonce,
      publication: row.name,
      begin,
      size: (codes[0] as Buffer).length,
      immutables: immutablesOf(codes, published, begin, separators),
      storage: account.storage,
    };
  });
};

const print = (value: unknown): string =>
  JSON.stringify(value, (_key, each) => (typeof each === "bigint" ? `${each}n` : each)).replaceAll(/"(\d+n)"/g, "$1");

const generate = async (): Promise<string> => {
  const files = fetchFiles(ROWS);
  const publications: Publication[] = [];
  const preinstalls: Preinstall[] = [];
  for (const row of ROWS) {
    const text = files.get(`${row.packed} ${row.file}`) as string;
    const bytes = (row.bytesOf ?? artifact)(text);
    const { name, licence, maker } = row;
    const made = await addressOf({ maker, bytes });
    if (made !== undefined && made !== row.address) throw new Error(`${name} leads to ${made}, not ${row.address}`);
    publications.push({ name, source: `${row.packed} ${row.file}`, licence, maker, bytes });
    preinstalls.push(...(await preinstallsOf(row, bytes)));
  }
  const list = (name: string, type: string, all: readonly unknown[]): string =>
    [`export const ${name}: readonly ${type}[] = [`, ...all.map((one) => `  ${print(one)},`), "];\n"].join("\n");
  return [
    "// Generated by `npm run generate:preinstalls` from published packages. Not to be edited.",
    'import type { Preinstall, Publication } from "./publication.ts";',
    "",
    list("publications", "Publication", publications),
    list("preinstalls", "Preinstall", preinstalls),
  ].join("\n");
};

if (import.meta.main)
  writeFileSync(fileURLToPath(new URL("../../executor/genesis/preinstalls.gen.ts", import.meta.url)), await generate());
