import type { Chain } from "../../chain/chain.ts";
import { type Bytes, fromHex, type Hex, toHex } from "../../foundation/bytes.ts";
import { CodedError, hasCode } from "../../foundation/errors.ts";
import { decodeRlp, encodeRlp, readRlpUint, rlpUint } from "../../foundation/rlp.ts";
import type { Network, NetworkErrorCode, PeerId, Protocol } from "../network/network.ts";
import type { SealStore } from "./seal-store.ts";
import {
  decodeSealedBlock,
  encodeSealedBlock,
  MAX_SEALED_BLOCK_BYTES,
  type SealedBlock,
  type SealedBlockErrorCode,
  sealedBlockOf,
} from "./sealed-block.ts";
import type { Witness } from "./witness.ts";

/** What a node says of itself. A peer's word: good for choosing whom to ask, for nothing else. */
export type Status = {
  readonly genesisHash: Hex;
  readonly head: bigint;
  readonly safe: bigint;
};

/** Blocks in one request. */
export const MAX_BLOCKS = 128;
/** Bytes of blocks in answer to one request; the first block always goes. */
const MAX_RANGE_BYTES = 8 * 2 ** 20;

/** `rlp([genesisHash, head, safe])`, both ways. */
const STATUS_PROTOCOL: Protocol = {
  name: "status/1",
  maxRequestBytes: 128,
  maxAnswerBytes: 128,
  maxAnswers: 1,
  stallMs: 5_000,
  // It is asked again and again, of nodes that derive or infer as well: nothing waits for the answer.
  stalls: "forgiven",
  rate: { requests: 2, requestBurst: 20, bytes: 4_096, byteBurst: 16_384 },
};

/** `rlp([from, count])`; the answers are sealed blocks in order, as many as there are. */
const BLOCKS_PROTOCOL: Protocol = {
  name: "blocks/1",
  maxRequestBytes: 32,
  maxAnswerBytes: MAX_SEALED_BLOCK_BYTES,
  maxAnswers: MAX_BLOCKS,
  stallMs: 5_000,
  rate: { requests: 20, requestBurst: 60, bytes: 16 * 2 ** 20, byteBurst: 64 * 2 ** 20 },
};

const invalid = (what: string, cause?: unknown): CodedError<NetworkErrorCode> =>
  new CodedError("P2P_INVALID", what, {}, cause);

const reading = <T>(what: string, read: () => T): T => {
  try {
    return read();
  } catch (error) {
    throw error instanceof RangeError ? invalid(`not a ${what}`, error) : error;
  }
};

const encodeStatus = ({ genesisHash, head, safe }: Status): Bytes =>
  encodeRlp([fromHex(genesisHash), rlpUint(head), rlpUint(safe)]);

const decodeStatus = (bytes: Bytes): Status =>
  reading("status", () => {
    const fields = decodeRlp(bytes);
    if (fields instanceof Uint8Array || fields.length !== 3) throw invalid("not a status");
    const [genesis, head, safe] = fields;
    if (!(genesis instanceof Uint8Array) || genesis.length !== 32) throw invalid("not a status");
    return { genesisHash: toHex(genesis), head: readRlpUint(head, 8), safe: readRlpUint(safe, 8) };
  });

const decodeRange = (bytes: Bytes): { readonly from: bigint; readonly count: bigint } =>
  reading("range", () => {
    const fields = decodeRlp(bytes);
    if (fields instanceof Uint8Array || fields.length !== 2) throw invalid("not a range");
    return { from: readRlpUint(fields[0], 8), count: readRlpUint(fields[1], 2) };
  });

export type BlockExchangeComponents = {
  readonly network: Pick<Network, "serve" | "request" | "penalise">;
  readonly chain: Pick<Chain, "genesisHash" | "heads" | "blockByNumber">;
  readonly seals: SealStore;
  readonly witness: Witness;
  /** Is told what a peer said of itself: when it asked, and is about to be answered, or as its answer. */
  readonly onStatus: (peer: PeerId, status: Status, said: "asking" | "answering") => void;
};

/** Blocks and heads, asked of peers and given to them. */
export const createBlockExchange = ({ network, chain, seals, witness, onStatus }: BlockExchangeComponents) => {
  const own = (): Bytes => {
    const { unsafe, safe } = chain.heads;
    return encodeStatus({ genesisHash: chain.genesisHash, head: unsafe, safe });
  };

  function* range(from: bigint, count: bigint): Iterable<Bytes> {
    let bytes = 0;
    for (let number = from; number < from + count; number++) {
      const block = chain.blockByNumber(number);
      const sealed = seals.get(number);
      // A block that came from L1 alone has no seal; a seal may be of a block that L1 overruled.
      if (block === undefined || sealed === undefined || sealed.hash !== block.hash) return;
      const encoded = encodeSealedBlock(sealedBlockOf(block, sealed.seal));
      bytes += encoded.length;
      if (encoded.length > MAX_SEALED_BLOCK_BYTES || (bytes > MAX_RANGE_BYTES && number > from)) return;
      yield encoded;
    }
  }

  network.serve(STATUS_PROTOCOL, (request, peer) => {
    onStatus(peer, decodeStatus(request), "asking");
    return [own()];
  });
  network.serve(BLOCKS_PROTOCOL, (request) => {
    const { from, count } = decodeRange(request);
    if (count > BigInt(MAX_BLOCKS)) throw invalid(`${count} blocks at once`);
    return range(from, count);
  });

  const decode = (bytes: Bytes, peer: PeerId): SealedBlock => {
    try {
      return decodeSealedBlock(bytes);
    } catch (error) {
      if (!hasCode<SealedBlockErrorCode>(error, "BLOCK_MALFORMED")) throw error;
      network.penalise(peer, "malformed");
      throw invalid("not a block", error);
    }
  };

  return {
    /** The network's codes. */
    async status(peer: PeerId, signal?: AbortSignal): Promise<void> {
      for await (const answer of network.request(peer, STATUS_PROTOCOL, own(), signal)) {
        let status: Status;
        try {
          status = decodeStatus(answer);
        } catch (error) {
          network.penalise(peer, "malformed");
          throw error;
        }
        onStatus(peer, status, "answering");
      }
    },
    /** Signed, whole blocks from `from` on, in order, as many as the peer has. The network's codes. */
    async *blocks(peer: PeerId, from: bigint, count: bigint, signal?: AbortSignal): AsyncIterable<SealedBlock> {
      let expected = from;
      const request = encodeRlp([rlpUint(from), rlpUint(count)]);
      for await (const answer of network.request(peer, BLOCKS_PROTOCOL, request, signal)) {
        const block = decode(answer, peer);
        const wrong =
          block.header.number !== expected++
            ? "malformed"
            : !witness.isSigned(block)
              ? "signature"
              : !witness.isWhole(block)
                ? "body"
                : undefined;
        if (wrong !== undefined) {
          network.penalise(peer, wrong);
          throw invalid(`a block with a wrong ${wrong}`);
        }
        yield block;
      }
    },
  };
};
export type BlockExchange = ReturnType<typeof createBlockExchange>;
