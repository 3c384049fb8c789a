import { fromHex, type Hex } from "../../executor/index.ts";

/** One measured call of L1. */
export type GasRow = {
  readonly what: string;
  /** Of the transaction: 21,000 and its calldata among it. */
  readonly gas: bigint;
  /** Of it, what the contracts took. */
  readonly execution?: bigint;
  /** Of calldata. */
  readonly bytes?: number;
  /** What the gas is divided by, and what that is: `[100_000, "byte"]`. */
  readonly per?: readonly [number, string];
  readonly blobGas?: bigint;
  /** What is published of the OP Stack's counterpart. */
  readonly peer?: string;
};

export type GasSection = { readonly title: string; readonly about: string; readonly rows: readonly GasRow[] };

const grouped = (value: number | bigint): string => value.toLocaleString("en-US");
const cells = (values: readonly string[]): string => `| ${values.join(" | ")} |`;

const each = ({ gas, blobGas = 0n, per }: GasRow): string => {
  if (per === undefined) return "";
  const [count, unit] = per;
  const blobs = blobGas === 0n ? "" : ` + ${(Number(blobGas) / count).toFixed(2)} blob gas`;
  return `${(Number(gas) / count).toFixed(2)}${blobs} a ${unit}`;
};

const TRANSACTION_GAS = 21_000n;
/** Of calldata (EIP-2028), and the least that a transaction pays for it (EIP-7623): gas of a zero byte, of another one. */
const CALLDATA_GAS = [4n, 16n] as const;
const FLOOR_GAS = [10n, 40n] as const;

/**
 * What is left of a transaction's gas without its 21,000 and its calldata: that depends on the zero bytes in hashes, and
 * so on all that is hashed. Absent where the floor for calldata is paid, which tells nothing of it.
 */
export const withExecution = (gas: bigint, calldata: Hex): { readonly execution?: bigint } => {
  const bytes = fromHex(calldata);
  const others = BigInt(bytes.filter((byte) => byte !== 0).length);
  const zeros = BigInt(bytes.length) - others;
  const costOf = ([zero, other]: readonly [bigint, bigint]) => TRANSACTION_GAS + zero * zeros + other * others;
  return gas === costOf(FLOOR_GAS) ? {} : { execution: gas - costOf(CALLDATA_GAS) };
};

const blank = (value: number | bigint | undefined): string => (value === undefined ? "" : grouped(value));

type Optional = { readonly execution: boolean; readonly peer: boolean };

const line = (row: GasRow, shown: Optional): string =>
  cells([
    row.what,
    grouped(row.gas) + (row.blobGas === undefined ? "" : ` + ${grouped(row.blobGas)} blob gas`),
    ...(shown.execution ? [blank(row.execution)] : []),
    blank(row.bytes),
    each(row),
    ...(shown.peer ? [row.peer ?? ""] : []),
  ]);

/** A section in Markdown. */
export const formatSection = ({ title, about, rows }: GasSection): string => {
  const shown = {
    execution: rows.some(({ execution }) => execution !== undefined),
    peer: rows.some(({ peer }) => peer !== undefined),
  };
  const head = [
    ...["call", "gas", ...(shown.execution ? ["execution"] : [])],
    ...["bytes of calldata", "each", ...(shown.peer ? ["OP Stack"] : [])],
  ];
  return [
    `## ${title}`,
    "",
    about,
    "",
    cells(head),
    cells(head.map(() => "---")),
    ...rows.map((row) => line(row, shown)),
    "",
  ].join("\n");
};

/** Of each call in a section of a written table, the gas of its execution. Empty where there is none. */
export const writtenExecution = (markdown: string, title: string): ReadonlyMap<string, bigint> => {
  const section = markdown.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? "";
  const [head = [], , ...rows] = section
    .split("\n")
    .filter((text) => text.startsWith("| "))
    .map((text) => text.slice("| ".length).split(" | "));
  const column = head.indexOf("execution");
  return new Map(
    rows.flatMap((row): [string, bigint][] => {
      const gas = row[column]?.replaceAll(",", "") ?? "";
      return gas === "" ? [] : [[row[0] as string, BigInt(gas)]];
    }),
  );
};
