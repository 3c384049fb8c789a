import type { Bytes, Hex } from "../foundation/bytes.ts";

/** What the chain keeps of a model (state of the registry predeploy). `gas` is EVM gas of one call. */
export type ModelRecord = {
  readonly gas: bigint;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly operators: number;
};

export type Admission =
  | { readonly admitted: true; readonly record: ModelRecord; readonly meta: Bytes }
  /** `constraint`: "C1".."C17", or "ID" when the bytes have another id. */
  | { readonly admitted: false; readonly constraint: string; readonly message: string };

export type ModelErrorCode = "MODEL_MISSING" | "MODEL_DATA_MISSING" | "MODEL_CORRUPT";

/** What an artifact source may read and write of a half-complete artifact. All is checked by hash when it is written. */
export type ArtifactKeeper = {
  /** The chunks' hashes in order, once the manifest is here. */
  manifest(contentHash: Hex): readonly Hex[] | undefined;
  hasChunk(hash: Hex): boolean;
  /** Keeps the concatenated chunk hashes whose keccak is the content hash. MODEL_CORRUPT when they are not. */
  putManifest(contentHash: Hex, manifest: Bytes): Promise<void>;
  putChunk(hash: Hex, chunk: Bytes): Promise<void>;
};

/** Where artifacts come from that should be on disk and are not. Tried in the order given. */
export type ArtifactSource = {
  readonly name: string;
  /** Brings what is missing, piece by piece, so that a broken attempt goes on where it was. Never rejects for want of data. */
  retrieve(contentHash: Hex, keeper: ArtifactKeeper, signal: AbortSignal): Promise<void>;
  /** Content hashes under which L1 knows publications of this id. */
  locate?(id: Hex, signal: AbortSignal): Promise<readonly Hex[]>;
};

/** Models by id, ready to run. What it answers is consensus: a pure function of its arguments. */
export type ModelRuntime = {
  /**
   * One inference: packed input to packed output, or undefined when an element is outside its declared interval or the
   * length is wrong. Runs ONE cached session. MODEL_MISSING when the artifact is not stored.
   */
  run(id: Hex, input: Bytes): Promise<Bytes | undefined>;
  /** Judges the artifact whose chunks hash to `contentHash`. MODEL_DATA_MISSING when the node does not have them. */
  admit(id: Hex, contentHash: Hex): Promise<Admission>;
  /** Bytes of the artifact behind a content hash, if stored: its length decides ADMIT's gas. */
  artifactLength(contentHash: Hex): number | undefined;
  /** Keeps the chunks of an artifact (from L1), in order; contentHash = K(K(chunk 0) ++ K(chunk 1) ++ ...). */
  putChunks(chunks: readonly Bytes[]): Promise<Hex>;
  stop(): Promise<void>;
};
