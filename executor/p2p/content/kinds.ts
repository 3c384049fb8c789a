import { BLOB_BYTES } from "../../blob/blob.ts";
import { isBlobOf } from "../../blob/kzg.ts";
import { isBaseOf, MAX_BASE_BYTES } from "../../chain/base-codec.ts";
import { type Bytes, fromHex, type Hex, toHex } from "../../foundation/bytes.ts";
import { keccak256 } from "../../foundation/keccak.ts";
import {
  contentHashOf,
  contentOf,
  decodeManifest,
  MANIFEST_ENTRY_BYTES,
  MAX_CHUNK_BYTES,
  MAX_CHUNKS,
} from "../../protocol/model-content.ts";
import { isPieceOf, MAX_PIECE_BYTES } from "../../state/piece.ts";

type Kind = {
  /** On the wire, for good. */
  readonly wire: number;
  /** Of one piece; what is longer is wrong without being hashed. */
  readonly maxBytes: number;
  /** Whether these are the bytes behind the hash: the only thing that makes a stranger's answer worth anything. */
  readonly proves: (hash: Hex, bytes: Bytes) => boolean | Promise<boolean>;
};

const isKeccakOf = (hash: Hex, bytes: Bytes): boolean => toHex(keccak256(bytes)) === hash;

const isManifestOf = (hash: Hex, bytes: Bytes): boolean => {
  const chunks = decodeManifest(bytes);
  return chunks !== undefined && contentHashOf(contentOf(chunks)) === hash;
};

/** What nodes give each other by content. A kind whose hash is another function is one more row with its own `proves`. */
export const CONTENT_KINDS = {
  /** A model's chunks, in order; L1 takes 4,096 of them at most. */
  manifest: { wire: 0, maxBytes: MANIFEST_ENTRY_BYTES * MAX_CHUNKS, proves: isManifestOf },
  /** One piece of a model as L1 took it. */
  chunk: { wire: 1, maxBytes: MAX_CHUNK_BYTES, proves: isKeccakOf },
  /** Calldata of one batch. */
  batch: { wire: 2, maxBytes: 100_000, proves: isKeccakOf },
  /** A blob of L1, by its versioned hash. */
  blob: { wire: 3, maxBytes: BLOB_BYTES, proves: isBlobOf },
  /** A block that a chain can begin with, by the hash of its chain state: a claim's end. */
  base: { wire: 4, maxBytes: MAX_BASE_BYTES, proves: (hash, bytes) => isBaseOf(fromHex(hash), bytes) },
  /** A piece of the state, by the hash of its node. */
  state: { wire: 5, maxBytes: MAX_PIECE_BYTES, proves: (hash, bytes) => isPieceOf(fromHex(hash), bytes) },
  /** The code of contracts. */
  code: { wire: 6, maxBytes: MAX_PIECE_BYTES, proves: isKeccakOf },
} as const satisfies Record<string, Kind>;

export type ContentKind = keyof typeof CONTENT_KINDS;

const BY_WIRE = new Map(
  Object.entries(CONTENT_KINDS).map(([kind, { wire }]) => [BigInt(wire), kind as ContentKind] as const),
);

export const contentKindOf = (wire: bigint): ContentKind | undefined => BY_WIRE.get(wire);
