import type { Bytes } from "../foundation/bytes.ts";
import { assertNode, copyBytes, MAX_NODE_BYTES } from "./node-codec.ts";

/** Encoded nodes in one block of memory: `bytes` from `locate(id)` on, valid until the next call. */
export type NodeSource = {
  readonly bytes: Bytes;
  locate(id: number): number;
};

/** Slots at first; their number grows by this factor up to the capacity. */
const INITIAL = 256;
const GROWTH = 4;

/** The memory of a number of slots. Tables are open-addressed; id 0 marks an empty place. */
const allocate = (slots: number) => {
  let places = 4;
  while (places < 2 * slots) places *= 2;
  return {
    slots,
    nodes: new Uint8Array(slots * MAX_NODE_BYTES),
    /** Id in each slot, 0 in free ones. */
    owners: new Float64Array(slots),
    /** Was the slot read since the hand of the clock passed? */
    recent: new Uint8Array(slots),
    ids: new Float64Array(places),
    slotAt: new Int32Array(places),
    mask: places - 1,
  };
};

const mix = (id: number): number => {
  const mixed = Math.imul((id >>> 0) ^ Math.imul(Math.floor(id / 2 ** 32), 0x9e3779b1), 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
};

/**
 * A bounded cache of encoded nodes over `fetch`, evicting by the clock. It is one block of memory, because hundreds of
 * thousands of small objects would be the garbage collector's main work.
 */
export const createNodeCache = (capacity: number, fetch: (id: number) => Bytes) => {
  const most = Math.max(1, capacity);
  let memory = allocate(Math.min(most, INITIAL));
  /** Slots from here on were never used. */
  let used = 0;
  let free: number[] = [];
  let hand = 0;

  /** The place of `id` in the table, or the empty one where it would go. */
  const placeOf = (id: number): number => {
    const { ids, mask } = memory;
    let place = mix(id) & mask;
    while (ids[place] !== 0 && ids[place] !== id) place = (place + 1) & mask;
    return place;
  };

  /** Empties a place, and moves up what would no longer be found behind it. */
  const vacate = (place: number): void => {
    const { ids, slotAt, mask } = memory;
    let hole = place;
    for (let next = (hole + 1) & mask; ids[next] !== 0; next = (next + 1) & mask) {
      const home = mix(ids[next] as number) & mask;
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      ids[hole] = ids[next] as number;
      slotAt[hole] = slotAt[next] as number;
      hole = next;
    }
    ids[hole] = 0;
  };

  const grow = (): void => {
    const before = memory;
    memory = allocate(Math.min(most, before.slots * GROWTH));
    memory.nodes.set(before.nodes);
    memory.owners.set(before.owners);
    memory.recent.set(before.recent);
    before.owners.forEach((id, slot) => {
      if (id === 0) return;
      const place = placeOf(id);
      memory.ids[place] = id;
      memory.slotAt[place] = slot;
    });
  };

  const evict = (): number => {
    const { owners, recent, slots } = memory;
    while (recent[hand] === 1) {
      recent[hand] = 0;
      hand = (hand + 1) % slots;
    }
    const slot = hand;
    hand = (hand + 1) % slots;
    vacate(placeOf(owners[slot] as number));
    return slot;
  };

  const slotForNew = (): number => {
    const freed = free.pop();
    if (freed !== undefined) return freed;
    if (used === memory.slots && used < most) grow();
    return used < memory.slots ? used++ : evict();
  };

  const insert = (id: number, node: Bytes): number => {
    const slot = slotForNew();
    const place = placeOf(id);
    memory.ids[place] = id;
    memory.slotAt[place] = slot;
    memory.owners[slot] = id;
    memory.recent[slot] = 0;
    copyBytes(node, 0, memory.nodes, slot * MAX_NODE_BYTES, node.length);
    return slot * MAX_NODE_BYTES;
  };

  return {
    get bytes(): Bytes {
      return memory.nodes;
    },
    locate(id: number): number {
      const place = placeOf(id);
      if (memory.ids[place] === id) {
        const slot = memory.slotAt[place] as number;
        memory.recent[slot] = 1;
        return slot * MAX_NODE_BYTES;
      }
      const node = fetch(id);
      assertNode(node);
      return insert(id, node);
    },
    put(id: number, node: Bytes): void {
      if (memory.ids[placeOf(id)] !== id) insert(id, node);
    },
    /** Forgets one node: what went stale makes room at once. */
    drop(id: number): void {
      const place = placeOf(id);
      if (memory.ids[place] !== id) return;
      const slot = memory.slotAt[place] as number;
      vacate(place);
      memory.owners[slot] = 0;
      memory.recent[slot] = 0;
      free.push(slot);
    },
    clear(): void {
      memory = allocate(Math.min(most, INITIAL));
      used = 0;
      free = [];
      hand = 0;
    },
  };
};
