import { z } from "zod";
import type { Chain } from "../../chain/chain.ts";
import type { Block } from "../../protocol/block.ts";
import type { Receipt } from "../../protocol/receipt.ts";
import type { ChainTransaction } from "../../protocol/transaction.ts";
import { baseFeeBehind, receiptsOf, requireNumber } from "../block-lookup.ts";
import { invalidParams } from "../errors.ts";
import { quantity } from "../format.ts";
import { type MethodTable, method } from "../method.ts";
import { blockNumber, count } from "../schemas.ts";

const MAX_HISTORY = 1_024n;
const MAX_PERCENTILES = 100;
/** The tip suggested is this percentile of the lowest tips of the last blocks. */
const SAMPLE_BLOCKS = 20n;
const SAMPLES_A_BLOCK = 3;
const SAMPLE_PERCENTILE = 60;
const DEFAULT_TIP = 1_000_000n;
const MAX_TIP = 500_000_000_000n;
const DEPOSIT = 0x7e;

const tipOf = (block: Block, receipt: Receipt): bigint => {
  const tip = receipt.effectiveGasPrice - block.header.baseFeePerGas;
  return tip > 0n ? tip : 0n;
};

const greater = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * What a transaction may offer to be among the next ones; a default on an idle chain. `least`: what the pool takes. Where it
 * takes a least, blocks with room tell nothing: their tips are what it asked for then, and would be asked for ever.
 */
const suggestTip = (chain: Chain, least: bigint): bigint => {
  const tips: bigint[] = [];
  const head = chain.head.header.number;
  for (let number = head; number > 0n && number > head - SAMPLE_BLOCKS; number--) {
    const block = chain.blockByNumber(number);
    if (block === undefined || block.transactions.length === 0) continue;
    const { gasUsed, gasLimit } = block.header;
    if (least > 0n && 2n * gasUsed < gasLimit) continue;
    const receipts = receiptsOf(chain, block);
    const paid = block.transactions.flatMap((transaction, i) =>
      transaction.type === DEPOSIT ? [] : [tipOf(block, receipts[i] as Receipt)],
    );
    tips.push(...paid.sort(ascending).slice(0, SAMPLES_A_BLOCK));
  }
  if (tips.length === 0) return greater(least, DEFAULT_TIP);
  const tip = tips.sort(ascending)[Math.floor(((tips.length - 1) * SAMPLE_PERCENTILE) / 100)] as bigint;
  return greater(least, tip > MAX_TIP ? MAX_TIP : tip);
};

/** Tips at the percentiles of the block's gas, none below `least`. */
const rewards = (chain: Chain, block: Block, percentiles: readonly number[], least: bigint): string[] => {
  const receipts = receiptsOf(chain, block);
  const sorted = block.transactions
    .map((_: ChainTransaction, i) => {
      const receipt = receipts[i] as Receipt;
      return { tip: tipOf(block, receipt), gas: receipt.gasUsed };
    })
    .sort((a, b) => ascending(a.tip, b.tip));
  let index = 0;
  let gas = sorted[0]?.gas ?? 0n;
  return percentiles.map((percentile) => {
    const threshold = (Number(block.header.gasUsed) * percentile) / 100;
    while (Number(gas) < threshold && index < sorted.length - 1) {
      index++;
      gas += sorted[index]?.gas ?? 0n;
    }
    return quantity(greater(least, sorted[index]?.tip ?? 0n));
  });
};

const percentileList = z
  .array(z.number())
  .max(MAX_PERCENTILES, `over the query limit ${MAX_PERCENTILES}`)
  .nullish()
  .transform((list) => list ?? []);

export const FEE_METHODS: MethodTable = {
  eth_gasPrice: method([], (_, { chain, pool }) =>
    quantity(baseFeeBehind(chain, chain.head) + suggestTip(chain, pool?.ordinaryTip ?? 0n)),
  ),
  eth_maxPriorityFeePerGas: method([], (_, { chain, pool }) => quantity(suggestTip(chain, pool?.ordinaryTip ?? 0n))),
  eth_baseFee: method([], (_, { chain }) => quantity(baseFeeBehind(chain, chain.head))),
  /** There are no blobs; the price is the least that Cancun knows. */
  eth_blobBaseFee: method([], () => "0x1"),
  eth_feeHistory: method([count, blockNumber, percentileList], ([blocks, newest, percentiles], { chain, pool }) => {
    percentiles.forEach((percentile, i) => {
      if (percentile < 0 || percentile > 100) throw invalidParams(`invalid reward percentile: ${percentile}`);
      const previous = percentiles[i - 1];
      if (previous !== undefined && percentile <= previous)
        throw invalidParams(`invalid reward percentile: #${i - 1}:${previous} >= #${i}:${percentile}`);
    });
    const last = requireNumber(chain, newest);
    const wanted = blocks > MAX_HISTORY ? MAX_HISTORY : blocks;
    // Of a snapshot's own block there are no tips, and none before.
    const oldest = chain.base?.block.header.number;
    const available = oldest === undefined ? last + 1n : last - oldest;
    // A history up to now is asked for by wallets that look for a tip: none is told that the pool would refuse.
    const least = last === chain.head.header.number ? (pool?.ordinaryTip ?? 0n) : 0n;
    const first = last + 1n - (wanted > available ? available : wanted);
    const baseFees: string[] = [];
    const ratios: number[] = [];
    const reward: string[][] = [];
    for (let number = first; number <= last; number++) {
      const block = chain.blockByNumber(number);
      if (block === undefined) break;
      const { header } = block;
      baseFees.push(quantity(header.baseFeePerGas));
      ratios.push(header.gasLimit === 0n ? 0 : Number(header.gasUsed) / Number(header.gasLimit));
      if (percentiles.length > 0) reward.push(rewards(chain, block, percentiles, least));
      if (number === last) baseFees.push(quantity(baseFeeBehind(chain, block)));
    }
    return {
      oldestBlock: quantity(ratios.length === 0 ? 0n : first),
      baseFeePerGas: baseFees,
      gasUsedRatio: ratios,
      baseFeePerBlobGas: baseFees.map(() => "0x1"),
      blobGasUsedRatio: ratios.map(() => 0),
      ...(percentiles.length === 0 ? {} : { reward }),
    };
  }),
};
