import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The folders whose files run in production. */
export const ROOMS_OF_PRODUCTION = ["executor", "bridge", "sequencer", "challenger", "infra"] as const;

/** Whether a file of these folders is written by hand, and not for tests. */
export const isSource = (file: string): boolean => !/(\.test|\.fixture|\.gen|_pb|\.d)\.ts$/.test(file);

/** A text of the repository that is made from its sources. `file`: from the root. */
export type Page = { readonly file: string; readonly command: string; readonly make: () => Promise<string> };

const escaped = (cell: string): string => cell.replaceAll("|", "\\|");
const row = (cells: readonly string[]): string => `| ${cells.map(escaped).join(" | ")} |`;

export const table = (columns: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(columns), row(columns.map(() => "---")), ...rows.map(row)].join("\n");

/** A link to a file of the repository, for a page that lies in a folder of its root. */
export const link = (file: string): string => `[${file}](../${file})`;

export const written = ({ file }: Page): string => readFileSync(`${ROOT}${file}`, "utf8");

export const write = async (page: Page): Promise<void> => writeFileSync(`${ROOT}${page.file}`, await page.make());
