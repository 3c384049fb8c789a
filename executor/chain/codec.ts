import { Address } from "@ethereumjs/util";
import { type Bytes, EMPTY_BYTES, fromHex, type Hex, toHex } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { decodeRlp, encodeRlp, type RlpItem, readRlpUint, rlpUint } from "../foundation/rlp.ts";
import type { Block, Header } from "../protocol/block.ts";
import { BLOOM_BYTES } from "../protocol/bloom.ts";
import { decodeEnvelope, isRefusal } from "../protocol/envelope.ts";
import type { Log, Receipt } from "../protocol/receipt.ts";
import type { ChainTransaction } from "../protocol/transaction.ts";
import type { ChainErrorCode } from "./chain.ts";

const corrupt = (what: string, cause?: unknown): CodedError<ChainErrorCode> =>
  new CodedError("CHAIN_CORRUPT", `the store holds something else than ${what}`, { what }, cause);

const list = (item: RlpItem | undefined, what: string): readonly RlpItem[] => {
  if (item === undefined || item instanceof Uint8Array) throw corrupt(what);
  return item;
};
const bytes = (item: RlpItem | undefined, what: string): Bytes => {
  if (!(item instanceof Uint8Array)) throw corrupt(what);
  return item;
};
const hex = (item: RlpItem | undefined, what: string): Hex => toHex(bytes(item, what));
const uint = (item: RlpItem | undefined): bigint => readRlpUint(item, 32);

/** Anything but the codec's own bytes is CHAIN_CORRUPT. A store may answer with its own kind of byte array. */
const reading = <T>(what: string, stored: Bytes, decode: (fields: readonly RlpItem[]) => T): T => {
  try {
    const plain = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
    return decode(list(decodeRlp(plain), what));
  } catch (error) {
    throw error instanceof RangeError ? corrupt(what, error) : error;
  }
};

const BLOCK = "a block";
const RECEIPTS = "the receipts of a block";

/** Senders are stored beside envelopes, so that reading a block recovers no signature. */
export const encodeBlock = (block: Block): Bytes => {
  const { header } = block;
  return encodeRlp([
    fromHex(block.hash),
    [
      fromHex(header.parentHash),
      fromHex(header.coinbase),
      fromHex(header.stateRoot),
      fromHex(header.transactionsRoot),
      fromHex(header.receiptsRoot),
      encodeBloom(header.logsBloom),
      rlpUint(header.number),
      rlpUint(header.gasLimit),
      rlpUint(header.gasUsed),
      rlpUint(header.timestamp),
      fromHex(header.prevRandao),
      rlpUint(header.baseFeePerGas),
      rlpUint(header.budget),
    ],
    [rlpUint(block.origin.number), rlpUint(block.origin.timestamp)],
    rlpUint(block.size),
    block.transactions.map(({ envelope, from, nonce }) => [envelope, fromHex(from), rlpUint(nonce)]),
  ]);
};

export const decodeBlock = (stored: Bytes, chainId: bigint): Block =>
  reading(BLOCK, stored, ([hash, headerItem, originItem, size, transactions]) => {
    const h = list(headerItem, BLOCK);
    const header: Header = {
      parentHash: hex(h[0], BLOCK),
      coinbase: hex(h[1], BLOCK),
      stateRoot: hex(h[2], BLOCK),
      transactionsRoot: hex(h[3], BLOCK),
      receiptsRoot: hex(h[4], BLOCK),
      logsBloom: decodeBloom(h[5], BLOCK),
      number: uint(h[6]),
      gasLimit: uint(h[7]),
      gasUsed: uint(h[8]),
      timestamp: uint(h[9]),
      prevRandao: hex(h[10], BLOCK),
      baseFeePerGas: uint(h[11]),
      budget: uint(h[12]),
    };
    const [originNumber, originTimestamp] = list(originItem, BLOCK);
    return {
      hash: hex(hash, BLOCK),
      header,
      origin: { number: uint(originNumber), timestamp: uint(originTimestamp) },
      size: Number(uint(size)),
      transactions: list(transactions, BLOCK).map((item): ChainTransaction => {
        const [envelope, from, nonce] = list(item, BLOCK);
        const decoded = decodeEnvelope(bytes(envelope, BLOCK), { chainId, sender: new Address(bytes(from, BLOCK)) });
        if (isRefusal(decoded)) throw corrupt(BLOCK);
        return { ...decoded.transaction, nonce: uint(nonce) };
      }),
    };
  });

const EMPTY_BLOOM: Hex = `0x${"00".repeat(BLOOM_BYTES)}`;
const encodeBloom = (bloom: Hex): Bytes => (bloom === EMPTY_BLOOM ? EMPTY_BYTES : fromHex(bloom));
const decodeBloom = (item: RlpItem | undefined, what: string): Hex => {
  const bloom = bytes(item, what);
  return bloom.length === 0 ? EMPTY_BLOOM : toHex(bloom);
};

export const encodeReceipts = (receipts: readonly Receipt[]): Bytes =>
  encodeRlp(
    receipts.map((receipt) => [
      rlpUint(receipt.status),
      rlpUint(receipt.gasUsed),
      rlpUint(receipt.cumulativeGasUsed),
      rlpUint(receipt.effectiveGasPrice),
      encodeBloom(receipt.logsBloom),
      receipt.contractAddress === undefined ? EMPTY_BYTES : fromHex(receipt.contractAddress),
      receipt.depositNonce === undefined ? [] : [rlpUint(receipt.depositNonce)],
      receipt.logs.map(({ address, topics, data }) => [fromHex(address), topics.map(fromHex), fromHex(data)]),
    ]),
  );

export const decodeReceipts = (stored: Bytes): readonly Receipt[] =>
  reading(RECEIPTS, stored, (items) =>
    items.map((item): Receipt => {
      const [status, gasUsed, cumulative, price, bloom, contract, depositNonce, logs] = list(item, RECEIPTS);
      const created = bytes(contract, RECEIPTS);
      const nonce = list(depositNonce, RECEIPTS);
      return {
        status: uint(status) === 1n ? 1 : 0,
        gasUsed: uint(gasUsed),
        cumulativeGasUsed: uint(cumulative),
        effectiveGasPrice: uint(price),
        logsBloom: decodeBloom(bloom, RECEIPTS),
        contractAddress: created.length === 0 ? undefined : toHex(created),
        ...(nonce.length === 0 ? {} : { depositNonce: uint(nonce[0]) }),
        logs: list(logs, RECEIPTS).map((entry): Log => {
          const [address, topics, data] = list(entry, RECEIPTS);
          return {
            address: hex(address, RECEIPTS),
            topics: list(topics, RECEIPTS).map((topic) => hex(topic, RECEIPTS)),
            data: hex(data, RECEIPTS),
          };
        }),
      };
    }),
  );
