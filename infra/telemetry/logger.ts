import { type DestinationStream, destination, type Logger, pino } from "pino";
import { prettyFactory } from "pino-pretty";

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
const SECRET_FIELDS = ["privateKey", "sequencerKey", "mnemonic", "password", "authorization", "cookie"];

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
      timestamp: pino.stdTimeFunctions.isoTime,
      hooks: { streamWrite: withoutCredentials },
    },
    usePretty ? { write: (line: string) => void target.write(layOut(line)) } : target,
  );
};
