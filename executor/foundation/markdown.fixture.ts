import { readFileSync } from "node:fs";

/** Texts of the repository as tests read them: what code has too must not say something else there. */

export type Markdown = {
  readonly text: string;
  /** Rows of the first table below a heading, without its titles; each cell trimmed. RangeError when there is none. */
  table(heading: string): readonly (readonly string[])[];
  /** Headings of this depth, in order. */
  headings(depth: number): readonly string[];
};

const cells = (row: string): string[] =>
  row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());

export const readMarkdown = (file: URL): Markdown => {
  const text = readFileSync(file, "utf8");
  const lines = text.split("\n");
  return {
    text,
    table(heading) {
      const from = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === heading);
      const first = from === -1 ? -1 : lines.findIndex((line, i) => i > from && line.startsWith("|"));
      if (first === -1) throw new RangeError(`no table below "${heading}" in ${file.pathname}`);
      const end = lines.findIndex((line, i) => i > first && !line.startsWith("|"));
      return lines.slice(first + 2, end === -1 ? undefined : end).map(cells);
    },
    headings: (depth) =>
      lines.filter((line) => line.startsWith(`${"#".repeat(depth)} `)).map((line) => line.slice(depth + 1)),
  };
};

/** A cell without its code marks. */
export const plain = (cell: string): string => cell.replaceAll("`", "");
