import type { L2BlockNumber } from "../foundation/brand.ts";
import { type Bytes, concat, fromHex, type Hex, readUintBE, toHex, uintBE, utf8 } from "../foundation/bytes.ts";
import { decodeRlp, encodeRlp, readRlpUint, rlpUint } from "../foundation/rlp.ts";
import type { Block } from "../protocol/block.ts";
import type { ForkSchedule } from "../protocol/forks.ts";
import type { Position } from "../protocol/origin.ts";
import type { Receipt } from "../protocol/receipt.ts";
import { COLUMN, type KeyValueStore, type Write } from "../store/key-value-store.ts";
import type { ChainBase } from "./base.ts";
import { decodeBase, encodeBase } from "./base-codec.ts";
import type { Heads } from "./chain.ts";
import { decodeBlock, decodeReceipts, encodeBlock, encodeReceipts } from "./codec.ts";
import { decodeKeptUnits, encodeKeptUnits, type KeptUnits } from "./kept-units.ts";

const meta = (name: string): Bytes => concat(Uint8Array.of(COLUMN.meta), utf8(`chain.${name}`));
const HEADS = meta("heads");
const GENESIS = meta("genesis");
const FORKS_KEY = meta("forks");
const BASE = meta("base");
/** Positions by block: what derivation had consumed after it. */
const POSITION = meta("position.");
const column = (id: number, key: Bytes): Bytes => concat(Uint8Array.of(id), key);
const byNumber = (id: number, number: L2BlockNumber): Bytes => column(id, uintBE(number, 8));
const positionKey = (number: L2BlockNumber): Bytes => concat(POSITION, uintBE(number, 8));

const put = (key: Bytes, value: Bytes): Write & { readonly type: "put" } => ({ type: "put", key, value });
const del = (key: Bytes): Write => ({ type: "del", key });

/** Decoded blocks and receipts kept in memory. */
const CACHED = 128;

const remember = <V>(cache: Map<bigint, V>, number: L2BlockNumber, value: V): V => {
  if (cache.size >= CACHED) for (const oldest of cache.keys()) if (cache.delete(oldest)) break;
  cache.set(number, value);
  return value;
};

/** Blocks, receipts, where transactions are, heads and positions. Functions named `…Writes` change nothing by themselves. */
export const createChainStore = (store: KeyValueStore, chainId: bigint) => {
  const blocks = new Map<bigint, Block>();
  const receiptsOf = new Map<bigint, readonly Receipt[]>();

  const blockByNumber = (number: L2BlockNumber): Block | undefined => {
    const cached = blocks.get(number);
    if (cached !== undefined || number < 0n) return cached;
    const stored = store.get(byNumber(COLUMN.block, number));
    return stored === undefined ? undefined : remember(blocks, number, decodeBlock(stored, chainId));
  };

  return {
    blockByNumber,
    blockByHash(hash: Hex): Block | undefined {
      const number = store.get(column(COLUMN.blockByHash, fromHex(hash)));
      return number === undefined ? undefined : blockByNumber(readUintBE(number));
    },
    receipts(number: L2BlockNumber): readonly Receipt[] | undefined {
      const cached = receiptsOf.get(number);
      if (cached !== undefined || number < 0n) return cached;
      const stored = store.get(byNumber(COLUMN.receipts, number));
      return stored === undefined ? undefined : remember(receiptsOf, number, decodeReceipts(stored));
    },
    locate(transaction: Hex): { readonly number: L2BlockNumber; readonly index: number } | undefined {
      const place = store.get(column(COLUMN.transaction, fromHex(transaction)));
      if (place === undefined) return undefined;
      return { number: readUintBE(place.subarray(0, 8)), index: Number(readUintBE(place.subarray(8))) };
    },
    /** Remembers a block that is on disk. */
    keep(block: Block, receipts: readonly Receipt[]): void {
      remember(blocks, block.header.number, block);
      remember(receiptsOf, block.header.number, receipts);
    },
    /** Forgets removed blocks. */
    forget(number: L2BlockNumber): void {
      blocks.delete(number);
      receiptsOf.delete(number);
    },
    blockWrites(block: Block, receipts: readonly Receipt[]): Write[] {
      const number = uintBE(block.header.number, 8);
      return [
        put(column(COLUMN.block, number), encodeBlock(block)),
        put(column(COLUMN.blockByHash, fromHex(block.hash)), number),
        put(column(COLUMN.receipts, number), encodeReceipts(receipts)),
        ...block.transactions.map(({ hash }, index) =>
          put(column(COLUMN.transaction, fromHex(hash)), concat(number, uintBE(index, 4))),
        ),
      ];
    },
    removalWrites(block: Block): Write[] {
      const { number } = block.header;
      return [
        del(byNumber(COLUMN.block, number)),
        del(column(COLUMN.blockByHash, fromHex(block.hash))),
        del(byNumber(COLUMN.receipts, number)),
        del(byNumber(COLUMN.units, number)),
        del(positionKey(number)),
        ...block.transactions.map(({ hash }) => del(column(COLUMN.transaction, fromHex(hash)))),
      ];
    },
    units(number: L2BlockNumber): KeptUnits | undefined {
      const stored = store.get(byNumber(COLUMN.units, number));
      return stored === undefined ? undefined : decodeKeptUnits(stored);
    },
    unitsWrite: (number: L2BlockNumber, units: KeptUnits): Write =>
      put(byNumber(COLUMN.units, number), encodeKeptUnits(units)),
    /** Removes the oldest units that are kept of blocks from `from` up to `to`, so many at most. */
    unitsRemovals({ from, to, limit }: { readonly from: bigint; readonly to: bigint; readonly limit: number }) {
      const range = { gte: byNumber(COLUMN.units, from), lt: byNumber(COLUMN.units, to + 1n), limit };
      const keys = Array.from(store.scan(range), ([key]) => key);
      const last = keys.at(-1);
      // Where the next search begins: the database would pass over what was removed one by one.
      const next = keys.length < limit ? to : readUintBE((last as Bytes).subarray(1));
      return { writes: keys.map(del), next };
    },
    headsWrite: (heads: Heads): Write =>
      put(HEADS, encodeRlp([rlpUint(heads.unsafe), rlpUint(heads.safe), rlpUint(heads.finalized)])),
    heads(): Heads | undefined {
      const stored = store.get(HEADS);
      if (stored === undefined) return undefined;
      const [unsafe, safe, finalized] = decodeRlp(stored) as readonly Bytes[];
      return { unsafe: readRlpUint(unsafe, 8), safe: readRlpUint(safe, 8), finalized: readRlpUint(finalized, 8) };
    },
    positionWrite: (number: L2BlockNumber, position: Position): Write =>
      put(
        positionKey(number),
        concat(uintBE(position.batch, 8), uintBE(position.cursor, 4), uintBE(position.delayed, 8)),
      ),
    /** The newest position that is known at or below a block. */
    positionAt(number: L2BlockNumber): { readonly number: L2BlockNumber; readonly position: Position } | undefined {
      const range = { gte: positionKey(0n), lt: positionKey(number + 1n), limit: 1, reverse: true };
      for (const [key, value] of store.scan(range))
        return {
          number: readUintBE(key.subarray(POSITION.length)),
          position: {
            batch: readUintBE(value.subarray(0, 8)),
            cursor: Number(readUintBE(value.subarray(8, 12))),
            delayed: readUintBE(value.subarray(12)),
          },
        };
      return undefined;
    },
    baseWrite: (base: ChainBase): Write => put(BASE, encodeBase(base)),
    /** The block that this chain begins with, where that is not genesis. */
    base(): ChainBase | undefined {
      const stored = store.get(BASE);
      return stored === undefined ? undefined : decodeBase(stored, chainId);
    },
    forksWrite: (forks: ForkSchedule) =>
      put(FORKS_KEY, utf8(JSON.stringify(Object.entries(forks).map(([name, from]) => [name, String(from)])))),
    /** The schedule by which the newest block was made. */
    forks(): ForkSchedule | undefined {
      const stored = store.get(FORKS_KEY);
      if (stored === undefined) return undefined;
      const entries = JSON.parse(Buffer.from(stored).toString("utf8")) as [string, string][];
      return Object.fromEntries(entries.map(([name, from]) => [name, BigInt(from)]));
    },
    genesisWrite: (digest: Hex): Write => put(GENESIS, fromHex(digest)),
    genesis(): Hex | undefined {
      const stored = store.get(GENESIS);
      return stored === undefined ? undefined : toHex(stored);
    },
  };
};
