/** One measured call of L1. */
export type GasRow = {
  readonly what: string;
  /** Of the transaction: 21,000 and its calldata among it. */
  readonly gas: bigint;
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

/** Gas as a table has it. */
export const formatGas = ({ gas, blobGas }: GasRow): string =>
  grouped(gas) + (blobGas === undefined ? "" : ` + ${grouped(blobGas)} blob gas`);

const line = (row: GasRow, hasPeers: boolean): string =>
  cells([
    row.what,
    formatGas(row),
    row.bytes === undefined ? "" : grouped(row.bytes),
    each(row),
    ...(hasPeers ? [row.peer ?? ""] : []),
  ]);

/** A section in Markdown. */
export const formatSection = ({ title, about, rows }: GasSection): string => {
  const hasPeers = rows.some(({ peer }) => peer !== undefined);
  const head = ["call", "gas", "bytes of calldata", "each", ...(hasPeers ? ["OP Stack"] : [])];
  return [
    `## ${title}`,
    "",
    about,
    "",
    cells(head),
    cells(head.map(() => "---")),
    ...rows.map((row) => line(row, hasPeers)),
    "",
  ].join("\n");
};

/** Of each call in a section of a written table, the gas. Empty where there is no such section. */
export const writtenGas = (markdown: string, title: string): ReadonlyMap<string, string> => {
  const section = markdown.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? "";
  const [, , ...rows] = section.split("\n").filter((text) => text.startsWith("| "));
  return new Map(rows.map((text) => text.split(" | ")).map(([what = "", gas = ""]) => [what.slice("| ".length), gas]));
};
