/**
 * Every expected failure: a stable `code` to branch on, `data` that names the culprit, a message that teaches.
 * Modules export the union of the codes they throw; tests assert the code, never the text.
 */
export class CodedError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: Code, message: string, data: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "AssayError";
    this.code = code;
    this.data = data;
  }
}

export const hasCode = <Code extends string>(error: unknown, code: Code): error is CodedError<Code> =>
  error instanceof CodedError && error.code === code;

/** The text of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
