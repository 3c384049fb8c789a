import { Address } from "@ethereumjs/util";
import { z } from "zod";
import { fromHex, toHex, word } from "../../foundation/bytes.ts";
import type { Backend } from "../backend.ts";
import { requireNumber, stateOf } from "../block-lookup.ts";
import { invalidParams } from "../errors.ts";
import { call, estimateGas } from "../execution.ts";
import { quantity } from "../format.ts";
import { type MethodTable, method } from "../method.ts";
import { proofOf } from "../proof.ts";
import { address, type BlockId, blockOrLatest, message, overrides, slot, slotOf } from "../schemas.ts";

/** Storage keys of one request. */
const MAX_KEYS = 1_024;

const readSlot = async ({ chain }: Backend, account: `0x${string}`, key: string, block: BlockId) => {
  const state = stateOf(chain, block);
  return toHex(word(await state.getStorage(new Address(fromHex(account)), fromHex(slotOf(key)))));
};

const accountOf = ({ chain }: Backend, account: `0x${string}`, block: BlockId) =>
  stateOf(chain, block).getAccount(new Address(fromHex(account)));

export const STATE_METHODS: MethodTable = {
  eth_getBalance: method([address, blockOrLatest], async ([account, block], backend) =>
    quantity((await accountOf(backend, account, block))?.balance ?? 0n),
  ),
  eth_getTransactionCount: method([address, blockOrLatest], async ([account, block], backend) => {
    if (backend.pool !== undefined && block.kind === "tag" && block.tag === "pending")
      return quantity(await backend.pool.pendingNonce(account));
    return quantity((await accountOf(backend, account, block))?.nonce ?? 0n);
  }),
  eth_getCode: method([address, blockOrLatest], async ([account, block], { chain }) =>
    toHex(await stateOf(chain, block).getCode(new Address(fromHex(account)))),
  ),
  eth_getStorageAt: method([address, slot, blockOrLatest], ([account, key, block], backend) =>
    readSlot(backend, account, key, block),
  ),
  eth_getStorageValues: method(
    [z.record(address, z.array(slot)), blockOrLatest],
    async ([requests, block], backend) => {
      const entries = Object.entries(requests);
      const total = entries.reduce((sum, [, keys]) => sum + keys.length, 0);
      if (total === 0) throw invalidParams("empty request");
      if (total > MAX_KEYS) throw invalidParams(`too many slots (max ${MAX_KEYS})`);
      const values: Record<string, string[]> = {};
      for (const [account, keys] of entries)
        values[account] = await Promise.all(keys.map((key) => readSlot(backend, account as `0x${string}`, key, block)));
      return values;
    },
  ),
  eth_getProof: method([address, z.array(slot).nullish(), blockOrLatest], async ([account, keys, block], { chain }) => {
    if ((keys?.length ?? 0) > MAX_KEYS) throw invalidParams(`too many keys: at most ${MAX_KEYS}`);
    return proofOf(chain, { account, keys: keys ?? [], number: requireNumber(chain, block) });
  }),
  eth_call: method([message, blockOrLatest, overrides.nullish()], async ([given, block, changes], { chain }) =>
    toHex(await call(chain, { message: given, number: requireNumber(chain, block), overrides: changes })),
  ),
  eth_estimateGas: method([message, blockOrLatest, overrides.nullish()], async ([given, block, changes], { chain }) =>
    quantity(await estimateGas(chain, { message: given, number: requireNumber(chain, block), overrides: changes })),
  ),
};
