import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { anchorsOn } from "../../bridge/index.ts";
import {
  type Bytes,
  CodedError,
  type ContentExchange,
  createContentPeers,
  type Hex,
  hasChain,
  type KeyValueStore,
  sleep,
} from "../../executor/index.ts";
import type { NodeConfig } from "../config/config.ts";
import type { SnapshotErrorCode } from "./file.ts";
import { type RestoreParts, restoreFrom, restoreFromPlace } from "./restore.ts";

const PEERS = "peers";
/** Confirmed claims that peers are asked for, the newest first. */
const MOST_ANCHORS = 32;
const RETRY_MS = 5_000;
/** Times that peers are asked for what they lack now. */
const ROUNDS = 60;

const lacking = (what: string) => new CodedError<SnapshotErrorCode>("SNAPSHOT_DOWNLOAD", what);

/** Content in the order of its hashes, asked for until it is there. SNAPSHOT_DOWNLOAD. */
const fetchAll = async (
  exchange: ContentExchange,
  kind: "base" | "state" | "code",
  hashes: readonly Hex[],
  signal: AbortSignal,
): Promise<readonly Bytes[]> => {
  const found = new Map<Hex, Bytes>();
  const keep = async (hash: Hex, bytes: Bytes) => void found.set(hash, bytes);
  for (let round = 0; round < ROUNDS; round++) {
    const missing = await exchange.fetch(
      kind,
      hashes.filter((hash) => !found.has(hash)),
      { signal, keep },
    );
    if (missing.length === 0) return hashes.map((hash) => found.get(hash) as Bytes);
    await sleep(RETRY_MS, signal);
  }
  throw lacking(`no peer gives ${kind} ${hashes.find((hash) => !found.has(hash))}`);
};

const restoreFromPeers = async (parts: RestoreParts, exchange: ContentExchange, signal: AbortSignal) => {
  const { client, rollup } = parts;
  for (let round = 0; round < ROUNDS; round++) {
    let asked = 0;
    for await (const { id, endState } of anchorsOn(client, rollup.l1.contracts)) {
      if (++asked > MOST_ANCHORS) break;
      let base: Bytes | undefined;
      await exchange.fetch("base", [endState], {
        signal,
        keep: async (_, bytes) => {
          base = bytes;
        },
      });
      if (base === undefined) continue;
      const source = {
        claim: id,
        endState,
        base,
        pieces: (hashes: readonly Hex[]) => fetchAll(exchange, "state", hashes, signal),
        codes: (hashes: readonly Hex[]) => fetchAll(exchange, "code", hashes, signal),
      };
      return restoreFrom(parts, source, signal);
    }
    await sleep(RETRY_MS, signal);
  }
  throw lacking("no peer has a snapshot of a claim that L1 has confirmed: give a file or a URL with --snapshot");
};

/** Whether the configuration names a snapshot, and there is nothing yet that it would be restored over. */
export const isToRestore = (store: KeyValueStore, { snapshot }: Pick<NodeConfig, "snapshot">): boolean =>
  snapshot !== undefined && !hasChain(store);

/**
 * Begins an empty store with the snapshot that the configuration names; a store with a chain is left alone. The codes of
 * `restoreFrom`, SNAPSHOT_DOWNLOAD, the network's.
 */
export const beginWith = async (
  parts: RestoreParts,
  config: NodeConfig,
  { agent }: { readonly agent: string },
): Promise<void> => {
  const { snapshot, dataDir } = config;
  if (snapshot === undefined || !isToRestore(parts.store, config)) return;
  const { signal } = new AbortController();
  mkdirSync(dataDir, { recursive: true });
  if (snapshot !== PEERS) {
    await restoreFromPlace(parts, snapshot, { directory: dataDir, signal });
    return;
  }
  const peers = await createContentPeers(
    { logger: parts.logger },
    {
      chainId: parts.rollup.chain.chainId,
      identityFile: join(dataDir, "p2p.key"),
      listen: config.p2pListen,
      bootnodes: config.p2pBootnodes ?? [],
      scope: config.p2pScope,
      maxPeers: config.p2pMaxPeers,
      agent,
    },
  );
  try {
    await restoreFromPeers(parts, peers.content, signal);
  } finally {
    await peers.stop();
  }
};
