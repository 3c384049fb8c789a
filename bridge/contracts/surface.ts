import { keccak256, toHex } from "../../executor/index.ts";

/** A parameter of an ABI, or a member of its tuple. */
type Parameter = {
  readonly name: string;
  readonly type: string;
  readonly indexed?: boolean;
  readonly components?: readonly Parameter[];
};

export type AbiItem = {
  readonly type: string;
  readonly name?: string;
  readonly stateMutability?: string;
  readonly inputs?: readonly Parameter[];
  readonly outputs?: readonly Parameter[];
};

/** A variable in storage; `slot` is decimal, `type` a key of the layout's types. */
type Variable = { readonly label: string; readonly slot: string; readonly offset: number; readonly type: string };

/** The compiler's `storageLayout`. */
export type StorageLayout = {
  readonly storage: readonly Variable[];
  /** Null of a contract without storage. */
  readonly types: Readonly<
    Record<
      string,
      {
        readonly label: string;
        readonly numberOfBytes: string;
        readonly members?: readonly Variable[];
        readonly base?: string;
        readonly key?: string;
        readonly value?: string;
      }
    >
  > | null;
};

/** What others rely on of a contract, where they call it or read its storage. */
export type Surface = { readonly abi: readonly AbiItem[]; readonly storageLayout: StorageLayout };

const SELECTOR_CHARACTERS = 10;

const canonical = ({ type, components }: Parameter): string =>
  components === undefined ? type : `(${components.map(canonical).join(",")})${type.slice("tuple".length)}`;

const named = (parameter: Parameter): string => {
  const { type, components, indexed, name } = parameter;
  const shown = components === undefined ? type : `(${components.map(named).join(", ")})${type.slice("tuple".length)}`;
  return [shown, ...(indexed ? ["indexed"] : []), ...(name === "" ? [] : [name])].join(" ");
};

/** Selector of a function or an error, topic of an event; empty of what has neither. */
const idOf = ({ type, name, inputs = [] }: AbiItem): string => {
  if (name === undefined) return "";
  const hash = toHex(keccak256(new TextEncoder().encode(`${name}(${inputs.map(canonical).join(",")})`)));
  return type === "event" ? ` ${hash}` : ` ${hash.slice(0, SELECTOR_CHARACTERS)}`;
};

const abiLine = (item: AbiItem): string => {
  const { type, name, stateMutability, inputs = [], outputs = [] } = item;
  return (
    [
      `${type}${name === undefined ? "" : ` ${name}`}(${inputs.map(named).join(", ")})`,
      ...(stateMutability === undefined ? [] : [stateMutability]),
      ...(outputs.length === 0 ? [] : [`returns (${outputs.map(named).join(", ")})`]),
    ].join(" ") + idOf(item)
  );
};

/** Lines of the variables, then of each structure that is reached from them. The compiler's own type ids change with any edit. */
const storageLines = ({ storage, types }: StorageLayout): readonly string[] => {
  const typeOf = (id: string) => {
    const type = types?.[id];
    if (type === undefined) throw new TypeError(`the layout has no type ${id}`);
    return type;
  };
  const line = ({ slot, offset, label, type }: Variable): string =>
    `slot ${slot} byte ${offset} ${typeOf(type).label} ${label} (${typeOf(type).numberOfBytes} bytes)`;
  const reached = new Set<string>();
  const visit = (id: string): void => {
    if (reached.has(id)) return;
    reached.add(id);
    const { members = [], base, key, value } = typeOf(id);
    for (const inner of [base, key, value, ...members.map(({ type }) => type)]) if (inner !== undefined) visit(inner);
  };
  for (const { type } of storage) visit(type);
  const structures = [...reached].flatMap((id) => {
    const { label, members } = typeOf(id);
    return members === undefined ? [] : [[label, ...members.map((member) => `  ${line(member)}`)]];
  });
  const inOrder = structures.sort(([one = ""], [other = ""]) => (one < other ? -1 : 1));
  return [...storage.map(line), ...inOrder.flat()];
};

/** A contract's ABI, sorted, with selectors and topics, and where its variables are. One line each. */
export const surfaceLines = (name: string, { abi, storageLayout }: Surface): readonly string[] => [
  name,
  "  abi",
  ...abi
    .map(abiLine)
    .sort()
    .map((line) => `    ${line}`),
  "  storage",
  ...storageLines(storageLayout).map((line) => `    ${line}`),
  "",
];
