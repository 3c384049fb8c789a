import type { Connection, Stream } from "@libp2p/interface";
import type { Bytes } from "../../foundation/bytes.ts";
import { CodedError } from "../../foundation/errors.ts";
import { createFrameReader, FrameError, type FrameReader, writeFrame } from "./frames.ts";
import type { NetworkErrorCode, PeerId, Protocol } from "./network.ts";
import type { Misbehaviour } from "./reputation.ts";

/** The first byte of every answer. */
export const STATUS = { ok: 0, busy: 1 } as const;

/** Requests of one protocol that one peer answers at once. */
export const MAX_CONCURRENT = 8;

export type AskOptions = {
  readonly connection: Connection;
  /** With the chain in it. */
  readonly protocolId: string;
  readonly protocol: Protocol;
  readonly request: Bytes;
  /** Of the caller and of the network; either may end the request. */
  readonly signals: readonly AbortSignal[];
  penalise(peer: PeerId, why: Misbehaviour): void;
};

const failure = (code: NetworkErrorCode, { connection, protocol }: AskOptions, cause?: unknown): CodedError =>
  new CodedError(
    code,
    `peer ${connection.remotePeer.toString()} did not answer ${protocol.name}: ${code}`,
    { peer: connection.remotePeer.toString(), protocol: protocol.name },
    cause,
  );

/** Calls back once, when the first of the signals aborts, unless unlinked before. */
const onAbort = (signals: readonly AbortSignal[], aborted: () => void): (() => void) => {
  for (const signal of signals) signal.addEventListener("abort", aborted, { once: true });
  if (signals.some((signal) => signal.aborted)) aborted();
  return () => {
    for (const signal of signals) signal.removeEventListener("abort", aborted);
  };
};

const isUnsupported = (error: unknown): boolean => error instanceof Error && error.name === "UnsupportedProtocolError";

const blameStall = ({ connection, protocol, penalise }: AskOptions): void => {
  if (protocol.stalls !== "forgiven") penalise(connection.remotePeer.toString(), "stall");
};

const open = async (options: AskOptions): Promise<Stream> => {
  const { connection, protocolId, protocol, signals } = options;
  const controller = new AbortController();
  const unlink = onAbort(signals, () => controller.abort());
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    controller.abort();
  }, protocol.stallMs);
  try {
    return await connection.newStream(protocolId, {
      signal: controller.signal,
      maxOutboundStreams: 2 * MAX_CONCURRENT,
      negotiateFully: true,
    });
  } catch (error) {
    if (late && connection.status === "open") blameStall(options);
    if (controller.signal.aborted) throw failure("P2P_TIMEOUT", options, error);
    throw failure(isUnsupported(error) || connection.status !== "open" ? "P2P_PEER" : "P2P_BUSY", options, error);
  } finally {
    clearTimeout(timer);
    unlink();
  }
};

/** What a broken stream means, and whether it is held against the peer. */
const judge = (error: unknown, aborted: boolean, options: AskOptions): unknown => {
  if (aborted) return failure("P2P_TIMEOUT", options, error);
  if (!(error instanceof FrameError)) return error;
  const peer = options.connection.remotePeer.toString();
  if (error.fault === "oversized") {
    options.penalise(peer, "malformed");
    return failure("P2P_INVALID", options, error);
  }
  if (error.fault === "stalled") blameStall(options);
  return failure("P2P_TIMEOUT", options, error);
};

const readStatus = async (reader: FrameReader, options: AskOptions): Promise<void> => {
  const status = await reader.readByte();
  if (status === STATUS.ok) return;
  if (status === STATUS.busy) throw failure("P2P_BUSY", options);
  options.penalise(options.connection.remotePeer.toString(), "malformed");
  throw failure("P2P_INVALID", options);
};

/** One request on a stream of its own, which is aborted when the caller wants no more. */
export async function* ask(options: AskOptions): AsyncGenerator<Bytes, void, undefined> {
  const { connection, protocol, request, signals, penalise } = options;
  const stream = await open(options);
  let aborted = false;
  const unlink = onAbort(signals, () => {
    aborted = true;
    stream.abort(new Error("request aborted"));
  });
  const reader = createFrameReader(stream, protocol.stallMs);
  try {
    await writeFrame(stream, request, protocol.stallMs);
    await readStatus(reader, options);
    for (let answers = 0; ; answers++) {
      const answer = await reader.readFrame(protocol.maxAnswerBytes);
      if (answer === undefined) return;
      if (answers === protocol.maxAnswers) {
        penalise(connection.remotePeer.toString(), "malformed");
        throw failure("P2P_INVALID", options);
      }
      yield answer;
    }
  } catch (error) {
    throw judge(error, aborted, options);
  } finally {
    unlink();
    reader.release();
    // Both halves: what more may come is not waited for.
    stream.abort(new Error("request over"));
  }
}
