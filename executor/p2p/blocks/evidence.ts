import { concat, type Hex, readUintBE, uintBE, utf8 } from "../../foundation/bytes.ts";
import { decodeRlp, encodeRlp, readRlpUint, rlpUint } from "../../foundation/rlp.ts";
import { COLUMN, type KeyValueStore, type Write } from "../../store/key-value-store.ts";
import { decodeSealedHeader, encodeSealedHeader, type SealedHeader } from "./sealed-block.ts";

/**
 * Two different blocks of one height, both signed. `equivocation`: the sequencer broke its word. `rebuilt`: it said, by a
 * higher revision, that L1 made it build again; the first of the blocks that the revision takes back. `excess`: it said so
 * more often than L1 can be the cause.
 */
export type Equivocation = {
  readonly kind: "equivocation" | "rebuilt" | "excess";
  readonly number: bigint;
  readonly first: SealedHeader;
  readonly second: SealedHeader;
  /** Milliseconds since the epoch. */
  readonly seenAt: number;
};

/** Records kept of each kind: the first of them. */
const MAX_RECORDS = 256;

const KINDS = ["equivocation", "rebuilt", "excess"] as const;
const HALTED = concat(Uint8Array.of(COLUMN.peering), utf8("halted"));
const RANGE = { gte: Uint8Array.of(COLUMN.evidence), lt: Uint8Array.of(COLUMN.evidence + 1) };
const key = (index: number) => concat(Uint8Array.of(COLUMN.evidence), uintBE(index, 8));

const encode = ({ kind, first, second, seenAt }: Equivocation) =>
  encodeRlp([
    rlpUint(KINDS.indexOf(kind)),
    encodeSealedHeader(first),
    encodeSealedHeader(second),
    rlpUint(BigInt(seenAt)),
  ]);

const decode = (stored: Uint8Array): Equivocation => {
  const plain = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
  const [kind, first, second, seenAt] = decodeRlp(plain) as readonly Uint8Array[];
  const one = decodeSealedHeader(first as Uint8Array);
  return {
    kind: KINDS[Number(readRlpUint(kind, 1))] as Equivocation["kind"],
    number: one.header.number,
    first: one,
    second: decodeSealedHeader(second as Uint8Array),
    seenAt: Number(readRlpUint(seenAt, 8)),
  };
};

const pairOf = (a: Hex, b: Hex): string => (a < b ? `${a}${b}` : `${b}${a}`);

/** What the sequencer signed and should not have, on disk, and whether its gossip is followed in spite of it. */
export const createEvidence = (store: KeyValueStore) => {
  const entries = [...store.scan(RANGE)];
  const records = entries.map(([, value]) => decode(value));
  const last = entries.at(-1)?.[0];
  let next = last === undefined ? 0 : Number(readUintBE(last.subarray(1))) + 1;
  const known = new Set(records.map(({ first, second }) => pairOf(first.hash, second.hash)));
  let halted = store.get(HALTED) !== undefined;

  return {
    get records(): readonly Equivocation[] {
      return records;
    },
    get halted(): boolean {
      return halted;
    },
    /** Keeps a pair that is new; all but a rebuilding halt. Whether it was new. */
    async add(equivocation: Equivocation): Promise<boolean> {
      const pair = pairOf(equivocation.first.hash, equivocation.second.hash);
      if (known.has(pair)) return false;
      const halts = equivocation.kind !== "rebuilt";
      const full = records.filter(({ kind }) => kind === equivocation.kind).length >= MAX_RECORDS;
      if (full && (halted || !halts)) return false;
      const writes: Write[] = [];
      if (!full) {
        known.add(pair);
        records.push(equivocation);
        writes.push({ type: "put", key: key(next++), value: encode(equivocation) });
      }
      if (halts) {
        halted = true;
        writes.push({ type: "put", key: HALTED, value: Uint8Array.of(1) });
      }
      await store.write(writes);
      return true;
    },
    async resume(): Promise<void> {
      halted = false;
      await store.write([{ type: "del", key: HALTED }]);
    },
  };
};
export type Evidence = ReturnType<typeof createEvidence>;
