import { setTimeout as wait } from "node:timers/promises";
import {
  type Bytes,
  COLUMN,
  concat,
  createSnapshots,
  encodeBase,
  fromHex,
  type Hex,
  type KeyValueStore,
  type Service,
  storedCode,
  type Telemetry,
  toHex,
  utf8,
} from "../../executor/index.ts";
import { anchorHere, type SnapshotParts } from "./export.ts";
import { createServeMetrics } from "./serve-metrics.ts";

const SERVED = concat(Uint8Array.of(COLUMN.meta), utf8("snapshot.served"));
const HASH = 32;
/** Between two copies: one takes a pass over the whole state. */
const REST_MS = 6 * 3_600_000;
/** Until the first copy, and after a failure. */
const RETRY_MS = 60_000;

/** What peers that begin with a snapshot ask for: the base by its chain state's hash, pieces, codes. */
export const snapshotProvider = (store: KeyValueStore) => {
  const snapshots = createSnapshots(store);
  return (kind: "base" | "state" | "code", hash: Hex): Bytes | undefined => {
    if (kind === "state") return snapshots.piece(fromHex(hash));
    if (kind === "code") return storedCode(store, fromHex(hash));
    const served = store.get(SERVED);
    return served !== undefined && toHex(served.subarray(0, HASH)) === hash ? served.slice(HASH) : undefined;
  };
};

/** Keeps a copy of the state at the newest claim that L1 has confirmed, and that this node has, for peers. */
export const createSnapshotKeeper = (
  { logger, registry, ...parts }: Telemetry & SnapshotParts,
  { hold }: { readonly hold: () => { readonly release: () => void } },
): Service & { take(): Promise<void>; start(): void } => {
  const log = logger.child({ module: "snapshot" });
  const aborter = new AbortController();
  const { signal } = aborter;
  let running: Promise<void> | undefined;
  const { served } = createServeMetrics(registry);

  const take = async (): Promise<void> => {
    const { anchor, base } = await anchorHere(parts);
    const known = parts.store.get(SERVED);
    if (known !== undefined && toHex(known.subarray(0, HASH)) === anchor.endState) return;
    const held = hold();
    try {
      await parts.store.write([{ type: "del", key: SERVED }]);
      await createSnapshots(parts.store).take(parts.world, Number(anchor.blockNumber), signal);
      const value = concat(fromHex(anchor.endState), encodeBase(base));
      await parts.store.write([{ type: "put", key: SERVED, value }]);
      served.set(Number(anchor.blockNumber));
      log.info({ claim: anchor.id, block: anchor.blockNumber }, "peers can begin with the state at a confirmed claim");
    } finally {
      held.release();
    }
  };

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      let rest = REST_MS;
      try {
        await take();
      } catch (error) {
        rest = RETRY_MS;
        if (!signal.aborted) log.warn({ err: error }, "there is no new snapshot for peers");
      }
      await wait(rest, undefined, { signal }).catch(() => undefined);
    }
  };

  return {
    name: "snapshot-keeper",
    take,
    start() {
      running ??= run();
    },
    async stop() {
      aborter.abort();
      await running;
    },
  };
};
