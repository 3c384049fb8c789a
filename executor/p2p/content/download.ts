import type { Logger } from "pino";
import type { Bytes, Hex } from "../../foundation/bytes.ts";
import { hasCode, messageOf } from "../../foundation/errors.ts";
import type { Network, NetworkErrorCode, PeerId, Protocol } from "../network/network.ts";
import { encodeContentRequest, type FetchOptions, MAX_HASHES } from "./content.ts";
import { CONTENT_KINDS, type ContentKind } from "./kinds.ts";
import { createPieces } from "./pieces.ts";

/** How one piece that a peer answered was. */
export type PieceOutcome =
  | "kept"
  /** The peer does not have it. */
  | "absent"
  /** Not the bytes of that hash. */
  | "wrong"
  /** Another peer was quicker. */
  | "duplicate";

export type DownloadContext = {
  readonly network: Pick<Network, "peers" | "request" | "penalise" | "onConnected" | "onDisconnected">;
  readonly logger: Logger;
  readonly protocol: Protocol;
  readonly count: (kind: ContentKind, outcome: PieceOutcome, bytes: number) => void;
  /** After so long a piece is asked of others too, once nothing else is left. */
  readonly slowMs: number;
  /** First rest after P2P_BUSY; doubled each time. */
  readonly busyMs: number;
  /** How long to wait for a first peer when there is none. */
  readonly firstPeerMs: number;
};

/** Bytes that one peer is asked for at a time. */
const WINDOW_BYTES = 2 * 2 ** 20;
/** A window is sized so that the peer is done with it in about this time. */
const WINDOW_MS = 500;
const FIRST_WINDOW = 4;
/** Stalls and answers that end early, after which a peer is asked no more. */
const MAX_STRIKES = 2;
const MAX_BUSY = 8;
/** Peers of one download, those that went away included. */
const MAX_SUPPLIERS = 1_024;

type Supplier = {
  readonly id: PeerId;
  state: "idle" | "asked" | "gone" | "barred";
  window: number;
  restsUntil: number;
  strikes: number;
  /** Refusals in a row. */
  busy: number;
};

const supplierOf = (id: PeerId): Supplier => ({
  id,
  state: "idle",
  window: FIRST_WINDOW,
  restsUntil: 0,
  strikes: 0,
  busy: 0,
});

/** One fetch: see `ContentExchange.fetch`. Hashes in lower case. */
export const download = (
  context: DownloadContext,
  kind: ContentKind,
  hashes: readonly Hex[],
  { keep, signal }: FetchOptions & { readonly signal: AbortSignal },
): Promise<readonly Hex[]> => {
  const { network, logger, protocol, count, slowMs, busyMs, firstPeerMs } = context;
  const { maxBytes, proves } = CONTENT_KINDS[kind];
  const maxWindow = Math.min(MAX_HASHES, Math.floor(WINDOW_BYTES / maxBytes));
  const missing = new Set(hashes);
  const pieces = createPieces(missing, slowMs);
  const suppliers = new Map<PeerId, Supplier>();
  const ended = new AbortController();
  const began = performance.now();
  let timer: NodeJS.Timeout | undefined;

  const rest = (supplier: Supplier, ms: number): void => {
    supplier.restsUntil = performance.now() + ms;
  };
  const bar = (supplier: Supplier, why: string): void => {
    supplier.state = "barred";
    logger.debug({ peer: supplier.id, kind, why }, "a peer is asked for no more content");
  };

  /** A supplier that gave less than it was asked for. */
  const fault = (supplier: Supplier, error: unknown): void => {
    supplier.window = 1;
    if (hasCode<NetworkErrorCode>(error, "P2P_BUSY")) {
      supplier.busy++;
      if (supplier.busy < MAX_BUSY) rest(supplier, busyMs * 2 ** (supplier.busy - 1));
      else bar(supplier, "busy");
    } else if (hasCode<NetworkErrorCode>(error, "P2P_TIMEOUT")) {
      supplier.strikes++;
      if (supplier.strikes < MAX_STRIKES) rest(supplier, slowMs);
      else bar(supplier, "stalls");
    } else bar(supplier, messageOf(error));
  };

  const resize = (supplier: Supplier, given: number, ms: number): void => {
    const fitting = Math.round((given * WINDOW_MS) / Math.max(ms, 1));
    supplier.window = Math.max(1, Math.min(fitting, 2 * supplier.window, maxWindow));
  };

  /** Whether the peer may go on. */
  const receive = async (supplier: Supplier, hash: Hex, bytes: Bytes): Promise<boolean> => {
    if (bytes.length === 0) {
      pieces.lacks(supplier.id, hash);
      count(kind, "absent", 0);
      return true;
    }
    if (bytes.length > maxBytes || !(await proves(hash, bytes))) {
      count(kind, "wrong", bytes.length);
      bar(supplier, "wrong bytes");
      network.penalise(supplier.id, "content");
      return false;
    }
    if (!pieces.settle(hash)) {
      count(kind, "duplicate", bytes.length);
      return true;
    }
    await keep(hash, bytes);
    missing.delete(hash);
    count(kind, "kept", bytes.length);
    return true;
  };

  /** Rejects only when `keep` does. */
  const ask = async (supplier: Supplier, batch: readonly Hex[]): Promise<void> => {
    const { id } = supplier;
    const started = performance.now();
    let kept: unknown;
    let at = 0;
    try {
      const request = encodeContentRequest({ kind, hashes: batch });
      for await (const answer of network.request(id, protocol, request, ended.signal)) {
        const hash = batch[at++] as Hex;
        const goesOn = await receive(supplier, hash, answer).catch((error: unknown) => {
          kept = error ?? new Error("a piece could not be kept");
          return false;
        });
        if (!goesOn || !batch.slice(at).some(pieces.isOpen)) break;
      }
      if (supplier.state !== "asked") return;
      if (at < batch.length && batch.slice(at).some(pieces.isOpen)) {
        supplier.strikes++;
        if (supplier.strikes >= MAX_STRIKES) bar(supplier, "answers end early");
      } else supplier.busy = 0;
      resize(supplier, at, performance.now() - started);
    } catch (error) {
      if (supplier.state === "asked" && !ended.signal.aborted) fault(supplier, error);
    } finally {
      pieces.release(id, batch);
      if (supplier.state === "asked") supplier.state = "idle";
    }
    if (kept !== undefined) throw kept;
  };

  return new Promise((resolve, reject) => {
    const unsubscribe: (() => void)[] = [];
    /** Flights are over when it resolves: nothing is kept behind the caller's back. */
    const flights = new Set<Promise<void>>();
    const end = (settle: () => void): void => {
      if (ended.signal.aborted) return;
      ended.abort();
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      for (const leave of unsubscribe) leave();
      Promise.allSettled(flights).then(settle);
    };
    const onAbort = () => end(() => reject(signal.reason));

    const launch = (supplier: Supplier, batch: readonly Hex[]): void => {
      supplier.state = "asked";
      const flight = ask(supplier, batch).then(
        () => {
          flights.delete(flight);
          schedule();
        },
        (error: unknown) => {
          flights.delete(flight);
          end(() => reject(error));
        },
      );
      flights.add(flight);
    };

    const schedule = (): void => {
      if (ended.signal.aborted) return;
      clearTimeout(timer);
      const now = performance.now();
      let wake = Number.POSITIVE_INFINITY;
      let hope = flights.size > 0;
      if (missing.size > 0)
        for (const supplier of suppliers.values()) {
          if (supplier.state !== "idle" || !pieces.wants(supplier.id)) continue;
          hope = true;
          if (supplier.restsUntil > now) {
            wake = Math.min(wake, supplier.restsUntil);
            continue;
          }
          const batch = pieces.take(supplier.id, supplier.window, now);
          if (batch.length > 0) launch(supplier, batch);
          else wake = Math.min(wake, now + slowMs / 2);
        }
      if (missing.size > 0 && suppliers.size === 0 && now < began + firstPeerMs) {
        hope = true;
        wake = began + firstPeerMs;
      }
      if (missing.size === 0 || !hope) end(() => resolve(hashes.filter((hash) => missing.has(hash))));
      else if (wake < Number.POSITIVE_INFINITY) timer = setTimeout(schedule, Math.max(1, Math.ceil(wake - now)));
    };

    const welcome = (id: PeerId): void => {
      const known = suppliers.get(id);
      if (known?.state === "gone") known.state = "idle";
      if (known === undefined && suppliers.size < MAX_SUPPLIERS) suppliers.set(id, supplierOf(id));
    };
    signal.addEventListener("abort", onAbort, { once: true });
    unsubscribe.push(
      network.onConnected((id) => {
        welcome(id);
        schedule();
      }),
      network.onDisconnected((id) => {
        const known = suppliers.get(id);
        if (known !== undefined && known.state !== "barred") known.state = "gone";
        schedule();
      }),
    );
    for (const { id } of network.peers) welcome(id);
    schedule();
  });
};
