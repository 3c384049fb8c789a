import type { PublicClient } from "viem";
import type { Hex } from "../../executor/index.ts";
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
export type GasRow = GasNotes & { readonly gas: GasByFork | bigint };

export type GasSection = { readonly title: string; readonly about: string; readonly rows: readonly GasRow[] };

/** Runs what an L1 holds under each fork's gas table. */
export const withGas = async (client: PublicClient, rows: readonly SentRow[]): Promise<readonly GasRow[]> => {
  const gasOf = await replayL1(client);
  return rows.map(({ hash, ...row }) => ({ ...row, gas: gasOf(hash) }));
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

const line = (row: GasRow, hasPeers: boolean): string =>
  cells([
    row.what,
    ...columnsOf(row).map(
      (gas) => grouped(gas) + (row.blobGas === undefined ? "" : ` + ${grouped(row.blobGas)} blob gas`),
    ),
    row.bytes === undefined ? "" : grouped(row.bytes),
    each(row),
    ...(hasPeers ? [row.peer ?? ""] : []),
  ]);

/** A section in Markdown. */
export const formatSection = ({ title, about, rows }: GasSection): string => {
  const hasPeers = rows.some(({ peer }) => peer !== undefined);
  const isByFork = rows.some(({ gas }) => typeof gas !== "bigint");
  const gas = isByFork ? NAMES.map(([, name]) => name) : ["gas"];
  const head = ["call", ...gas, "bytes of calldata", "each", ...(hasPeers ? ["OP Stack"] : [])];
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
