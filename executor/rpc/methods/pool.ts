import type { Backend, PooledTransaction } from "../backend.ts";
import { formatTransaction, type Json, quantity } from "../format.ts";
import { type MethodTable, method } from "../method.ts";
import { address } from "../schemas.ts";

const MAX_CONTENT = 10_000;

type Content = Record<string, Record<string, Json>>;

const bySender = (transactions: readonly PooledTransaction[]): Content => {
  const content: Content = {};
  for (const { transaction } of transactions) {
    content[transaction.from] ??= {};
    (content[transaction.from] as Record<string, Json>)[String(transaction.nonce)] = formatTransaction(transaction);
  }
  return content;
};

const contentOf = ({ pool }: Backend, sender?: `0x${string}`): { pending: Content; queued: Content } => {
  const all = pool?.content(sender).slice(0, MAX_CONTENT) ?? [];
  return { pending: bySender(all.filter(({ ready }) => ready)), queued: bySender(all.filter(({ ready }) => !ready)) };
};

export const POOL_METHODS: MethodTable = {
  txpool_status: method([], (_, { pool }) => {
    const { ready, queued } = pool?.status() ?? { ready: 0, queued: 0 };
    return { pending: quantity(ready), queued: quantity(queued) };
  }),
  txpool_content: method([], (_, backend) => contentOf(backend)),
  txpool_contentFrom: method([address], ([sender], backend) => {
    const { pending, queued } = contentOf(backend, sender);
    return { pending: pending[sender] ?? {}, queued: queued[sender] ?? {} };
  }),
};
