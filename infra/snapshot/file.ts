import { type FileHandle, open, stat } from "node:fs/promises";
import {
  type Bytes,
  type ClaimId,
  CodedError,
  concat,
  fromHex,
  type Hex,
  isBaseOf,
  MAX_PIECE_BYTES,
  type StateSource,
  toHex,
  uintBE,
  utf8,
} from "../../executor/index.ts";

export type SnapshotErrorCode =
  /** Not a file that `assay snapshot export` wrote, or cut short. Export or fetch it again. */
  | "SNAPSHOT_FILE"
  /**
   * The file is of another chain, or the data directory has no state of a confirmed claim. Give the right --rollup, or
   * wait until the node has come to one.
   */
  | "SNAPSHOT_STATE"
  /** It cannot be downloaded. Check the URL, and try again. */
  | "SNAPSHOT_DOWNLOAD";

/**
 * A snapshot in a file: `"ASSAYSN1" ++ claim's id`, then frames `u32 length ++ hash ++ bytes`: first the block to begin
 * with, by its chain state's hash, then pieces of the state and codes, each by its hash, in the order in which they are
 * needed. Every frame proves itself; the file needs no trust.
 */
const MAGIC = utf8("ASSAYSN1");
const [HASH, HEAD] = [32, 36];
const START = MAGIC.length + HASH;

const broken = (file: string, what: string) =>
  new CodedError<SnapshotErrorCode>("SNAPSHOT_FILE", `${file} is no snapshot: ${what}`, { file });

export type SnapshotWriter = { add(hash: Bytes, bytes: Bytes): Promise<void>; close(): Promise<number> };

/** A new file; one that is there is not overwritten. */
export const createSnapshotFile = async (file: string, claim: ClaimId): Promise<SnapshotWriter> => {
  const handle = await open(file, "wx");
  let size = START;
  await handle.write(concat(MAGIC, fromHex(claim)));
  return {
    async add(hash, bytes) {
      const frame = concat(uintBE(bytes.length, 4), hash, bytes);
      await handle.write(frame);
      size += frame.length;
    },
    async close() {
      await handle.sync();
      await handle.close();
      return size;
    },
  };
};

export type SnapshotFile = StateSource & {
  readonly claim: ClaimId;
  /** Hash of the chain state that it begins with. */
  readonly endState: Hex;
  readonly base: Bytes;
  close(): Promise<void>;
};

const readAt = async (handle: FileHandle, at: number, length: number): Promise<Bytes> => {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await handle.read(bytes, 0, length, at);
  return bytes.subarray(0, bytesRead);
};

/** Opens a file and finds its frames. What they hold is checked by whoever takes it. SNAPSHOT_FILE. */
export const openSnapshotFile = async (file: string): Promise<SnapshotFile> => {
  const { size } = await stat(file);
  const handle = await open(file, "r");
  const frames = new Map<Hex, { readonly at: number; readonly length: number }>();
  try {
    const head = await readAt(handle, 0, START);
    if (head.length !== START || MAGIC.some((byte, i) => head[i] !== byte)) throw broken(file, "it begins otherwise");
    for (let at = START; at < size; ) {
      const frame = await readAt(handle, at, HEAD);
      const length = frame.length < 4 ? 0 : new DataView(frame.buffer).getUint32(0);
      if (frame.length !== HEAD || length > MAX_PIECE_BYTES || at + HEAD + length > size)
        throw broken(file, "it is cut short");
      frames.set(toHex(frame.subarray(4)), { at: at + HEAD, length });
      at += HEAD + length;
    }
    const get = async (hash: Hex): Promise<Bytes> => {
      const frame = frames.get(hash);
      if (frame === undefined) throw broken(file, `${hash} is missing`);
      return readAt(handle, frame.at, frame.length);
    };
    const [endState] = frames.keys();
    const base = endState === undefined ? undefined : await get(endState);
    if (endState === undefined || base === undefined || !isBaseOf(fromHex(endState), base))
      throw broken(file, "it has no block to begin with");
    const all = (hashes: readonly Hex[]) => Promise.all(hashes.map(get));
    return {
      claim: toHex(head.subarray(MAGIC.length)) as ClaimId,
      endState,
      base,
      pieces: all,
      codes: all,
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
};
