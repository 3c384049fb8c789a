import type { Bytes, Hex } from "../foundation/bytes.ts";
import type { Pace } from "../foundation/pace.ts";
import type { Admission } from "../protocol/model-call.ts";
import type { Program } from "../tensor/program.ts";

export type ModelErrorCode =
  /**
   * No artifact of that id, here or anywhere that was asked. Connect to peers that have it, or to an L1 endpoint that
   * keeps its chunks.
   */
  | "MODEL_MISSING"
  /**
   * No artifact of that content hash, here or anywhere that was asked. Connect to peers that have it, or to an L1
   * endpoint that keeps its chunks.
   */
  | "MODEL_DATA_MISSING"
  /**
   * What is stored, or was to be stored, is not what its hash says. It is retrieved again where it can be; check the
   * disk.
   */
  | "MODEL_CORRUPT"
  /** The model runtime was stopped meanwhile: it says nothing about the model. Nothing is to be done. */
  | "MODEL_STOPPED";

/** Chunks of one artifact, and bytes of one chunk, that L1 takes: what an artifact from elsewhere can be at most. */
export const MAX_CHUNKS = 4_096;
export const MAX_CHUNK_BYTES = 100_000;

/** A chunk: its bytes, whose hash is keccak, or the versioned hash of the blob that it is. */
export type Piece = Bytes | { readonly blob: Hex };

/** What an artifact source may read and write of a half-complete artifact. All is checked by hash when it is written. */
export type ArtifactKeeper = {
  /** The chunks' hashes in order, once the manifest is here. */
  manifest(contentHash: Hex): readonly Hex[] | undefined;
  hasChunk(hash: Hex): boolean;
  /** Keeps the concatenated chunk hashes whose keccak is the content hash. MODEL_CORRUPT when they are not, or too many. */
  putManifest(contentHash: Hex, manifest: Bytes): Promise<void>;
  /** MODEL_CORRUPT when it has another hash or is too long. */
  putChunk(hash: Hex, chunk: Bytes): Promise<void>;
  /** The same of a chunk that is a blob of L1: its versioned hash is computed. */
  putBlob(hash: Hex, blob: Bytes): Promise<void>;
};

/** Where artifacts come from that should be on disk and are not. Tried in the order given. */
export type ArtifactSource = {
  readonly name: string;
  /**
   * Brings what is missing, piece by piece, so that a broken attempt goes on where it was. Resolves when it has given
   * what it has; rejects when it could not be asked, and then is asked again later.
   */
  retrieve(contentHash: Hex, keeper: ArtifactKeeper, signal: AbortSignal): Promise<void>;
  /** Content hashes under which L1 knows publications of this id. */
  locate?(id: Hex, signal: AbortSignal): Promise<readonly Hex[]>;
};

/** Models by id, ready to run. What it answers is consensus: a pure function of its arguments. */
export type ModelRuntime = {
  /**
   * One inference: packed input to packed output, or undefined when the length is wrong. Runs ONE cached session. An artifact that is not whole on disk is retrieved; MODEL_MISSING when no
   * source has it, MODEL_CORRUPT when the disk does not keep it. With a `pace`, that of a call, the wait ends with it
   * and nothing is retrieved but models that were admitted here: a call may be made on a state that never was.
   */
  run(id: Hex, input: Bytes, pace?: Pace): Promise<Bytes | undefined>;
  /** Judges the artifact whose chunks hash to `contentHash`, retrieving it. MODEL_DATA_MISSING, MODEL_CORRUPT. */
  admit(id: Hex, contentHash: Hex): Promise<Admission>;
  /** Bytes of the artifact behind a content hash, if it is whole on disk: its length decides ADMIT's gas. */
  artifactLength(contentHash: Hex): number | undefined;
  /** The same, retrieving it when it is not. MODEL_DATA_MISSING. */
  retrieve(contentHash: Hex): Promise<number>;
  /**
   * Keeps the chunks of an artifact (from L1), in order; contentHash = K(hash of chunk 0 ++ hash of chunk 1 ++ ...). A
   * chunk that is a blob is in the store already. MODEL_DATA_MISSING when it is not.
   */
  putChunks(chunks: readonly Piece[]): Promise<Hex>;
  stop(): Promise<void>;
};

/** What a node that keeps artifacts gives to others: pieces as they are on disk, whole artifact or not. */
export type ModelContent = {
  content(kind: "manifest" | "chunk", hash: Hex): Bytes | undefined;
};

/** Programs of models, for whoever follows an inference operator by operator. */
export type ModelPrograms = {
  /** The program of that id, as its artifact says. Retrieves it as `run` does. MODEL_MISSING, MODEL_CORRUPT. */
  program(id: Hex): Promise<Program>;
};
