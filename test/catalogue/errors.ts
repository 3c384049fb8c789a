import { RPC_CODE } from "../../executor/rpc/errors.ts";
import { type ContractError, readContractErrors } from "./contract-errors.ts";
import { type DeclaredCode, type ErrorCodes, readErrorCodes } from "./error-codes.ts";
import { link, type Page, ROOT, table, write } from "./page.ts";

/** Where an error of another node is passed on, whatever its code. */
const RELAYS: readonly string[] = ["infra/node/rpc-client.ts"];

/** Codes of the TypeScript side. Those that are named as contracts name errors are the contracts' own. */
const isOwn = ({ code }: Pick<DeclaredCode, "code">): boolean => /^[A-Z0-9_]+$/.test(code);

const grouped = <T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> => {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
};

const differing = <T extends { readonly doc: string; readonly file: string }>(
  items: readonly T[],
  keyOf: (item: T) => string,
): readonly string[] =>
  [...grouped(items, keyOf)]
    .filter(([, group]) => new Set(group.map(({ doc }) => doc)).size > 1)
    .map(([key, group]) => `${key} is described differently in ${group.map(({ file }) => file).join(", ")}`);

/** What keeps the catalogue from being whole, a sentence each. */
export const problemsOf = (
  { declared, thrown, used, numbers }: ErrorCodes,
  contracts: readonly ContractError[],
): readonly string[] => {
  const known = new Set(declared.map(({ code }) => code));
  const named = new Set(contracts.map(({ name }) => name));
  return [
    ...[...declared.filter(isOwn), ...numbers.map((number) => ({ ...number, code: number.name }))]
      .filter(({ doc }) => doc === "")
      .map(({ code, file }) => `${code} in ${file} has no line that says what it is`),
    ...contracts
      .filter(({ doc }) => doc === "")
      .map(({ signature, file }) => `${signature} in ${file} has no line that says what it is`),
    ...declared
      .filter((item) => !isOwn(item) && !named.has(item.code))
      .map(({ code, file }) => `${code} in ${file} is no error of a contract`),
    ...thrown.flatMap(({ codes, place }) =>
      codes === undefined
        ? RELAYS.some((file) => place.startsWith(`${file}:`))
          ? []
          : [`the error made at ${place} can have any code`]
        : codes.filter((code) => !known.has(code)).map((code) => `${code}, made at ${place}, is in no union of codes`),
    ),
    ...declared.filter(({ code }) => !used.has(code)).map(({ code, file }) => `${code} in ${file} is made by nothing`),
    ...differing(declared.filter(isOwn), ({ code }) => code),
    ...differing(contracts, ({ signature }) => signature),
  ];
};

const rowsOf = <T extends { readonly doc: string; readonly file: string }>(
  items: readonly T[],
  keyOf: (item: T) => string,
  cellsOf: (item: T) => readonly string[],
): readonly (readonly string[])[] =>
  [...grouped(items, keyOf)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, group]) => {
      const first = group[0] as T;
      const files = [...new Set(group.map(({ file }) => file))];
      return [...cellsOf(first), first.doc, files.map(link).join(", ")];
    });

export const ERRORS: Page = {
  file: "infra/ERRORS.md",
  command: "npm run generate:errors",
  async make() {
    const { declared, numbers } = readErrorCodes(ROOT);
    const contracts = readContractErrors();
    return `${[
      "# Errors",
      "",
      "Made from the sources by `npm run generate:errors`. Not to be edited: what is said of a code stands where it is declared.",
      "",
      "## Codes of nodes and of the command line",
      "",
      "A command that fails prints its code on standard error, a node logs it. `eth_sendRawTransaction` answers refusals,",
      "`TX_` and `POOL_`, in geth's words; where programs branch on a code, it is the answer's `data.code`.",
      "",
      table(
        ["code", "what happened, and what to do", "declared in"],
        rowsOf(
          declared.filter(isOwn),
          ({ code }) => code,
          ({ code }) => [`\`${code}\``],
        ),
      ),
      "",
      "## Numbers of JSON-RPC",
      "",
      table(
        ["number", "name", "what happened, and what to do"],
        numbers.map(({ name, doc }) => [String(RPC_CODE[name as keyof typeof RPC_CODE]), name, doc]),
      ),
      "",
      "## Errors of contracts",
      "",
      "On L1, and of the predeploys of L2. A call that reverts with one begins with the selector.",
      "",
      table(
        ["error", "selector", "what it says", "declared in"],
        rowsOf(
          contracts,
          ({ signature }) => signature,
          ({ signature, selector }) => [`\`${signature}\``, `\`${selector}\``],
        ),
      ),
    ].join("\n")}\n`;
  },
};

if (import.meta.main) await write(ERRORS);
