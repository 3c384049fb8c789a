import { setImmediate } from "node:timers/promises";
import { type Bytes, equalBytes, type Hex, toHex } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { COLUMN, type KeyValueStore, type Write } from "../store/key-value-store.ts";
import { codeInfo } from "./code.ts";
import { firstVersionWrites } from "./create-world.ts";
import type { StateErrorCode } from "./errors.ts";
import { bytesOf, codeKeyOf, nodeKeyOf } from "./keys.ts";
import { kindOf, type Ref, sizeOf, writeChild } from "./node-codec.ts";
import { decodePiece, type PieceEntry } from "./piece.ts";
import { createPrefixFold } from "./prefix-fold.ts";
import { hashBranch } from "./proof.ts";
import { clearColumns } from "./snapshot.ts";
import { hashOf } from "./tree.ts";

/** What a state is restored from. Each answer is checked; order and number are those of the hashes. */
export type StateSource = {
  pieces(hashes: readonly Hex[], signal: AbortSignal): Promise<readonly Bytes[]>;
  /** By hash of the code. */
  codes(hashes: readonly Hex[], signal: AbortSignal): Promise<readonly Bytes[]>;
};

export type RestoreOptions = {
  readonly root: Bytes;
  /** Number of the block whose state it is. */
  readonly version: number;
  readonly signal: AbortSignal;
  /** Share of the keys that are restored, 0 to 1, and how many. */
  readonly onProgress?: (share: number, entries: number) => void;
};

/** Pieces that are held at once. */
const WINDOW = 32;
const COLUMNS = [
  COLUMN.account,
  COLUMN.slot,
  COLUMN.code,
  COLUMN.treeNode,
  COLUMN.staleNodes,
  COLUMN.undo,
  COLUMN.history,
];

/**
 * Writes the state behind a root as the only version of an empty store: streamed, piece by piece, each checked by the
 * hash of its node, so nothing of another state is ever taken. What a broken restoration left is removed first. Answers
 * the writes that make it the state of the store: before them it is none. STATE_PIECE, and what the source throws.
 */
export const restoreState = async (
  store: KeyValueStore,
  source: StateSource,
  { root, version, signal, onProgress }: RestoreOptions,
): Promise<readonly Write[]> => {
  await clearColumns(store, COLUMNS);
  let writes: Write[] = [];
  let entries = 0;
  // Ids of versions before this one: no other node has them.
  let nextId = 1;
  const fold = createPrefixFold<Exclude<Ref, undefined>>((left, right) => {
    const kinds = kindOf(left) | (kindOf(right) << 4);
    const bytes = new Uint8Array(1 + sizeOf(kindOf(left)) + sizeOf(kindOf(right)));
    bytes[0] = kinds;
    writeChild(bytes, writeChild(bytes, 1, left), right);
    const id = nextId++;
    writes.push({ type: "put", key: nodeKeyOf(id), value: bytes });
    return { leaf: false, hash: hashBranch(hashOf(left), hashOf(right)), id };
  });

  const pieceOf = (hash: Hex, bytes: Bytes | undefined) => {
    const piece = bytes === undefined ? undefined : decodePiece(bytes);
    if (piece === undefined || toHex(piece.root) !== hash)
      throw new CodedError<StateErrorCode>("STATE_PIECE", `these are not the bytes of piece ${hash}`, { hash });
    return piece;
  };

  const restoreCodes = async (wanted: readonly PieceEntry[]): Promise<void> => {
    const hashes = new Map<Hex, string>();
    for (const { code } of wanted)
      if (code !== undefined && store.get(codeKeyOf(code.key)) === undefined) hashes.set(toHex(code.hash), code.key);
    if (hashes.size === 0) return;
    const names = [...hashes.keys()];
    const codes = await source.codes(names, signal);
    await store.write(
      names.map((hash, i) => {
        const code = codes[i];
        if (code === undefined || toHex(codeInfo(code).hash) !== hash)
          throw new CodedError<StateErrorCode>("STATE_PIECE", `these are not the bytes of code ${hash}`, { hash });
        return { type: "put", key: codeKeyOf(hashes.get(hash) as string), value: code };
      }),
    );
  };

  const take = async (leaves: readonly PieceEntry[]): Promise<void> => {
    await restoreCodes(leaves);
    for (const { key, value, flatKey, flat } of leaves) {
      fold.add(key, { leaf: true, key, value, hash: undefined });
      writes.push({ type: "put", key: bytesOf(flatKey), value: flat });
    }
    await store.write(writes);
    writes = [];
    entries += leaves.length;
    const last = leaves.at(-1)?.key ?? new Uint8Array(4);
    onProgress?.(new DataView(last.buffer, last.byteOffset).getUint32(0) / 2 ** 32, entries);
    await setImmediate();
  };

  const descend = async (piece: ReturnType<typeof decodePiece>): Promise<void> => {
    signal.throwIfAborted();
    if (piece.kind === "leaves") return take(piece.entries);
    for (let first = 0; first < piece.parts.length; first += WINDOW) {
      const hashes = piece.parts.slice(first, first + WINDOW).map(toHex);
      const bytes = await source.pieces(hashes, signal);
      for (const [i, hash] of hashes.entries()) await descend(pieceOf(hash, bytes[i]));
    }
  };

  const name = toHex(root);
  const [top] = await source.pieces([name], signal);
  await descend(pieceOf(name, top));
  const ref = fold.finish();
  // INVARIANT: what was written is the whole state behind the root.
  if (ref === undefined || !equalBytes(hashOf(ref), root))
    throw new CodedError<StateErrorCode>("STATE_PIECE", "the pieces give another root", { root: name });
  onProgress?.(1, entries);
  return [...writes, ...firstVersionWrites(version, ref)];
};
