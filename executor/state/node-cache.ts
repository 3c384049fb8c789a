import type { Bytes } from "../foundation/bytes.ts";
import { assertNode, copyBytes, MAX_NODE_BYTES } from "./node-codec.ts";

/** Encoded nodes in one block of memory: `bytes` from `locate(id)` on, valid until the next call. */
export type NodeSource = {
  readonly bytes: Bytes;
  locate(id: number): number;
};

/** Entries of a generation at first; it grows to its share of the capacity. */
const INITIAL = 256;

/** Half of the cache: ids in an open-addressed table, nodes in slots in the order of arrival. */
type Generation = { keys: Float64Array; slots: Int32Array; first: number; count: number };

const indexOf = ({ keys }: Generation, id: number): number => {
  const mask = keys.length - 1;
  const mixed = Math.imul((id >>> 0) ^ Math.imul(Math.floor(id / 2 ** 32), 0x9e3779b1), 0x85ebca6b);
  let index = (mixed ^ (mixed >>> 15)) & mask;
  while (keys[index] !== 0 && keys[index] !== id) index = (index + 1) & mask;
  return index;
};

const generation = (first: number, room: number): Generation => {
  let size = 2;
  while (size < 2 * room) size *= 2;
  return { keys: new Float64Array(size), slots: new Int32Array(size), first, count: 0 };
};

/**
 * A bounded cache of encoded nodes over `fetch`: two generations, of which the older is forgotten as a whole. It is one
 * block of memory, because hundreds of thousands of small objects would be the garbage collector's main work.
 */
export const createNodeCache = (capacity: number, fetch: (id: number) => Bytes) => {
  const limit = Math.max(1, Math.floor(capacity / 2));
  let room = Math.min(limit, INITIAL);
  let bytes = new Uint8Array(2 * room * MAX_NODE_BYTES);
  let young = generation(0, room);
  let old = generation(room, room);

  const slotOf = (of: Generation, id: number): number => {
    const index = indexOf(of, id);
    return of.keys[index] === id ? (of.slots[index] as number) : -1;
  };

  const reset = (): void => {
    young = generation(0, room);
    old = generation(room, room);
  };

  /** Makes place in the young generation: more memory while that is allowed, else the old one goes. */
  const rotate = (): void => {
    if (room < limit) {
      const before = { bytes, young, old };
      room = Math.min(limit, room * 4);
      bytes = new Uint8Array(2 * room * MAX_NODE_BYTES);
      reset();
      for (const from of [before.old, before.young])
        from.keys.forEach((id, index) => {
          if (id !== 0) insert(id, before.bytes, (from.slots[index] as number) * MAX_NODE_BYTES);
        });
      return;
    }
    const recycled = old;
    old = young;
    young = recycled;
    young.keys.fill(0);
    young.count = 0;
  };

  /** The entry's place after it was copied in; ids are inserted once a generation. */
  const insert = (id: number, from: Bytes, at: number): number => {
    if (young.count >= room) rotate();
    const slot = young.first + young.count++;
    const index = indexOf(young, id);
    young.keys[index] = id;
    young.slots[index] = slot;
    copyBytes(from, at, bytes, slot * MAX_NODE_BYTES, Math.min(MAX_NODE_BYTES, from.length - at));
    return slot * MAX_NODE_BYTES;
  };

  return {
    get bytes(): Bytes {
      return bytes;
    },
    locate(id: number): number {
      const slot = slotOf(young, id);
      if (slot >= 0) return slot * MAX_NODE_BYTES;
      const kept = slotOf(old, id);
      if (kept >= 0) {
        // A rotation would forget the very entry that is moved.
        if (young.count >= room) return kept * MAX_NODE_BYTES;
        return insert(id, bytes, kept * MAX_NODE_BYTES);
      }
      const node = fetch(id);
      assertNode(node);
      return insert(id, node, 0);
    },
    put(id: number, node: Bytes): void {
      if (slotOf(young, id) < 0) insert(id, node, 0);
    },
    clear: reset,
  };
};
export type NodeCache = ReturnType<typeof createNodeCache>;
