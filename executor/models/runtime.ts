import type { Bytes, Hex } from "../foundation/bytes.ts";
import type { Pace } from "../foundation/pace.ts";
import type { Admission } from "../protocol/model-call.ts";
import type { Chunk } from "../protocol/model-content.ts";
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

/** A chunk: its bytes, or the versioned hash of the blob that it is, and how many bytes of the artifact lie there. */
export type Piece = Bytes | { readonly blob: Hex; readonly length: number };

/** What an artifact source may read and write of a half-complete artifact. All is checked by hash when it is written. */
export type ArtifactKeeper = {
  /** The chunks in order, once the manifest is here. */
  manifest(contentHash: Hex): readonly Chunk[] | undefined;
  hasChunk(chunk: Chunk): boolean;
  /** Keeps the encoded chunks that have the content hash. MODEL_CORRUPT when they have another, or are no manifest. */
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
  /**
   * Judges the artifact with that content hash, retrieving it; with a `pace`, that of a call, nothing is retrieved.
   * MODEL_DATA_MISSING, MODEL_CORRUPT.
   */
  admit(id: Hex, contentHash: Hex, pace?: Pace): Promise<Admission>;
  /**
   * Keeps the chunks of an artifact (from L1), in order, and answers its content hash. A chunk that is a blob is in the
   * store already. MODEL_DATA_MISSING when it is not.
   */
  putChunks(chunks: readonly Piece[]): Promise<Hex>;
  stop(): Promise<void>;
};

/** What a node that keeps artifacts gives to others: pieces as they are on disk, whole artifact or not. */
export type ModelContent = {
  content(kind: "manifest" | "chunk", hash: Hex): Bytes | undefined;
  /** Bytes of the artifact behind a content hash, if it is whole on disk. */
  artifactLength(contentHash: Hex): number | undefined;
};

/** The bytes of an artifact, and the chunks in which L1 has them. */
export type Artifact = {
  readonly bytes: Bytes;
  readonly chunks: readonly Chunk[];
  /** A chunk as L1 has it: the input's bytes, or the blob. MODEL_CORRUPT. */
  chunk(index: number): Bytes;
};

/** Programs of models, for whoever follows an inference operator by operator. */
export type ModelPrograms = {
  /** The program of that id, as its artifact says. Retrieves it as `run` does. MODEL_MISSING, MODEL_CORRUPT. */
  program(id: Hex): Promise<Program>;
  /** An artifact by its content hash, whatever it is, retrieving it. MODEL_DATA_MISSING, MODEL_CORRUPT. */
  artifact(contentHash: Hex): Promise<Artifact>;
};
