import { setImmediate } from "node:timers/promises";
import { type Bytes, concat, equalBytes, readUintBE, uintBE } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { COLUMN, type KeyValueStore, type Write } from "../store/key-value-store.ts";
import { encodeAccount } from "./account.ts";
import type { StateErrorCode } from "./errors.ts";
import { ACCOUNT_PREFIX, bytesOf, codeKeyOf, latin1, SLOT_PREFIX } from "./keys.ts";
import type { StateReader } from "./overlay.ts";
import { decodeEntry, encodeEntry, leafKeyOf, leavesHead, MAX_PIECE_BYTES, SHAPE, shapePiece } from "./piece.ts";
import { createPrefixFold } from "./prefix-fold.ts";
import { hashBranch, hashLeaf } from "./proof.ts";
import type { WorldState } from "./world.ts";

const VERSION_BYTES = 8;
/** Flat keys that are read between two turns of the event loop, and changes that are written at once. */
const PAGE = 256;
const KEY = { low: new Uint8Array(32), high: new Uint8Array(33).fill(0xff) };
const HEAD_BYTES = 2;
const WHOLE = 0;
const RANGE = 1;

const entryKey = (version: number, key: Bytes): Bytes =>
  concat(Uint8Array.of(COLUMN.snapshotEntry), uintBE(version, VERSION_BYTES), key);
const pieceKey = (hash: Bytes): Bytes => concat(Uint8Array.of(COLUMN.snapshotPiece), hash);
const put = (key: Bytes, value: Bytes): Write => ({ type: "put", key, value });
const columnRange = (column: number) => ({ gte: Uint8Array.of(column), lt: Uint8Array.of(column + 1) });

/** A subtree on its way: leaves that fit one piece, or a shape down to pieces that are cut. */
type Cut = {
  readonly hash: Bytes;
  readonly bytes: number;
  readonly first: Bytes;
  readonly last: Bytes;
  readonly shape?: Bytes;
};

export const clearColumns = async (store: KeyValueStore, columns: readonly number[]): Promise<void> => {
  for (const column of columns)
    for (let isThere = true; isThere; ) {
      const keys = Array.from(store.scan({ ...columnRange(column), limit: 4 * PAGE }), ([key]) => key);
      isThere = keys.length > 0;
      if (isThere) await store.write(keys.map((key) => ({ type: "del", key })));
      await setImmediate();
    }
};

/** Code by its hash. */
export const storedCode = (store: KeyValueStore, hash: Bytes): Bytes | undefined => store.get(codeKeyOf(latin1(hash)));

/**
 * One version of the state, kept in the order of the tree's keys beside it, so that others can begin with it: pieces are
 * read by the hashes of their nodes. It stays when the version is pruned.
 */
export const createSnapshots = (store: KeyValueStore) => {
  /** Flat entries of a column as a version has them, page by page, each in one turn: the head moves in between. */
  function* pagesOf(prefix: string, reader: StateReader, keysAbove: WorldState["changedKeys"], version: number) {
    const beyond = String.fromCharCode(prefix.charCodeAt(0) + 1);
    for (let from = prefix; ; ) {
      const range = { gte: bytesOf(from), lt: bytesOf(beyond), limit: PAGE };
      const stored = Array.from(store.scan(range), ([key]) => latin1(key));
      const changed = keysAbove(version, [from, beyond], PAGE);
      const ends = [stored, changed].filter(({ length }) => length === PAGE).map((page) => page.at(-1) as string);
      const end = ends.sort()[0];
      const keys = [...new Set([...stored, ...changed])].sort();
      const page: Write[] = [];
      for (const key of keys) {
        if (end !== undefined && key > end) break;
        const flat = flatAt(reader, key);
        if (flat === undefined) continue;
        const flatKey = bytesOf(key);
        page.push(put(entryKey(version, leafKeyOf(flatKey)), encodeEntry(flatKey, flat)));
      }
      yield page;
      if (end === undefined) return;
      from = `${end}\0`;
    }
  }

  const flatAt = (reader: StateReader, key: string): Bytes | undefined => {
    if (key.startsWith(ACCOUNT_PREFIX)) {
      const account = reader.account(key.slice(1));
      return account === undefined ? undefined : encodeAccount(account);
    }
    const value = reader.slot(key.slice(1, 21), key.slice(21));
    return value.length === 0 ? undefined : value;
  };

  const writesOf = ({ hash, first, last, shape }: Cut, version: number, depth: number): Write =>
    put(
      pieceKey(hash),
      shape === undefined
        ? concat(Uint8Array.of(RANGE), uintBE(version, VERSION_BYTES), Uint8Array.of(depth), first, last)
        : concat(Uint8Array.of(WHOLE), shapePiece(shape)),
    );

  /** Cuts the entries into pieces; answers the root. */
  const cut = async (version: number, signal: AbortSignal): Promise<Bytes | undefined> => {
    let writes: Write[] = [];
    const asPart = (cut: Cut, depth: number): Bytes => {
      writes.push(writesOf(cut, version, depth));
      return concat(Uint8Array.of(SHAPE.part), cut.hash);
    };
    const shapeOf = (side: Cut | undefined, depth: number): Bytes => {
      if (side === undefined) return Uint8Array.of(SHAPE.empty);
      return side.shape ?? asPart(side, depth);
    };
    const fold = createPrefixFold<Cut>((left, right, depth) => {
      const [one, other] = [left ?? right, right ?? left] as [Cut, Cut];
      const hash = hashBranch(left?.hash ?? new Uint8Array(32), right?.hash ?? new Uint8Array(32));
      const bytes = (left?.bytes ?? 0) + (right?.bytes ?? 0);
      const joined = { hash, bytes, first: one.first, last: other.last };
      const isWhole = left?.shape === undefined && right?.shape === undefined;
      if (isWhole && bytes + HEAD_BYTES <= MAX_PIECE_BYTES) return joined;
      const shapes = [shapeOf(left, depth + 1), shapeOf(right, depth + 1)];
      const isLong = shapes.reduce((sum, { length }) => sum + length, HEAD_BYTES) > MAX_PIECE_BYTES;
      const sides = isLong
        ? [left, right].map((side, i) => (side?.shape === undefined ? (shapes[i] as Bytes) : asPart(side, depth + 1)))
        : shapes;
      return { ...joined, shape: concat(Uint8Array.of(SHAPE.branch), ...sides) };
    });
    let count = 0;
    const range = { gte: entryKey(version, KEY.low), lt: entryKey(version, KEY.high) };
    for (const [stored, bytes] of store.scan(range)) {
      const { entry } = decodeEntry(bytes, 0);
      const key = stored.slice(1 + VERSION_BYTES);
      fold.add(key, { hash: hashLeaf(entry.key, entry.value), bytes: bytes.length, first: key, last: key });
      if (++count % PAGE !== 0) continue;
      signal.throwIfAborted();
      if (writes.length > 0) await store.write(writes);
      writes = [];
      await setImmediate();
    }
    const root = fold.finish();
    if (root !== undefined) await store.write([...writes, writesOf(root, version, 0)]);
    return root?.hash;
  };

  return {
    /** Keeps a version that is served until this resolves. STATE_PRUNED, STATE_CORRUPT. */
    async take(world: WorldState, version: number, signal: AbortSignal): Promise<void> {
      await this.drop();
      const { reader } = world.ground(version);
      for (const prefix of [ACCOUNT_PREFIX, SLOT_PREFIX])
        for (const page of pagesOf(prefix, reader, world.changedKeys, version)) {
          signal.throwIfAborted();
          if (page.length > 0) await store.write(page);
          await setImmediate();
        }
      const root = await cut(version, signal);
      if (root === undefined || !equalBytes(root, world.rootAt(version)))
        throw new CodedError<StateErrorCode>("STATE_CORRUPT", `entries of version ${version} give another root`);
    },
    drop: () => clearColumns(store, [COLUMN.snapshotEntry, COLUMN.snapshotPiece]),
    /** The piece of a node, if it is one of the version that is kept. */
    piece(hash: Bytes): Bytes | undefined {
      const stored = store.get(pieceKey(hash));
      if (stored === undefined) return undefined;
      if (stored[0] === WHOLE) return stored.slice(1);
      const version = Number(readUintBE(stored.subarray(1, 1 + VERSION_BYTES)));
      const depth = stored[1 + VERSION_BYTES] as number;
      const at = 2 + VERSION_BYTES;
      const gte = entryKey(version, stored.subarray(at, at + 32));
      const lt = concat(entryKey(version, stored.subarray(at + 32, at + 64)), Uint8Array.of(0));
      return concat(leavesHead(depth), ...Array.from(store.scan({ gte, lt }), ([, bytes]) => bytes));
    },
  };
};
