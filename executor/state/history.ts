import { type Bytes, concat, uintBE } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import type { StateErrorCode } from "./errors.ts";
import { decodeRef, encodeRef, type Ref } from "./node-codec.ts";

/** Flat key (latin1 string) to the value before, undefined where there was none. */
export type UndoMap = ReadonlyMap<string, Bytes | undefined>;

/** What is kept of a version: its root, how many tree nodes it added, and what undoes it. */
export type VersionRecord = { readonly root: Ref; readonly nodes: number; readonly undo: UndoMap };

const ABSENT = 0xff;

/** Root reference, u32 count of nodes, then entries: key length u8, value length u8 (255: absent), key, value. */
export const encodeRecord = ({ root, nodes, undo }: VersionRecord): Bytes => {
  const parts: Bytes[] = [encodeRef(root), uintBE(nodes, 4)];
  for (const [key, value] of undo) {
    parts.push(Uint8Array.of(key.length, value?.length ?? ABSENT), Buffer.from(key, "latin1"));
    if (value !== undefined) parts.push(value);
  }
  return concat(...parts);
};

/** STATE_CORRUPT when the bytes end early. */
export const decodeRecord = (bytes: Bytes): VersionRecord => {
  const { ref: root, length } = decodeRef(bytes);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const short = () => new CodedError<StateErrorCode>("STATE_CORRUPT", "a stored version record is cut short");
  if (buffer.length < length + 4) throw short();
  const nodes = buffer.readUInt32BE(length);
  const undo = new Map<string, Bytes | undefined>();
  let at = length + 4;
  while (at < buffer.length) {
    const keyEnd = at + 2 + (buffer[at] as number);
    const size = buffer[at + 1] ?? ABSENT;
    const end = size === ABSENT ? keyEnd : keyEnd + size;
    if (end > buffer.length) throw short();
    undo.set(buffer.toString("latin1", at + 2, keyEnd), size === ABSENT ? undefined : buffer.subarray(keyEnd, end));
    at = end;
  }
  return { root, nodes, undo };
};
