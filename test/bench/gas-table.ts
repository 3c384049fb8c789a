import type { PublicClient } from "viem";
import { fromHex, type Hex } from "../../executor/index.ts";
import { type GasByFork, type L1Fork, replayL1, TRANSACTION_GAS } from "../support/l1-replay.ts";

/** What was called, and what its gas is beside. */
type GasNotes = {
  readonly what: string;
  /** Of calldata. */
  readonly bytes?: number;
  /** What the gas is divided by, and what that is: `[100_000, "byte"]`. */
  readonly per?: readonly [number, string];
  readonly blobGas?: bigint;
  /** What is published of the OP Stack's counterpart. */
  readonly peer?: string;
  /** Gas that it is not to exceed, in place of what a transaction may have. */
  readonly most?: GasByFork;
};

/** A transaction on L1 that is yet to be measured. */
export type SentRow = GasNotes & { readonly hash: Hex };

/** One measured call. Of whole transactions, their base and calldata among it; one figure: execution, alike under both forks. */
export type GasRow = GasNotes & {
  readonly gas: GasByFork | bigint;
  /** Of a transaction's gas under today's fork, what the contracts took. */
  readonly execution?: bigint;
};

export type GasSection = { readonly title: string; readonly about: string; readonly rows: readonly GasRow[] };

const BASE_GAS = 21_000n;
/** Of calldata (EIP-2028), and the least that a transaction pays for it (EIP-7623): gas of a zero byte, of another one. */
const CALLDATA_GAS = [4n, 16n] as const;
const FLOOR_GAS = [10n, 40n] as const;

/**
 * What is left of a transaction's gas without its base and its calldata: that depends on the zero bytes in hashes, and so
 * on all that is hashed. Absent where the floor for calldata is paid, which tells nothing of it.
 */
export const executionOf = (gas: bigint, calldata: Hex): { readonly execution?: bigint } => {
  const bytes = fromHex(calldata);
  const others = BigInt(bytes.filter((byte) => byte !== 0).length);
  const zeros = BigInt(bytes.length) - others;
  const costOf = ([zero, other]: readonly [bigint, bigint]) => BASE_GAS + zero * zeros + other * others;
  return gas === costOf(FLOOR_GAS) ? {} : { execution: gas - costOf(CALLDATA_GAS) };
};

/** Runs what an L1 holds under each fork's gas table. */
export const withGas = async (client: PublicClient, rows: readonly SentRow[]): Promise<readonly GasRow[]> => {
  const gasOf = await replayL1(client);
  return Promise.all(
    rows.map(async ({ hash, ...row }) => {
      const { input } = await client.getTransaction({ hash });
      const gas = gasOf(hash);
      return { ...row, gas, ...executionOf(gas.osaka, input) };
    }),
  );
};

const CAP: GasByFork = { osaka: TRANSACTION_GAS, amsterdam: TRANSACTION_GAS };
const NAMES: readonly (readonly [L1Fork, string])[] = [
  ["osaka", "gas, Osaka"],
  ["amsterdam", "gas, Amsterdam"],
];

/** Calls that exceed what they may have, in words. */
export const excesses = (rows: readonly GasRow[]): readonly string[] =>
  rows.flatMap(({ what, gas, most = CAP }) =>
    typeof gas === "bigint"
      ? []
      : NAMES.filter(([fork]) => gas[fork] > most[fork]).map(
          ([fork, name]) => `${what}: ${name} ${gas[fork]} of ${most[fork]}`,
        ),
  );

const grouped = (value: number | bigint): string => value.toLocaleString("en-US");
const cells = (values: readonly string[]): string => `| ${values.join(" | ")} |`;

/** Gas under each fork of the section's columns. */
const columnsOf = ({ gas }: GasRow): readonly bigint[] =>
  typeof gas === "bigint" ? [gas] : NAMES.map(([fork]) => gas[fork]);

const each = (row: GasRow): string => {
  if (row.per === undefined) return "";
  const { blobGas = 0n } = row;
  const [count, unit] = row.per;
  const blobs = blobGas === 0n ? "" : ` + ${(Number(blobGas) / count).toFixed(2)} blob gas`;
  const gas = columnsOf(row).map((one) => (Number(one) / count).toFixed(2));
  return `${gas.join("; ")}${blobs} a ${unit}`;
};

const blank = (value: number | bigint | undefined): string => (value === undefined ? "" : grouped(value));

type Optional = { readonly execution: boolean; readonly peer: boolean };

const line = (row: GasRow, shown: Optional): string =>
  cells([
    row.what,
    ...columnsOf(row).map(
      (gas) => grouped(gas) + (row.blobGas === undefined ? "" : ` + ${grouped(row.blobGas)} blob gas`),
    ),
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
  const isByFork = rows.some(({ gas }) => typeof gas !== "bigint");
  const gas = isByFork ? NAMES.map(([, name]) => name) : ["gas"];
  const head = [
    ...["call", ...gas, ...(shown.execution ? ["execution, Osaka"] : [])],
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
  const column = head.indexOf("execution, Osaka");
  return new Map(
    rows.flatMap((row): [string, bigint][] => {
      const gas = row[column]?.replaceAll(",", "") ?? "";
      return gas === "" ? [] : [[row[0] as string, BigInt(gas)]];
    }),
  );
};

/**
 * Calls whose execution is not as written, in words. To the unit: contracts, calls and their order are the same in each
 * run. Only rows that tell of execution are held.
 */
export const deviations = (markdown: string, { title, rows }: GasSection): readonly string[] => {
  const written = writtenExecution(markdown, title);
  return rows.flatMap(({ what, execution }) =>
    execution === undefined || execution === written.get(what)
      ? []
      : [`${what}: execution ${execution}, written ${written.get(what) ?? "nothing"}`],
  );
};
