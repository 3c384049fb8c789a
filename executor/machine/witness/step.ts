import type { BlobElement } from "../../blob/index.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import type { UnitContext } from "../context.ts";
import type { MachineState } from "../state/state.ts";

/** A step whose evidence is wanted. */
export type Step = {
  /** Before it. */
  readonly state: Readonly<MachineState>;
  /** Behind it. */
  readonly after: Readonly<MachineState>;
  /** The frame halts in it: the evidence ends with what decides that. */
  readonly halts: boolean;
  readonly context: UnitContext;
  readonly sources: WitnessSources;
};

/** What of a batch in blobs its data do not tell: the blobs themselves. */
export type BlobSource = {
  /** Versioned hashes of a record's blobs, in order. */
  blobHashes(record: bigint): readonly Bytes[];
  element(hash: Bytes, index: number): BlobElement;
};

/** What a step's evidence takes from elsewhere than the state. */
export type WitnessSources = {
  /** Of a transaction that comes in blobs. */
  readonly blobs: BlobSource;
};

/** Pieces of evidence in the order in which they are read. */
export type Evidence = readonly Bytes[];
