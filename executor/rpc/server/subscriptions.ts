import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Hex } from "../../foundation/bytes.ts";
import type { Block } from "../../protocol/block.ts";
import type { Receipt } from "../../protocol/receipt.ts";
import type { ChainTransaction } from "../../protocol/transaction.ts";
import type { Backend } from "../backend.ts";
import { invalidParams, limitExceeded } from "../errors.ts";
import { formatHeader, formatTransaction } from "../format.ts";
import { bloomTest, criteriaOf, logsOfBlock } from "../log-filter.ts";
import { type MethodTable, method, parse } from "../method.ts";
import { filterId, logCriteria } from "../schemas.ts";

export type Notify = (subscription: Hex, result: unknown) => void;

/** What one subscription does on each event. */
type Subscription = {
  readonly id: Hex;
  onHead?(block: Block, receipts: readonly Receipt[]): void;
  onRemoved?(block: Block, receipts: readonly Receipt[]): void;
  onPending?(transaction: ChainTransaction): void;
};

const fullTransactions = z
  .union([z.boolean(), z.object({ includeTransactions: z.boolean() }).transform((value) => value.includeTransactions)])
  .nullish()
  .transform((value) => value ?? false);

/** Fans events out to all connections: one listener on the chain and one on the pool, however many subscribers. */
export const createSubscriptionHub = ({ chain, pool }: Backend, { maxPerConnection = 128 } = {}) => {
  const all = new Set<Subscription>();
  const unsubscribe = [
    chain.on("head", (block, receipts) => {
      for (const subscription of all) subscription.onHead?.(block, receipts);
    }),
    chain.on("rollback", (removed) => {
      for (const { block, receipts } of removed)
        for (const subscription of all) subscription.onRemoved?.(block, receipts);
    }),
    pool?.onPending((transaction) => {
      for (const subscription of all) subscription.onPending?.(transaction);
    }),
  ];

  const create = (kind: unknown, rest: readonly unknown[], notify: Notify): Subscription => {
    const id: Hex = `0x${randomBytes(16).toString("hex")}`;
    switch (kind) {
      case "newHeads":
        return { id, onHead: (block) => notify(id, formatHeader(block)) };
      case "logs": {
        const [criteria] = parse([logCriteria.nullish().transform((given) => criteriaOf(given ?? {}))], rest) as [
          ReturnType<typeof criteriaOf>,
        ];
        const mayMatch = bloomTest(criteria);
        const send = (block: Block, receipts: readonly Receipt[], removed: boolean) => {
          if (!mayMatch(block.header.logsBloom)) return;
          for (const log of logsOfBlock(block, receipts, criteria, removed)) notify(id, log);
        };
        return {
          id,
          onHead: (block, receipts) => send(block, receipts, false),
          onRemoved: (block, receipts) => send(block, receipts, true),
        };
      }
      case "newPendingTransactions": {
        const [full] = parse([fullTransactions], rest) as [boolean];
        return {
          id,
          onPending: (transaction) => notify(id, full ? formatTransaction(transaction) : transaction.hash),
        };
      }
      default:
        throw invalidParams(`no ${JSON.stringify(kind)?.slice(0, 80)} subscription in eth namespace`);
    }
  };

  return {
    get size(): number {
      return all.size;
    },
    /** The methods of one connection, and `close` for its end. */
    connect(notify: Notify): { readonly methods: MethodTable; close(): void } {
      const own = new Map<Hex, Subscription>();
      return {
        methods: {
          eth_subscribe: method([z.string(), z.unknown()], ([kind, rest]) => {
            if (own.size >= maxPerConnection)
              throw limitExceeded(`too many subscriptions: at most ${maxPerConnection}`);
            const subscription = create(kind, rest === undefined ? [] : [rest], notify);
            own.set(subscription.id, subscription);
            all.add(subscription);
            return subscription.id;
          }),
          eth_unsubscribe: method([filterId], ([id]) => {
            const subscription = own.get(id);
            if (subscription === undefined) throw invalidParams("subscription not found");
            all.delete(subscription);
            return own.delete(id);
          }),
        },
        close() {
          for (const subscription of own.values()) all.delete(subscription);
          own.clear();
        },
      };
    },
    stop() {
      for (const off of unsubscribe) off?.();
      all.clear();
    },
  };
};
