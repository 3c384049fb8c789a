import type { PublicClient } from "viem";
import { createWatch, type Hex, type Service, type Telemetry } from "../../executor/index.ts";
import type { L1Contracts } from "../clients/deploy.ts";
import type { Departure, Judges } from "../clients/judges.ts";
import { ROLES, readSystem, type SystemState } from "../clients/system.ts";
import type { L1Source } from "./l1-source.ts";
import { createSystemWatchMetrics } from "./system-watch-metrics.ts";

export type SystemWatchComponents = Telemetry & {
  readonly client: PublicClient;
  readonly l1: Pick<L1Source, "onAdvance">;
  /** Say what of a registry's contracts this version does not know; without them nothing is asked. */
  readonly judges?: Judges;
};

/**
 * What of the deployment can change, as of L1's newest block when L1 went on last. L2's state depends on none of it: who may
 * append, the inbox itself asks; it says whose signature blocks have before they are on L1, and where claims are made.
 */
export type SystemWatch = Service & {
  readonly state: SystemState;
  /** Registries, one that is announced among them, that judge claims otherwise than this node: where, and why. */
  readonly foreign: ReadonlyMap<Hex, Departure>;
  /** Looks at L1 once. */
  look(): Promise<void>;
  /** Begins to look whenever L1 goes on. */
  start(): void;
  /** After every look. */
  onLook(listener: () => void): () => void;
};

/** Fails as the client does when L1 cannot be asked for the first time. */
export const openSystemWatch = async (
  { client, l1, registry, judges, ...components }: SystemWatchComponents,
  contracts: L1Contracts,
  { pollMs = 1_000, maxBackoffMs = 30_000 }: { readonly pollMs?: number; readonly maxBackoffMs?: number } = {},
): Promise<SystemWatch> => {
  const logger = components.logger.child({ module: "system" });
  const metrics = createSystemWatchMetrics(registry);
  const aborter = new AbortController();
  const listeners = new Set<() => void>();

  const observe = ({ scheduled, keys, registries }: SystemState): void => {
    metrics.upgradeTime.set(Number(scheduled?.time ?? 0n));
    for (const role of ROLES) metrics.rotationTime.set({ role }, Number(keys[role].since));
    metrics.registries.set(registries.length);
  };
  /** Tells the log what an operator and whoever has money here should know of. */
  const announce = (state: SystemState, before: SystemState | undefined): void => {
    const { scheduled, keys, registries, block } = state;
    if (scheduled?.registry !== before?.scheduled?.registry) {
      if (scheduled !== undefined)
        logger.warn({ ...scheduled }, "another claim registry is announced: who does not want its rules leaves before");
      else if (before !== undefined && registries.length === before.registries.length)
        logger.info({ ...before.scheduled }, "the announced claim registry was taken back");
    }
    if (before !== undefined && registries.length > before.registries.length)
      logger.warn({ registry: registries.at(-1) }, "another claim registry has taken over");
    for (const role of ROLES) {
      const { key, since } = keys[role];
      if (since > block.timestamp && since !== before?.keys[role].since)
        logger.warn({ role, key, since }, "another key is announced");
    }
  };

  const foreign = new Map<Hex, Departure>();
  const tell = (registry: Hex, { from, why }: Departure): void => {
    if (from > 0n)
      logger.warn({ registry, from, why }, "a registry judges claims otherwise than this node, from then on");
    else
      logger.error(
        { registry, why },
        "this version does not judge the claims of a registry: install the one that does",
      );
  };
  /** Tells of registries that judge claims otherwise than this node, those that are only announced as well. */
  const hold = async ({ registries, scheduled, block }: SystemState): Promise<void> => {
    const inForce = registries.at(-1) as Hex;
    const current = [...registries, ...(scheduled === undefined ? [] : [scheduled.registry])];
    // What was taken back is of no use any more.
    for (const address of foreign.keys()) if (!current.includes(address)) foreign.delete(address);
    for (const address of current) {
      const departure = await judges?.foreign(address);
      // What a former one would judge otherwise later nobody claims there any more.
      const isOver = departure?.from !== 0n && address !== inForce && address !== scheduled?.registry;
      if (departure === undefined || isOver) foreign.delete(address);
      else if (!foreign.has(address)) {
        foreign.set(address, departure);
        tell(address, departure);
      }
    }
    metrics.foreign.set([...foreign.values()].filter(({ from }) => from <= block.timestamp).length);
  };

  let state = await readSystem(client, contracts);
  observe(state);
  announce(state, undefined);
  await hold(state);

  const look = async (): Promise<void> => {
    const found = await readSystem(client, contracts);
    // A node of L1 that is behind tells nothing new.
    if (found.block.number < state.block.number) return;
    announce(found, state);
    state = found;
    observe(state);
    await hold(state);
    for (const listener of listeners) listener();
  };
  const watch = createWatch({
    look,
    onFailure: (error, failed) => logger.warn({ err: error, failed }, "L1 does not tell its configuration"),
    pollMs,
    maxBackoffMs,
    signal: aborter.signal,
  });
  const unsubscribe = l1.onAdvance(watch.rouse);

  return {
    name: "system",
    get state() {
      return state;
    },
    foreign,
    look,
    start: watch.start,
    onLook(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop() {
      aborter.abort();
      unsubscribe();
      await watch.ended();
    },
  };
};
