import type { Connection, Stream } from "@libp2p/interface";
import type { Logger } from "pino";
import { hasCode } from "../../foundation/errors.ts";
import { sleep } from "../../foundation/service.ts";
import { MAX_CONCURRENT, STATUS } from "./ask.ts";
import { createFrameReader, FrameError, writeByte, writeEnd, writeFrame } from "./frames.ts";
import type { Handler, PeerId, Protocol } from "./network.ts";
import { type Buckets, type Clock, createBuckets } from "./rate.ts";
import type { Misbehaviour } from "./reputation.ts";

/** Peers whose rates are remembered, connected or not: coming back does not fill a bucket. */
const MAX_PEERS = 1_024;

export type Outcome = "ok" | "busy" | "stalled" | "malformed" | "failed";

export type AnswerOptions = {
  readonly protocol: Protocol;
  readonly handler: Handler;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Aborts when the network stops. */
  readonly signal: AbortSignal;
  penalise(peer: PeerId, why: Misbehaviour): void;
  onOutcome(outcome: Outcome): void;
};

export type Answerer = {
  /** Answers one stream. Never rejects. */
  answer(stream: Stream, connection: Connection): Promise<void>;
  /** Requests that are being answered. */
  readonly active: number;
};

type Limits = {
  readonly requests: Buckets;
  /** Refusals that are forgiven; beyond them a peer asks far too much. */
  readonly patience: Buckets;
  readonly bytes: Buckets;
};

const limitsOf = ({ rate }: Protocol, clock: Clock): Limits => {
  const requests = { perSecond: rate.requests, burst: rate.requestBurst };
  return {
    requests: createBuckets(requests, clock, MAX_PEERS),
    patience: createBuckets(requests, clock, MAX_PEERS),
    bytes: createBuckets({ perSecond: rate.bytes, burst: rate.byteBurst }, clock, MAX_PEERS),
  };
};

/** The serving side of one protocol. */
export const createAnswerer = (options: AnswerOptions): Answerer => {
  const { protocol, handler, logger, clock, penalise, onOutcome } = options;
  const limits = limitsOf(protocol, clock);
  const activeOf = new Map<PeerId, number>();
  let active = 0;

  const enter = (peer: PeerId): boolean => {
    const count = activeOf.get(peer) ?? 0;
    if (count >= MAX_CONCURRENT) return false;
    activeOf.set(peer, count + 1);
    active++;
    return true;
  };
  const leave = (peer: PeerId) => {
    const count = activeOf.get(peer) as number;
    if (count === 1) activeOf.delete(peer);
    else activeOf.set(peer, count - 1);
    active--;
  };

  const admit = (peer: PeerId): boolean => {
    if (limits.requests.of(peer).take(1)) return true;
    if (!limits.patience.of(peer).take(1)) penalise(peer, "rate");
    return false;
  };

  const refuse = async (stream: Stream) => {
    await writeByte(stream, STATUS.busy, protocol.stallMs);
    await stream.close({ signal: AbortSignal.timeout(protocol.stallMs) });
  };

  const respond = async (stream: Stream, peer: PeerId, signal: AbortSignal): Promise<void> => {
    const reader = createFrameReader(stream, protocol.stallMs);
    try {
      const request = await reader.readFrame(protocol.maxRequestBytes);
      if (request === undefined) throw new FrameError("oversized");
      const answers = await handler(request, peer, signal);
      signal.throwIfAborted();
      await writeByte(stream, STATUS.ok, protocol.stallMs);
      for await (const answer of answers) {
        const wait = limits.bytes.of(peer).owe(answer.length);
        if (wait > 0) await sleep(wait, signal);
        signal.throwIfAborted();
        await writeFrame(stream, answer, protocol.stallMs);
      }
      await writeEnd(stream, protocol.stallMs);
    } finally {
      reader.release();
    }
  };

  /** Whose fault it is. */
  const judge = (error: unknown, peer: PeerId, signal: AbortSignal): Outcome => {
    if (error instanceof FrameError && error.fault !== "oversized") return "stalled";
    if (error instanceof FrameError || hasCode(error, "P2P_INVALID")) {
      penalise(peer, "malformed");
      return "malformed";
    }
    // The asker left while its answer was being made.
    if (signal.aborted) return "stalled";
    logger.error({ err: error, peer, protocol: protocol.name }, "a request could not be answered");
    return "failed";
  };

  return {
    async answer(stream, connection) {
      const peer = connection.remotePeer.toString();
      const gone = new AbortController();
      const leaveStream = () => gone.abort(new Error("the peer went away"));
      const stop = () => {
        gone.abort(new Error("the network stops"));
        stream.abort(new Error("the network stops"));
      };
      stream.addEventListener("close", leaveStream);
      options.signal.addEventListener("abort", stop, { once: true });
      if (options.signal.aborted) stop();
      let outcome: Outcome = "ok";
      try {
        if (!admit(peer) || !enter(peer)) {
          outcome = "busy";
          await refuse(stream);
        } else {
          try {
            await respond(stream, peer, gone.signal);
          } finally {
            leave(peer);
          }
          await stream.close({ signal: AbortSignal.timeout(protocol.stallMs) });
        }
      } catch (error) {
        if (outcome === "ok") outcome = judge(error, peer, gone.signal);
        stream.abort(new Error("not answered"));
      } finally {
        stream.removeEventListener("close", leaveStream);
        options.signal.removeEventListener("abort", stop);
        onOutcome(outcome);
      }
    },
    get active() {
      return active;
    },
  };
};
