import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import pino from "pino";
import { Registry } from "prom-client";
import { privateKeyToAccount } from "viem/accounts";
import {
  createChain,
  createGenesis,
  createMemoryStore,
  createWorldState,
  DEVNET_PARAMETERS,
  fromHex,
  type Hex,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import { leastGasOf } from "./entry.ts";

const SLOTS = 24;
const slot = (index: number): Hex => toHex(uintBE(index, 32));
const owner = privateKeyToAccount(toHex(uintBE(1, 32)));
const TARGET: Hex = "0x00000000000000000000000000000000000000cc";
/** Writes slots: its input is pairs of words, slot and value. */
const WRITER: Hex = "0x5f5b8036111560175780602001358135556040016001565b00";

test("whatever is refunded, a transaction uses its least gas", { timeout: 60_000 }, async (t) => {
  const telemetry = { logger: pino({ level: "silent" }), registry: new Registry() };
  const store = createMemoryStore();
  const refuse = () => Promise.reject(new Error("no model on this chain"));
  const models = {
    run: refuse,
    admit: refuse,
    putChunks: refuse,
    stop: async () => {},
  };
  const storage = Object.fromEntries(Array.from({ length: SLOTS }, (_, i) => [slot(i), slot(1)]));
  const genesis = createGenesis(DEVNET_PARAMETERS, {
    [owner.address.toLowerCase()]: { balance: 10n ** 24n },
    [TARGET]: { nonce: 1n, code: WRITER, storage },
  });
  const chain = await createChain({ ...telemetry, store, world: createWorldState(store), models }, { genesis });
  t.after(() => chain.stop());
  const write = fc.tuple(fc.nat(SLOTS - 1), fc.nat(1));
  let least = Number.POSITIVE_INFINITY;
  await fc.assert(
    fc.asyncProperty(
      fc.array(write, { maxLength: 40 }),
      fc.uniqueArray(fc.nat(SLOTS - 1), { maxLength: SLOTS }),
      async (writes, keys) => {
        const envelope = fromHex(
          await owner.signTransaction({
            type: "eip1559",
            chainId: Number(DEVNET_PARAMETERS.chainId),
            nonce: 0,
            to: TARGET,
            gas: 1_000_000n,
            maxFeePerGas: 10n ** 10n,
            maxPriorityFeePerGas: 1n,
            data: `0x${writes.map(([at, value]) => slot(at).slice(2) + slot(value).slice(2)).join("")}`,
            accessList: [{ address: TARGET, storageKeys: keys.map(slot) }],
          }),
        );
        const decoded = chain.decode(envelope);
        assert.ok("transaction" in decoded);
        const builder = await chain.begin({ timestamp: 1n, origin: { number: 0n, timestamp: 0n } });
        const result = await builder.add({ bytes: envelope });
        builder.abort();
        assert.ok(result.included && result.receipt.status === 1);
        const bound = leastGasOf(decoded.transaction, decoded.intrinsicGas);
        assert.ok(result.receipt.gasUsed >= bound, `${result.receipt.gasUsed} of at least ${bound}`);
        least = Math.min(least, Number(result.receipt.gasUsed) - Number(decoded.intrinsicGas));
      },
    ),
    {
      seed: 3,
      numRuns: 200,
      examples: [[Array.from({ length: SLOTS }, (_, i) => [i, 0]), Array.from({ length: SLOTS }, (_, i) => i)]],
    },
  );
  assert.ok(least < 0, "refunds go below what was charged before execution: the bound is not idle");
});
