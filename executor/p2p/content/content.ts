import { type Bytes, fromHex, type Hex, toHex } from "../../foundation/bytes.ts";
import { CodedError } from "../../foundation/errors.ts";
import { decodeRlp, encodeRlp, readRlpUint, rlpUint } from "../../foundation/rlp.ts";
import type { NetworkErrorCode, Protocol } from "../network/network.ts";
import { CONTENT_KINDS, type ContentKind, contentKindOf } from "./kinds.ts";

/**
 * Everything that nodes give each other by content: the asker knows the hash from L1, so a wrong byte shows at once.
 * A model is a tree of two levels: its content hash is the hash of its manifest, and the manifest is the hashes of its
 * chunks in order. The manifest is every chunk's proof.
 */

/** What this node can give. Undefined: it does not have it. */
export type ContentProvider = (kind: ContentKind, hash: Hex) => Bytes | undefined;

/** Hashes in one request. */
export const MAX_HASHES = 64;
const HASH = 32;

/** `rlp([u8 kind, [hash …]])`; the answers are in the same order, an empty one where there is nothing. */
export const CONTENT_PROTOCOL: Protocol = {
  name: "content/1",
  maxRequestBytes: 8 + (HASH + 1) * MAX_HASHES + 8,
  maxAnswerBytes: Math.max(...Object.values(CONTENT_KINDS).map(({ maxBytes }) => maxBytes)),
  maxAnswers: MAX_HASHES,
  stallMs: 5_000,
  rate: { requests: 50, requestBurst: 100, bytes: 32 * 2 ** 20, byteBurst: 64 * 2 ** 20 },
};

export type ContentRequest = { readonly kind: ContentKind; readonly hashes: readonly Hex[] };

export const encodeContentRequest = ({ kind, hashes }: ContentRequest): Bytes =>
  encodeRlp([rlpUint(CONTENT_KINDS[kind].wire), hashes.map(fromHex)]);

const invalid = (what: string, cause?: unknown): CodedError<NetworkErrorCode> =>
  new CodedError("P2P_INVALID", `not a request for content: ${what}`, { what }, cause);

/** P2P_INVALID for whatever `encodeContentRequest` does not make, and for a kind that is not known here. */
export const decodeContentRequest = (wire: Bytes): ContentRequest => {
  try {
    const request = decodeRlp(wire);
    if (request instanceof Uint8Array || request.length !== 2) throw invalid("fields");
    const [kindItem, hashes] = request;
    const kind = contentKindOf(readRlpUint(kindItem, 1));
    if (kind === undefined) throw invalid("kind");
    if (hashes === undefined || hashes instanceof Uint8Array) throw invalid("hashes");
    if (hashes.length === 0 || hashes.length > MAX_HASHES) throw invalid(`${hashes.length} hashes`);
    return {
      kind,
      hashes: hashes.map((hash) => {
        if (!(hash instanceof Uint8Array) || hash.length !== HASH) throw invalid("hash");
        return toHex(hash);
      }),
    };
  } catch (error) {
    throw error instanceof RangeError ? invalid(error.message, error) : error;
  }
};

export type FetchOptions = {
  readonly signal?: AbortSignal;
  /**
   * Keeps a piece as soon as its hash was checked, so that a fetch that breaks off goes on where it was. The peer is
   * read no further before it is kept; when it rejects, so does the fetch.
   */
  keep(hash: Hex, bytes: Bytes): Promise<void>;
};

/** Asks the peers for content. */
export type ContentExchange = {
  /**
   * Fetches pieces from all peers at once, each piece from whoever has it and is quick. Answers the hashes that no peer
   * gave. A peer whose piece is wrong is dropped, one that stalls loses its share to the others. Rejects when `keep`
   * does, and with the signal's reason.
   */
  fetch(kind: ContentKind, hashes: readonly Hex[], options: FetchOptions): Promise<readonly Hex[]>;
};
