// A trail: the claims on L1, each on the one before, that this node has computed alike; oldest first.

import {
  type Bytes,
  type ClaimId,
  COLUMN,
  concat,
  fromHex,
  type Hex,
  type KeyValueStore,
  type RecordIndex,
  toHex,
  uintBE,
  utf8,
  type Write,
} from "../../executor/index.ts";
import type { Place } from "./range.ts";

/** A claim that this node has computed itself and found on L1. */
export type Step = {
  readonly id: ClaimId;
  /** Where the claimed state is. */
  readonly place: Place;
  /** Inbox records that the claimed state depends on, and their lineage. */
  readonly records: RecordIndex;
  readonly lineage: Hex;
};

/** Right claims of one registry, each on the one before, oldest first. It saves computing them again; L1 alone says which are there. */
export type Trail = {
  readonly steps: readonly Step[];
  append(step: Step): Promise<void>;
  /** Removes the newest steps from `length` on. */
  cut(length: number): Promise<void>;
  /** Removes the oldest step. */
  shift(): Promise<void>;
};

/** A registry's trail: its address, then the step's index. */
const ADDRESS = 20;
const INDEX = 6;
const keysOf = (registry: Hex) => {
  const prefix = concat(Uint8Array.of(COLUMN.claim), fromHex(registry));
  const keyOf = (index: number): Bytes => concat(prefix, uintBE(index, INDEX));
  return { keyOf, gte: keyOf(0), lt: concat(prefix, new Uint8Array(INDEX).fill(255), Uint8Array.of(0)) };
};

const FIRST = concat(Uint8Array.of(COLUMN.meta), utf8("claims.first"));

/** Remembers the claim that a chain from a snapshot begins at. */
export const firstClaimWrite = (id: ClaimId): Write => ({ type: "put", key: FIRST, value: fromHex(id) });
export const firstClaim = (store: KeyValueStore): ClaimId | undefined => {
  const id = store.get(FIRST);
  return id === undefined ? undefined : (toHex(id) as ClaimId);
};

const encode = ({ id, place, records, lineage }: Step): Bytes =>
  concat(
    fromHex(id),
    fromHex(lineage),
    uintBE(records, 8),
    uintBE(place.number, 8),
    uintBE(place.position.batch, 8),
    uintBE(place.position.cursor, 4),
    uintBE(place.position.delayed, 8),
    uintBE(place.ahead, 8),
  );

const decode = (bytes: Bytes): Step => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    id: toHex(bytes.subarray(0, 32)) as ClaimId,
    lineage: toHex(bytes.subarray(32, 64)),
    records: view.getBigUint64(64),
    place: {
      number: view.getBigUint64(72),
      position: { batch: view.getBigUint64(80), cursor: view.getUint32(88), delayed: view.getBigUint64(92) },
      ahead: Number(view.getBigUint64(100)),
    },
  };
};

export const openTrail = (store: KeyValueStore, registry: Hex): Trail => {
  const { keyOf, gte, lt } = keysOf(registry);
  const stored = [...store.scan({ gte, lt })];
  const steps = stored.map(([, value]) => decode(value));
  /** Index of the oldest step among all that there were. */
  let first = Number(stored[0] === undefined ? 0 : BigInt(toHex(stored[0][0].subarray(1 + ADDRESS))));
  const del = (index: number): Write => ({ type: "del", key: keyOf(index) });
  return {
    steps,
    async append(step) {
      await store.write([{ type: "put", key: keyOf(first + steps.length), value: encode(step) }]);
      steps.push(step);
    },
    async cut(length) {
      if (length >= steps.length) return;
      await store.write(steps.slice(length).map((_, i) => del(first + length + i)));
      steps.length = length;
    },
    async shift() {
      await store.write([del(first)]);
      steps.shift();
      first++;
    },
  };
};
