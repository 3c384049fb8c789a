import { existsSync } from "node:fs";
import { resolve } from "node:path";

/** Where independent test material lies: `CORPORA`, or beside the checkout. */
const corporaDirectory = (): string =>
  resolve(process.env["CORPORA"] ?? resolve(import.meta.dirname, "../../../shared/corpora"));

/** A folder of the corpora, or undefined where it is absent. */
export const corpus = (name: string): string | undefined => {
  const directory = resolve(corporaDirectory(), name);
  return existsSync(directory) ? directory : undefined;
};

export type Exclusion = { readonly name: string; readonly reason: string };

/** Outcome of one suite. `passed` counts cases; `failures` and `exclusions` name them. */
export type SuiteResult = {
  readonly passed: number;
  readonly failures: readonly Exclusion[];
  readonly exclusions: readonly Exclusion[];
  /** Further counts, printed as they are. */
  readonly notes: readonly string[];
};

/** `filter`: run only cases whose name contains it. */
export type SuiteOptions = { readonly filter?: string };

/** One corpus that the product is held against. */
export type Suite = {
  readonly name: string;
  /** Folder under the corpora. */
  readonly folder: string;
  run(directory: string, options: SuiteOptions): Promise<SuiteResult>;
};
