import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { CodedError, type Service } from "../../executor/index.ts";

export type ChildErrorCode =
  /** A process of the devnet ended or cannot be started. The message has the end of its log. */
  | "DEVNET_CHILD_DIED"
  /**
   * A process of the devnet was not ready in time. The message has the end of its log; a machine under load may need
   * another run.
   */
  | "DEVNET_CHILD_SLOW";

export type ChildOptions = {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** `ipc`: a Node program of ours, which ends by itself when the channel closes. `guard`: any other program. */
  readonly lifeline: "ipc" | "guard";
};

/** A process of its own group: a terminal's Ctrl-C reaches only the parent, which stops its children in order. */
export type Child = Service & {
  readonly pid: number;
  readonly logFile: string;
  /** Resolves once the process has ended, whoever ended it. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Settles with the first IPC message that `accept` recognises; DEVNET_CHILD_DIED, DEVNET_CHILD_SLOW. */
  message<T>(accept: (message: unknown) => T | undefined, timeoutMs: number): Promise<T>;
  /** The error that tells of an unexpected end. */
  death(): CodedError<ChildErrorCode>;
};

/** Ends its program when standard input closes, that is, when the parent is gone, whatever killed it. */
const GUARD = `exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ cat <&3 >/dev/null; kill "$child" 2>/dev/null; } &
exec 3<&-
trap 'kill "$child" 2>/dev/null' TERM INT
wait "$child"
code=$?
while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
exit $code`;

/** Everything but our own settings: a child is configured by whoever starts it. */
const inherited = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("ASSAY_")));

const TAIL_BYTES = 4096;
const STOP_MS = 15_000;

/** The last lines of a log. */
export const tailOf = (file: string, lines = 20): string => {
  if (!existsSync(file)) return "";
  const size = statSync(file).size;
  const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
  const descriptor = openSync(file, "r");
  try {
    readSync(descriptor, buffer, 0, buffer.length, size - buffer.length);
  } finally {
    closeSync(descriptor);
  }
  return buffer.toString("utf8").trimEnd().split("\n").slice(-lines).join("\n");
};

const killGroup = (child: ChildProcess, signal: NodeJS.Signals): void => {
  try {
    process.kill(-(child.pid as number), signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
};

/** Starts a program; its standard output and error go to `logFile`. DEVNET_CHILD_DIED when it cannot be run at all. */
export const startChild = async (options: ChildOptions): Promise<Child> => {
  const { name, command, args, logFile, environment = {}, lifeline } = options;
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, "a");
  const env = { ...inherited(), ...environment };
  const child =
    lifeline === "ipc"
      ? spawn(command, args, {
          detached: true,
          stdio: ["ignore", log, log, "ipc"],
          env,
        })
      : spawn("/bin/sh", ["-c", GUARD, name, command, ...args], {
          detached: true,
          stdio: ["pipe", log, log],
          env,
        });
  closeSync(log);
  let ended: { code: number | null; signal: NodeJS.Signals | null } | undefined;
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("exit", (code, signal) => {
      ended = { code, signal };
      child.stdin?.destroy();
      resolve(ended);
    });
  });
  child.stdin?.on("error", () => undefined);
  const death = (): CodedError<ChildErrorCode> =>
    new CodedError<ChildErrorCode>(
      "DEVNET_CHILD_DIED",
      `${name} ended (${ended?.signal ?? `code ${ended?.code}`}); the end of its log ${logFile}:\n${tailOf(logFile)}`,
      { child: name, code: ended?.code, signal: ended?.signal, logFile },
    );
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) =>
      reject(
        new CodedError<ChildErrorCode>(
          "DEVNET_CHILD_DIED",
          `${name} cannot be started: ${error.message}`,
          { child: name },
          error,
        ),
      ),
    );
  });
  let stopping: Promise<void> | undefined;
  return {
    name,
    pid: child.pid as number,
    logFile,
    exited,
    death,
    message: (accept, timeoutMs) =>
      new Promise((resolve, reject) => {
        const done = (act: () => void) => {
          clearTimeout(timer);
          child.off("message", onMessage);
          act();
        };
        const onMessage = (message: unknown) => {
          const value = accept(message);
          if (value !== undefined) done(() => resolve(value));
        };
        const timer = setTimeout(
          () =>
            done(() =>
              reject(
                new CodedError<ChildErrorCode>(
                  "DEVNET_CHILD_SLOW",
                  `${name} was not ready after ${timeoutMs} ms; the end of its log ${logFile}:\n${tailOf(logFile)}`,
                  { child: name, timeoutMs },
                ),
              ),
            ),
          timeoutMs,
        );
        child.on("message", onMessage);
        void exited.then(() => done(() => reject(death())));
      }),
    stop: () => {
      stopping ??= (async () => {
        if (ended) return;
        if (lifeline === "ipc") child.kill("SIGTERM");
        else killGroup(child, "SIGTERM");
        const timer = setTimeout(() => killGroup(child, "SIGKILL"), STOP_MS);
        await exited;
        clearTimeout(timer);
      })();
      return stopping;
    },
  };
};
