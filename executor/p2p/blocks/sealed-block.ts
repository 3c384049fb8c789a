import { type Bytes, equalBytes, fromHex, type Hex, readUintBE, toHex, uintBE } from "../../foundation/bytes.ts";
import { CodedError } from "../../foundation/errors.ts";
import { keccak256, keccakOf } from "../../foundation/keccak.ts";
import { merkleRoot } from "../../foundation/merkle.ts";
import { decodeRlp, encodeRlp, type RlpItem, readRlpUint, rlpUint } from "../../foundation/rlp.ts";
import { recoverAddress } from "../../foundation/secp256k1.ts";
import { TAG, tagByte } from "../../foundation/tags.ts";
import { type Block, encodeBlockHeader, type Header } from "../../protocol/block.ts";
import type { Origin } from "../../protocol/origin.ts";
import { transactionLeaf } from "../../protocol/transaction.ts";

/** A block on its way between nodes, before it is on L1: header, origin, envelopes, and the sequencer's word for it. */

export type SealedBlockErrorCode =
  /** The bytes are no sealed block. Who sent them is penalised. */
  "BLOCK_MALFORMED";

/** The sequencer's word. `signature`: r ++ s ++ parity, 65 bytes, low s. */
export type Seal = {
  /** Raised whenever L1 makes the sequencer build again what it had already published. */
  readonly revision: bigint;
  /** The sequencer's clock when it sealed the block, in milliseconds. */
  readonly sealedAt: bigint;
  readonly signature: Bytes;
};

export type SealedBlock = {
  readonly hash: Hex;
  readonly header: Header;
  readonly origin: Origin;
  readonly envelopes: readonly Bytes[];
  readonly seal: Seal;
};

/** Bytes of one block on the wire: what gossip takes at most. A larger block reaches other nodes through L1 alone. */
export const MAX_SEALED_BLOCK_BYTES = 4 * 2 ** 20 - 4_096;
/** No envelope is shorter: a signature and the fields beside it, or a deposit's hash and sender. */
const MIN_ENVELOPE_BYTES = 64;
/** Items of a block on the wire: its own, and as many envelopes as fit. */
const MAX_ITEMS = 16 + MAX_SEALED_BLOCK_BYTES / MIN_ENVELOPE_BYTES;
export const SEAL_VERSION = 1;
/** Bytes of a signature. */
const SIGNATURE = 65;
/** Half the order of secp256k1, rounded down. */
const HALF_ORDER: Hex = "0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";

/** What is signed. The envelopes are not in it: the header commits to them. */
export type Statement = {
  readonly hash: Hex;
  readonly origin: Origin;
  readonly seal: Omit<Seal, "signature">;
};

/** A block without its envelopes, and the sequencer's word for it: anyone can check the signature. */
export type SealedHeader = Omit<SealedBlock, "envelopes">;

/** `K(0x54 ++ genesisHash ++ blockHash ++ u64 revision ++ u64 sealedAt ++ u64 originNumber ++ u64 originTimestamp)`. */
export const sealDigest = (genesisHash: Hex, { hash, origin, seal }: Statement): Bytes =>
  keccakOf(
    tagByte(TAG.blockSeal),
    fromHex(genesisHash),
    fromHex(hash),
    uintBE(seal.revision, 8),
    uintBE(seal.sealedAt, 8),
    uintBE(origin.number, 8),
    uintBE(origin.timestamp, 8),
  );

/** Who signed the block; undefined when nobody can have. One signature has one form: high s is none. */
export const sealerOf = (genesisHash: Hex, statement: Statement & { readonly seal: Seal }): Hex | undefined => {
  const { signature } = statement.seal;
  const [r, s, parity] = [signature.subarray(0, 32), signature.subarray(32, 64), signature[64] as number];
  if (parity > 1 || toHex(s) > HALF_ORDER) return undefined;
  const address = recoverAddress(sealDigest(genesisHash, statement), parity, r, s);
  return address.length === 0 ? undefined : toHex(address);
};

/** No transaction uses less: 21,000, deposits included as L1 asks for as much, less the largest refund, a fifth. */
const MIN_TRANSACTION_GAS = 16_800n;

/** Whether the envelopes are those that the header commits to. More than its gas pays for are not even hashed. */
export const holdsBody = ({ header, envelopes }: Pick<SealedBlock, "header" | "envelopes">): boolean =>
  BigInt(envelopes.length) * MIN_TRANSACTION_GAS <= header.gasUsed &&
  toHex(merkleRoot(envelopes.map((envelope) => transactionLeaf(keccak256(envelope))))) === header.transactionsRoot;

export const sealedBlockOf = (block: Block, seal: Seal): SealedBlock => ({
  hash: block.hash,
  header: block.header,
  origin: block.origin,
  envelopes: block.transactions.map(({ envelope }) => envelope),
  seal,
});

const sealedHeaderItems = ({ header, origin, seal }: Omit<SealedHeader, "hash">): RlpItem[] => [
  rlpUint(SEAL_VERSION),
  [rlpUint(seal.revision), rlpUint(seal.sealedAt), seal.signature],
  [rlpUint(origin.number), rlpUint(origin.timestamp)],
  encodeBlockHeader(header),
];

/** `rlp([version, [revision, sealedAt, signature], [originNumber, originTimestamp], headerRlp])`. */
export const encodeSealedHeader = (sealed: Omit<SealedHeader, "hash">): Bytes => encodeRlp(sealedHeaderItems(sealed));

/** The same with `[envelope …]` as fifth item. */
export const encodeSealedBlock = (block: SealedBlock): Bytes =>
  encodeRlp([...sealedHeaderItems(block), block.envelopes]);

const malformed = (what: string, cause?: unknown): CodedError<SealedBlockErrorCode> =>
  new CodedError("BLOCK_MALFORMED", `not a block: ${what}`, { what }, cause);

const bytes = (item: RlpItem | undefined, length: number, what: string): Bytes => {
  if (!(item instanceof Uint8Array) || item.length !== length) throw malformed(what);
  return item;
};
const list = (item: RlpItem | undefined, length: number | undefined, what: string): readonly RlpItem[] => {
  if (item === undefined || item instanceof Uint8Array || (length !== undefined && item.length !== length))
    throw malformed(what);
  return item;
};

const HEADER_FIELDS = 20;

/** Fields that every header of the chain has alike are checked by encoding it again. */
const readHeader = (item: RlpItem | undefined): Pick<SealedHeader, "hash" | "header"> => {
  if (!(item instanceof Uint8Array)) throw malformed("header");
  const fields = list(decodeRlp(item, HEADER_FIELDS + 1), HEADER_FIELDS, "header");
  const hex = (at: number, length: number) => toHex(bytes(fields[at], length, `header field ${at}`));
  const header: Header = {
    parentHash: hex(0, 32),
    coinbase: hex(2, 20),
    stateRoot: hex(3, 32),
    transactionsRoot: hex(4, 32),
    receiptsRoot: hex(5, 32),
    logsBloom: hex(6, 256),
    number: readRlpUint(fields[8], 8),
    gasLimit: readRlpUint(fields[9], 8),
    gasUsed: readRlpUint(fields[10], 8),
    timestamp: readRlpUint(fields[11], 8),
    prevRandao: hex(13, 32),
    baseFeePerGas: readRlpUint(fields[15], 32),
    budget: readUintBE(bytes(fields[12], 8, "header field 12")),
  };
  const encoded = encodeBlockHeader(header);
  if (!equalBytes(encoded, item)) throw malformed("constant header fields");
  return { hash: toHex(keccak256(encoded)), header };
};

const readSealedHeader = ([version, sealItem, originItem, headerItem]: readonly RlpItem[]): SealedHeader => {
  if (readRlpUint(version, 1) !== BigInt(SEAL_VERSION)) throw malformed("version");
  const [revision, sealedAt, signature] = list(sealItem, 3, "seal");
  const [number, timestamp] = list(originItem, 2, "origin");
  return {
    ...readHeader(headerItem),
    origin: { number: readRlpUint(number, 8), timestamp: readRlpUint(timestamp, 8) },
    seal: {
      revision: readRlpUint(revision, 8),
      sealedAt: readRlpUint(sealedAt, 8),
      signature: bytes(signature, SIGNATURE, "signature"),
    },
  };
};

/** Anything but the codec's own bytes is BLOCK_MALFORMED. A store may answer with its own kind of byte array. */
const reading = <T>(wire: Bytes, fields: number, read: (items: readonly RlpItem[]) => T): T => {
  const plain = new Uint8Array(wire.buffer, wire.byteOffset, wire.byteLength);
  try {
    return read(list(decodeRlp(plain, MAX_ITEMS), fields, "fields"));
  } catch (error) {
    throw error instanceof RangeError ? malformed(error.message, error) : error;
  }
};

/** BLOCK_MALFORMED. */
export const decodeSealedHeader = (wire: Bytes): SealedHeader => reading(wire, 4, readSealedHeader);

/**
 * The only reading of these bytes: what it gives encodes to them again. BLOCK_MALFORMED. Checks the form alone, neither
 * signature nor body.
 */
export const decodeSealedBlock = (wire: Bytes): SealedBlock => {
  if (wire.length > MAX_SEALED_BLOCK_BYTES) throw malformed(`${wire.length} bytes`);
  return reading(wire, 5, (items) => ({
    ...readSealedHeader(items),
    envelopes: list(items[4], undefined, "envelopes").map((envelope) => {
      if (!(envelope instanceof Uint8Array)) throw malformed("envelope");
      return envelope;
    }),
  }));
};
