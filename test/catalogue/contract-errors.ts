import { globSync, readFileSync } from "node:fs";
import { type Hex, toFunctionSelector } from "viem";
import { ROOT } from "./page.ts";

/** A custom error of a contract. `doc`: its NatSpec, empty where it has none. `file`: from the root. */
export type ContractError = {
  readonly name: string;
  /** As it is hashed: `WrongIndex(uint64,uint64)`. */
  readonly signature: string;
  readonly selector: Hex;
  readonly doc: string;
  readonly file: string;
};

const FOLDERS = "{bridge/contracts,executor/genesis/contracts}/**/*.sol";
const ERROR = /((?:^[ \t]*\/\/\/.*\n)*)^[ \t]*error (\w+)\(([^)]*)\);/gm;
const VALUE_TYPE = /^[ \t]*type (\w+) is (\w+);/gm;
/** What stands as another type in the hash: an enumeration as a number, a contract as its address. */
const ENUMERATION = /^[ \t]*enum (\w+) /gm;
const INTERFACE = /^[ \t]*interface (\w+) /gm;

/** NatSpec on one line: what it notices, then what its parameters are. */
const natSpec = (comment: string): string => {
  const text = comment.replace(/^[ \t]*\/\/\/ ?/gm, "").replace(/\s+/g, " ");
  const [, ...tags] = ` ${text}`.split(" @");
  return tags
    .map((tag) =>
      tag
        .replace(/^(notice|dev) /, "")
        .replace(/^param (\w+) /, "`$1`: ")
        .trim(),
    )
    .join(" ");
};

/** The custom errors that the contracts and predeploys declare, one for each place. */
export const readContractErrors = (): readonly ContractError[] => {
  const files = globSync(FOLDERS, { cwd: ROOT }).map((file) => file.replaceAll("\\", "/"));
  const sources = files
    .filter((file) => !file.includes("/samples/"))
    .sort()
    .map((file) => ({ file, text: readFileSync(`${ROOT}${file}`, "utf8") }));
  const valueTypes = new Map(
    sources.flatMap(({ text }) => [
      ...[...text.matchAll(VALUE_TYPE)].map(([, name, type]) => [name, type] as const),
      ...[...text.matchAll(ENUMERATION)].map(([, name]) => [name, "uint8"] as const),
      ...[...text.matchAll(INTERFACE)].map(([, name]) => [name, "address"] as const),
    ]),
  );
  return sources.flatMap(({ file, text }) =>
    [...text.matchAll(ERROR)].map(([, comment = "", name = "", parameters = ""]) => {
      const types = parameters
        .split(",")
        .map((parameter) => parameter.trim().split(/\s+/)[0] as string)
        .filter((type) => type !== "");
      const signature = `${name}(${types.map((type) => valueTypes.get(type) ?? type).join(",")})`;
      return { name, signature, selector: toFunctionSelector(signature), doc: natSpec(comment), file };
    }),
  );
};
