import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";
import { CodedError, type Hex, keccak256, toHex } from "../../executor/index.ts";
import type { Surface } from "./surface.ts";

export type CompileErrorCode =
  /** The compiler has an error or a warning. The message is the compiler's: mend the contract. */
  | "SOLIDITY_ERROR"
  /** `generate.ts` keeps a contract that no source defines. Correct its table. */
  | "CONTRACT_MISSING";

/** `bytecode` creates the contract; `code` is what it leaves behind (immutables zero). */
export type Compiled = Surface & { readonly bytecode: Hex; readonly code: Hex };

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

type Output = {
  readonly errors?: readonly {
    readonly severity: string;
    readonly errorCode?: string;
    readonly formattedMessage: string;
  }[];
  readonly contracts: Record<
    string,
    Record<
      string,
      Surface & {
        readonly evm: {
          readonly bytecode: { readonly object: string };
          readonly deployedBytecode: { readonly object: string };
        };
      }
    >
  >;
};

/**
 * "Be careful with transient storage", said of every tstore: what it warns of, a mark that outlives its call, is tested.
 * "selfdestruct is deprecated": within the transaction of the creation it does what it always did.
 */
const NOTICES: ReadonlySet<string | undefined> = new Set(["2394", "5159"]);

/** Files that are compiled without the Yul optimiser, which spills the values of long straight code to memory. */
const WITHOUT_YUL_OPTIMISER: ReadonlySet<string> = new Set(["bridge/contracts/steps/KeccakF.sol"]);

/** The compiler's standard input for these files. */
const inputOf = (files: readonly string[], evmVersion: EvmVersion, yul: "optimised" | "as written"): string =>
  JSON.stringify({
    language: "Solidity",
    sources: Object.fromEntries(files.map((file) => [file, { content: readFileSync(join(ROOT, file), "utf8") }])),
    settings: {
      viaIR: true,
      optimizer: { enabled: true, runs: 200, ...(yul === "optimised" ? {} : { details: { yul: false } }) },
      evmVersion,
      metadata: { appendCBOR: false, bytecodeHash: "none" },
      outputSelection: { "*": { "*": ["abi", "storageLayout", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
    },
  });

/** The compiler's inputs for every `.sol` file under a folder of the repository, with the files that each is for. */
const inputsOf = (folder: string, evmVersion: EvmVersion): readonly { files: readonly string[]; input: string }[] => {
  const files = filesOf(folder);
  const optimised = files.filter((file) => !WITHOUT_YUL_OPTIMISER.has(file));
  const asWritten = files.filter((file) => WITHOUT_YUL_OPTIMISER.has(file));
  return [
    { files: optimised, input: inputOf(optimised, evmVersion, "optimised") },
    { files: asWritten, input: inputOf(asWritten, evmVersion, "as written") },
  ].filter((one) => one.files.length > 0);
};

export type EvmVersion = "cancun" | "prague";

const filesOf = (folder: string): readonly string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".sol"))
    .map((name) =>
      relative(ROOT, join(ROOT, folder, name))
        .split("\\")
        .join(posix.sep),
    )
    .sort();

/** Hash of all that decides what the files under these folders compile to: their text, the settings, the compiler. */
export const hashOfSources = (folders: readonly string[], evmVersion: EvmVersion): Hex =>
  toHex(
    keccak256(
      new TextEncoder().encode(
        [solc.version(), ...folders.flatMap((folder) => inputsOf(folder, evmVersion).map(({ input }) => input))].join(),
      ),
    ),
  );

const read = (path: string) => ({ contents: readFileSync(join(ROOT, path), "utf8") });

/**
 * Compiles every `.sol` file under a folder of the repository with solc from npm. The result depends on the files alone.
 * SOLIDITY_ERROR on any error or warning.
 */
export const compileFolder = (folder: string, evmVersion: EvmVersion): ReadonlyMap<string, Compiled> => {
  const compiled = new Map<string, Compiled>();
  for (const { files, input } of inputsOf(folder, evmVersion)) {
    const output = JSON.parse(solc.compile(input, { import: read })) as Output;
    const complaints = (output.errors ?? []).filter(
      ({ severity, errorCode }) => severity !== "info" && !NOTICES.has(errorCode),
    );
    if (complaints.length > 0)
      throw new CodedError<CompileErrorCode>(
        "SOLIDITY_ERROR",
        complaints.map((error) => error.formattedMessage).join("\n"),
        { folder },
      );
    // What is imported from elsewhere belongs there.
    for (const [file, contracts] of Object.entries(output.contracts))
      for (const [name, { abi, storageLayout, evm }] of files.includes(file) ? Object.entries(contracts) : [])
        compiled.set(name, {
          abi,
          storageLayout,
          bytecode: `0x${evm.bytecode.object}`,
          code: `0x${evm.deployedBytecode.object}`,
        });
  }
  return compiled;
};
