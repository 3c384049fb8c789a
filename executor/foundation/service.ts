import type { Logger } from "pino";
import type { Registry } from "prom-client";

/** What every long-lived component is given: nothing reads the environment or makes a logger of its own. */
export type Telemetry = { readonly logger: Logger; readonly registry: Registry };

/** A component with a life: `stop` is idempotent and returns when nothing of it runs any more. */
export type Service = { readonly name: string; stop(): Promise<void> };

/** Starts services in order; stops them in the reverse order, whatever fails on the way. */
export const createServices = (telemetry: Telemetry) => {
  const running: Service[] = [];
  let stopping: Promise<void> | undefined;
  return {
    add<S extends Service>(service: S): S {
      running.push(service);
      return service;
    },
    stop(): Promise<void> {
      stopping ??= (async () => {
        for (const service of running.splice(0).reverse()) {
          try {
            await service.stop();
          } catch (error) {
            telemetry.logger.error({ err: error, service: service.name }, "service did not stop cleanly");
          }
        }
      })();
      return stopping;
    },
  };
};

/** Resolves after `ms` or as soon as `signal` aborts; the timer never keeps the process alive by itself after that. */
export const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });

/** Mutual exclusion in order of arrival. */
export const createLock = () => {
  let tail: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const result = tail.then(work, work);
    tail = result.catch(() => undefined);
    return result;
  };
};
