import type { Logger } from "pino";
import { CodedError, messageOf } from "../../executor/index.ts";

/** What a command keeps running: it ends when told to, or by failing. */
export type Running = {
  /** Rejects when something the command cannot live without has failed; never resolves. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
};

const STOP_MS = 30_000;
/** npm passes a terminal's Ctrl-C on a second time; only a later one means impatience. */
const IMPATIENCE_MS = 2_000;
/** How often a command that npm runs looks whether npm is still there. */
const PARENT_MS = 500;

/** What the log has of a failure beside its message: of one that was foreseen no stack, which teaches nobody anything. */
const detailsOf = (error: unknown): object => {
  if (!(error instanceof CodedError)) return { err: error };
  const { code, data, cause } = error;
  return { code, data, ...(cause === undefined ? {} : { cause: messageOf(cause) }) };
};

/**
 * Runs `start` until SIGINT, SIGTERM, the end of the parent (its IPC channel closed, or npm gone) or a failure, then
 * stops in order.
 * Answers the exit code: 0 after an orderly stop, 1 after a failure. `start` must let go when `signal` aborts.
 */
export const untilStopped = async (
  logger: Logger,
  start: (signal: AbortSignal) => Promise<Running>,
): Promise<number> => {
  const controller = new AbortController();
  let fail: (error: unknown) => void = () => undefined;
  const broken = new Promise<never>((_, reject) => {
    fail = reject;
  });
  broken.catch(() => undefined);
  let firstSignal = 0;
  const onSignal = (name: NodeJS.Signals) => {
    if (!controller.signal.aborted) {
      firstSignal = performance.now();
      logger.info({ signal: name }, "stopping");
      controller.abort();
    } else if (performance.now() - firstSignal > IMPATIENCE_MS) {
      logger.warn({ signal: name }, "stopped at once");
      process.exit(1);
    }
  };
  const onDisconnect = () => {
    if (controller.signal.aborted) return;
    logger.warn("the parent process is gone: stopping");
    controller.abort();
  };
  const onUncaught = (error: unknown) => {
    logger.fatal({ err: error }, "unhandled error");
    fail(error);
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal).on("disconnect", onDisconnect);
  process.on("uncaughtException", onUncaught).on("unhandledRejection", onUncaught);
  const parent = process.ppid;
  const watch =
    process.env["npm_lifecycle_event"] === undefined
      ? undefined
      : setInterval(() => {
          if (process.ppid !== parent) onDisconnect();
        }, PARENT_MS);
  watch?.unref();
  const aborted = new Promise<undefined>((resolve) =>
    controller.signal.addEventListener("abort", () => resolve(undefined), { once: true }),
  );
  let code = 0;
  let running: Running | undefined;
  const starting = start(controller.signal);
  try {
    running = await Promise.race([starting, broken]);
    await Promise.race([running.failed, broken, aborted]);
  } catch (error) {
    if (!controller.signal.aborted) {
      code = 1;
      logger.fatal(detailsOf(error), messageOf(error));
    }
  }
  controller.abort();
  const timer = setTimeout(() => {
    logger.error(`not stopped after ${STOP_MS} ms`);
    process.exit(1);
  }, STOP_MS);
  try {
    running ??= await starting.catch(() => undefined);
    await running?.stop();
  } catch (error) {
    code = 1;
    logger.error({ err: error }, "did not stop cleanly");
  }
  clearTimeout(timer);
  clearInterval(watch);
  process.off("SIGINT", onSignal).off("SIGTERM", onSignal).off("disconnect", onDisconnect);
  process.off("uncaughtException", onUncaught).off("unhandledRejection", onUncaught);
  return code;
};
