import { type DestinationStream, destination, type Logger, pino } from "pino";
import { prettyFactory } from "pino-pretty";
import { CodedError, messageOf } from "../../executor/index.ts";

export type LoggerOptions = {
  readonly name: string;
  readonly level: string;
  /** `auto`: pretty on a terminal, JSON otherwise. */
  readonly format: "auto" | "json" | "pretty";
  /** Appended to; standard error when absent. Standard output is never written: it belongs to answers. */
  readonly file?: string | undefined;
  /** Replaced wherever they occur, in whatever field or text. */
  readonly secrets?: readonly string[];
  /** Instead of file and standard error. */
  readonly stream?: DestinationStream;
};

const HIDDEN = "[redacted]";
const SECRET_FIELDS = ["privateKey", "batcherKeys", "signerKeys", "mnemonic", "password", "authorization", "cookie"];

const STACK_LINES = 12;

/** What a log keeps of an error: libraries hang whole interfaces and requests on theirs. */
const describeError = (error: unknown): unknown => {
  if (!(error instanceof Error)) return error;
  const { name, message, stack, cause } = error;
  const { code, data, shortMessage } = error as { code?: unknown; data?: unknown; shortMessage?: unknown };
  return {
    type: name,
    code: typeof code === "string" || typeof code === "number" ? code : undefined,
    message: typeof shortMessage === "string" ? shortMessage : message,
    data: error instanceof CodedError ? data : undefined,
    stack: stack
      ?.split("\n")
      .filter((line) => line.startsWith("    at "))
      .slice(0, STACK_LINES)
      .join("\n"),
    cause: cause === undefined ? undefined : messageOf(cause),
  };
};

/** A line is written before the call returns, so that the last words of a dying process are kept. */
export const createLogger = ({ name, level, format, file, secrets = [], stream }: LoggerOptions): Logger => {
  const hidden = secrets.filter((secret) => secret.length > 0);
  const withoutCredentials = (line: string): string =>
    hidden
      .reduce((text, secret) => text.replaceAll(secret, HIDDEN), line)
      .replace(/(https?:\/\/)[^\s/@"]+@/g, `$1${HIDDEN}@`);
  const target = stream ?? destination({ dest: file ?? 2, sync: true, mkdir: true, append: true });
  const onTerminal = stream === undefined && file === undefined && process.stderr.isTTY === true;
  const usePretty = format === "pretty" || (format === "auto" && onTerminal);
  const layOut = prettyFactory({ colorize: onTerminal, ignore: "pid,hostname", translateTime: "HH:MM:ss.l" });
  return pino(
    {
      name,
      level,
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: HIDDEN },
      serializers: { err: describeError },
      timestamp: pino.stdTimeFunctions.isoTime,
      hooks: { streamWrite: withoutCredentials },
    },
    usePretty ? { write: (line: string) => void target.write(layOut(line)) } : target,
  );
};
