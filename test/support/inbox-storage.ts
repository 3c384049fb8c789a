import type { Hex } from "viem";
import { batchInbox, type Creation } from "../../bridge/index.ts";
import { type Bytes, concat, keccak256, keccakOf, type Origin, toHex, uintBE } from "../../executor/index.ts";

/** A record as L1's inbox keeps it. `hashes`: of the blobs of a batch in blobs. */
export type KeptRecord = {
  readonly medium: "calldata" | "blobs" | "forced";
  readonly data: Bytes;
  readonly hashes: readonly Bytes[];
  readonly origin: Origin;
  readonly delayedEnd: bigint;
};
export type KeptMessage = { readonly kind: "deposit" | "raw"; readonly gas: bigint; readonly envelope: Bytes };

const KINDS = { calldata: 0, blobs: 1, forced: 2 } as const;
const MESSAGE_KINDS = { deposit: 0, raw: 1 } as const;
const RECORDS = 0;
const MESSAGES = 1;

const nobody: Hex = `0x${"00".repeat(20)}`;
const one = {
  blockGasLimit: 1n,
  forceDelay: 1n,
  maxOriginAge: 1n,
  maxDrift: 1n,
  budgetRate: 1n,
  budgetCap: 1n,
  unitPrice: 1n,
};

/** An inbox to which nobody appends: what it holds is written into its storage. */
export const readOnlyInbox: Creation = { ...batchInbox, args: [nobody, nobody, nobody, one] };

type Word = readonly [slot: Bytes, value: Bytes];

/** The words of a storage array whose elements have two. */
const arrayAt = (slot: number, elements: readonly (readonly [Bytes, Bytes])[]): readonly Word[] => {
  const first = BigInt(toHex(keccak256(uintBE(slot, 32))));
  return [
    [uintBE(slot, 32), uintBE(elements.length, 32)],
    ...elements.flatMap((words, i) => words.map((value, k): Word => [uintBE(first + BigInt(2 * i + k), 32), value])),
  ];
};

/** Storage of an inbox that took these records and messages. */
export const inboxStorage = (records: readonly KeptRecord[], messages: readonly KeptMessage[]): readonly Word[] => {
  let accumulator: Bytes = new Uint8Array(32);
  const accumulators: Bytes[] = [accumulator];
  const queued = messages.map(({ kind, gas, envelope }): [Bytes, Bytes] => {
    accumulator = keccakOf(accumulator, Uint8Array.of(MESSAGE_KINDS[kind]), uintBE(gas, 8), keccak256(envelope));
    accumulators.push(accumulator);
    return [accumulator, concat(new Uint8Array(16), uintBE(gas, 8), new Uint8Array(8))];
  });
  let lineage: Bytes = new Uint8Array(32);
  const kept = records.map(({ medium, data, hashes, origin, delayedEnd }): [Bytes, Bytes] => {
    const dataHash = medium === "blobs" ? keccakOf(...hashes) : keccak256(data);
    const kind = Uint8Array.of(KINDS[medium]);
    const [number, timestamp, end] = [uintBE(origin.number, 8), uintBE(origin.timestamp, 8), uintBE(delayedEnd, 8)];
    lineage = keccakOf(lineage, kind, dataHash, number, timestamp, end, accumulators[Number(delayedEnd)] as Bytes);
    return [lineage, concat(new Uint8Array(7), end, timestamp, number, kind)];
  });
  return [...arrayAt(RECORDS, kept), ...arrayAt(MESSAGES, queued)];
};
