/** One row of the table: everything that help, documentation and parsing know about a setting. */
export type Setting<T> = {
  readonly flag: `--${string}`;
  /** Name of the value in help; a setting without one is a switch. */
  readonly argument?: string;
  readonly variable: `ASSAY_${string}`;
  readonly description: string;
  /** As one would type it. Without one, and unless `optional`, the setting must be given. */
  readonly fallback?: string;
  readonly optional?: true;
  /** Never logged. */
  readonly secret?: true;
  /** The flag may be given several times: as one list, separated by commas. */
  readonly repeatable?: true;
  /** Throws a RangeError that says what is expected. */
  readonly parse: (text: string) => T;
};
