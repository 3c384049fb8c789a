import type { Stream } from "@libp2p/interface";
import { type Bytes, concat, uintBE } from "../../foundation/bytes.ts";

/**
 * Frames on a stream: `u32 length ++ body`. Reading holds the stream back: beyond what is asked for, only what the peer
 * had under way is buffered, at most one window of the multiplexer.
 */

/** In place of a length: the answer is complete. */
export const END = 0xff_ff_ff_ff;
/** Less than this in `stallMs` is no progress. */
const PROGRESS_BYTES = 4_096;
/** Bytes that wait for the peer before the writer waits too. */
const HIGH_WATER = 256 * 1_024;

export type FrameFault =
  /** Nothing came, or went, for too long. */
  | "stalled"
  /** The stream ended or broke before the frame was whole. */
  | "broken"
  /** The frame says it is larger than it may be. */
  | "oversized";

export class FrameError extends Error {
  readonly fault: FrameFault;
  constructor(fault: FrameFault, cause?: unknown) {
    super(`stream ${fault}`, { cause });
    this.fault = fault;
  }
}

export type FrameReader = {
  /** One byte that stands alone. */
  readByte(): Promise<number>;
  /** The next frame's body, or undefined at END. Nothing of a frame over `maxBytes` is kept. */
  readFrame(maxBytes: number): Promise<Bytes | undefined>;
  /** Listens no more, and lets go of what it holds. */
  release(): void;
};

/** Bytes in, bytes out. Twice what it holds at most, whatever the pieces it was given. */
const createQueue = () => {
  let store: Bytes = new Uint8Array(0);
  let from = 0;
  let to = 0;
  return {
    get length() {
      return to - from;
    },
    push(bytes: Bytes) {
      if (to + bytes.length > store.length) {
        const held = store.subarray(from, to);
        const need = held.length + bytes.length;
        store = need * 2 > store.length ? new Uint8Array(need * 2) : store;
        store.set(held);
        [from, to] = [0, held.length];
      }
      store.set(bytes, to);
      to += bytes.length;
    },
    take(length: number): Bytes {
      const taken = store.slice(from, from + length);
      from += length;
      if (from === to) this.clear();
      return taken;
    },
    clear() {
      store = new Uint8Array(0);
      [from, to] = [0, 0];
    },
  };
};

/** Takes the stream for itself until it is released. */
export const createFrameReader = (stream: Stream, stallMs: number): FrameReader => {
  const queue = createQueue();
  let over: FrameError | undefined;
  let wake: (() => void) | undefined;

  const onMessage = (event: { data: { subarray(): Bytes } }) => {
    queue.push(event.data.subarray());
    wake?.();
  };
  const onOver = (event: Event & { error?: Error }) => {
    over ??= new FrameError("broken", event.error);
    wake?.();
  };
  const flow = () => {
    try {
      if (stream.readStatus === "paused") stream.resume();
    } catch (error) {
      over ??= new FrameError("broken", error);
    }
  };
  const hold = () => {
    if (stream.readStatus === "readable") stream.pause();
  };
  // Held back before it is listened to, as what it holds comes with the first listener.
  hold();
  stream.addEventListener("message", onMessage);
  stream.addEventListener("end", onOver);
  stream.addEventListener("close", onOver);
  // What ended before it was listened to does not say so again.
  if (stream.readableEnded || stream.readStatus === "closed") over = new FrameError("broken");

  /** Waits until so many bytes are here. */
  const fill = async (length: number): Promise<void> => {
    while (queue.length < length) {
      // What the stream held back comes at once when it flows.
      if (over !== undefined) {
        flow();
        if (queue.length < length) throw over;
        return;
      }
      const enough = Math.min(length, queue.length + PROGRESS_BYTES);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const timer = setTimeout(() => reject(new FrameError("stalled")), stallMs);
      wake = () => {
        if (queue.length >= enough || over !== undefined) resolve();
      };
      try {
        flow();
        wake();
        await promise;
      } finally {
        clearTimeout(timer);
        wake = undefined;
        hold();
      }
    }
  };

  return {
    async readByte() {
      await fill(1);
      return queue.take(1)[0] as number;
    },
    async readFrame(maxBytes) {
      await fill(4);
      const prefix = queue.take(4);
      const length = new DataView(prefix.buffer, prefix.byteOffset).getUint32(0);
      if (length === END) return undefined;
      if (length > maxBytes) throw new FrameError("oversized");
      await fill(length);
      return queue.take(length);
    },
    release() {
      stream.removeEventListener("message", onMessage);
      stream.removeEventListener("end", onOver);
      stream.removeEventListener("close", onOver);
      queue.clear();
    },
  };
};

/** Waits while the peer has not taken what it was sent. Less than everything may be left to send when it returns. */
const drain = async (stream: Stream, stallMs: number): Promise<void> => {
  const deadline = { left: stream.writeBufferLength, timer: undefined as NodeJS.Timeout | undefined };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stall = () => reject(new FrameError("stalled"));
  const onClose = (event: Event & { error?: Error }) => reject(new FrameError("broken", event.error));
  const onProgress = () => {
    // The stream sends in a microtask of its own, which was queued before this one.
    queueMicrotask(() => {
      if (stream.writeBufferLength <= HIGH_WATER) return resolve();
      if (deadline.left - stream.writeBufferLength < PROGRESS_BYTES) return;
      deadline.left = stream.writeBufferLength;
      clearTimeout(deadline.timer);
      deadline.timer = setTimeout(stall, stallMs);
    });
  };
  deadline.timer = setTimeout(stall, stallMs);
  stream.addEventListener("drain", onProgress);
  stream.addEventListener("idle", onProgress);
  stream.addEventListener("close", onClose);
  onProgress();
  try {
    await promise;
  } finally {
    clearTimeout(deadline.timer);
    stream.removeEventListener("drain", onProgress);
    stream.removeEventListener("idle", onProgress);
    stream.removeEventListener("close", onClose);
  }
};

const send = async (stream: Stream, bytes: Bytes, stallMs: number): Promise<void> => {
  if (stream.writeStatus !== "writable") throw new FrameError("broken");
  try {
    stream.send(bytes);
  } catch (error) {
    throw new FrameError("broken", error);
  }
  if (stream.writeBufferLength > HIGH_WATER) await drain(stream, stallMs);
};

export const writeByte = (stream: Stream, byte: number, stallMs: number): Promise<void> =>
  send(stream, Uint8Array.of(byte), stallMs);

/** Returns when the peer has taken so much that the next frame may be made. */
export const writeFrame = (stream: Stream, body: Bytes, stallMs: number): Promise<void> =>
  send(stream, concat(uintBE(body.length, 4), body), stallMs);

export const writeEnd = (stream: Stream, stallMs: number): Promise<void> => send(stream, uintBE(END, 4), stallMs);
