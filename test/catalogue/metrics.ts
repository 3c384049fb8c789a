import { globSync } from "node:fs";
import path from "node:path";
import { Registry } from "prom-client";
import { link, type Page, ROOMS_OF_PRODUCTION, ROOT, table, write } from "./page.ts";

/** A metric as its module declares it. `file`: from the root. */
export type Metric = {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  readonly labels: readonly string[];
  readonly help: string;
  readonly file: string;
};

/** What prom-client holds of a metric beside what its types say. */
type Held = {
  readonly name: string;
  readonly help: string;
  readonly type: Metric["type"];
  readonly labelNames: readonly string[];
};

/** The figures of any Node.js process, which prom-client defines, and which differ between systems. */
export const isOfProcess = (name: string): boolean => /^assay_(process|nodejs)_/.test(name);

const pascal = (kebab: string): string =>
  kebab
    .split("-")
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join("");

/** `x-metrics.ts` exports `createXMetrics(registry)`; what a scrape reads is its second argument, not asked here. */
const metricsIn = async (file: string): Promise<readonly Metric[]> => {
  const name = `create${pascal(path.basename(file, ".ts"))}`;
  const module = (await import(`${ROOT}${file}`)) as Readonly<Record<string, (registry: Registry) => unknown>>;
  const create = module[name];
  if (create === undefined) throw new Error(`${file} does not export ${name}`);
  const registry = new Registry();
  create(registry);
  const held = registry.getMetricsAsArray() as unknown as readonly Held[];
  return held.map(({ name, type, labelNames, help }) => ({ name, type, labels: [...labelNames], help, file }));
};

/** Every metric of a node, by name, but those of its process. */
export const readMetrics = async (): Promise<readonly Metric[]> => {
  const files = globSync(`{${ROOMS_OF_PRODUCTION.join()}}/**/*-metrics.ts`, { cwd: ROOT }).map((file) =>
    file.replaceAll("\\", "/"),
  );
  const metrics = (await Promise.all(files.map(metricsIn))).flat();
  return metrics.filter(({ name }) => !isOfProcess(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
};

/** Against the conventions of Prometheus: https://prometheus.io/docs/practices/naming. */
const CONVENTIONS: readonly { readonly says: string; readonly broken: (metric: Metric) => boolean }[] = [
  { says: "a name is assay_ and words in lower case", broken: ({ name }) => !/^assay(_[a-z0-9]+)+$/.test(name) },
  { says: "a counter ends in _total", broken: ({ name, type }) => type === "counter" && !name.endsWith("_total") },
  {
    says: "what is no counter does not end as one, or as a part of a histogram",
    broken: ({ name, type }) => type !== "counter" && /_(total|count|sum|bucket|info)$/.test(name),
  },
  {
    says: "a histogram ends in its unit",
    broken: ({ name, type }) => type === "histogram" && !/_(seconds|bytes)$/.test(name),
  },
  {
    says: "units are base units",
    broken: ({ name }) =>
      /_(ms|milliseconds|minutes|hours|kb|mb|mib|kilobytes|megabytes|percent|gwei|wei)(_|$)/.test(name),
  },
  {
    says: "a label is a word in lower case",
    broken: ({ labels }) => !labels.every((label) => /^[a-z][a-z_]*$/.test(label)),
  },
  {
    says: "a help begins in upper case and ends without a full stop",
    broken: ({ help }) => !/^[A-Z1].*[^.]$/.test(help),
  },
];

/** What keeps the metrics from being what the conventions ask for, a sentence each. */
export const problemsOf = (metrics: readonly Metric[]): readonly string[] => [
  ...metrics.flatMap((metric) =>
    CONVENTIONS.filter(({ broken }) => broken(metric)).map(({ says }) => `${metric.name} in ${metric.file}: ${says}`),
  ),
  ...metrics
    .filter(({ name }, i) => metrics.findIndex((other) => other.name === name) !== i)
    .map(({ name, file }) => `${name} in ${file} is declared before`),
];

export const METRICS: Page = {
  file: "infra/METRICS.md",
  command: "npm run generate:metrics",
  async make() {
    const rows = (await readMetrics()).map(({ name, type, labels, help, file }) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(", "),
      help,
      link(file),
    ]);
    return `${[
      "# Metrics",
      "",
      "Made from the sources by `npm run generate:metrics`. Not to be edited: what is said of a metric stands where it is declared.",
      "",
      "A node serves those of its parts at `/metrics` of its metrics port. Beside them it serves the figures of its process,",
      "`assay_process_…` and `assay_nodejs_…`, as prom-client defines them.",
      "",
      table(["name", "type", "labels", "what it tells", "declared in"], rows),
    ].join("\n")}\n`;
  },
};

if (import.meta.main) await write(METRICS);
