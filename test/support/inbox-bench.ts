import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type Abi, BaseError, ContractFunctionRevertedError, type Hex, parseEventLogs } from "viem";
import {
  appendCall,
  batchInbox,
  type Deployment,
  deployBridge,
  type L1Call,
  modelRegistry,
  partnersOf,
  portal,
} from "../../bridge/index.ts";
import { type ChainParameters, createGenesis, DEVNET_PARAMETERS } from "../../executor/index.ts";
import { type Anvil, account, startAnvil } from "./anvil.ts";
import { settlement } from "./settlement.ts";

export const SEQUENCER = 1;
export const USER = 2;
export const FORCE_DELAY = 3600n;
const ABI = [...batchInbox.abi, ...portal.abi, ...modelRegistry.abi] as const;

/** L1 contracts on an L1 of their own, and accounts that call them. */
export type Bench = Deployment["contracts"] & {
  readonly l1: Anvil;
  send(
    from: number,
    call: L1Call & { readonly gas?: bigint },
  ): Promise<{ gasUsed: bigint; events: ReturnType<typeof eventsOf> }>;
  /** Name of the error that the call would end with. */
  refusal(from: number, call: L1Call): Promise<string | undefined>;
  append(change?: Partial<Parameters<typeof appendCall>[1]>): Promise<L1Call>;
  now(): Promise<{ number: bigint; timestamp: bigint }>;
};

export const eventsOf = (logs: Parameters<typeof parseEventLogs>[0]["logs"]) => parseEventLogs({ abi: ABI, logs });

export const bench = async (
  t: TestContext,
  blockGasLimit = 30_000_000n,
  budget: ChainParameters["budget"] = DEVNET_PARAMETERS.budget,
): Promise<Bench> => {
  const l1 = await startAnvil(t);
  const { contracts } = await deployBridge(
    { wallet: l1.wallet(0), reader: l1.client },
    {
      forceDelay: FORCE_DELAY,
      genesisOf: (made) => createGenesis({ ...DEVNET_PARAMETERS, blockGasLimit, budget }, {}, partnersOf(made)),
      ...settlement({ guardian: account(0).address, sequencer: account(SEQUENCER).address }),
    },
  );
  const inbox = { address: contracts.batchInbox, abi: batchInbox.abi } as const;
  const now = async () => {
    const { number, timestamp } = await l1.client.getBlock();
    return { number, timestamp };
  };
  return {
    ...contracts,
    l1,
    now,
    async send(from, { to, data, value = 0n, gas }) {
      const hash = await l1.wallet(from).sendTransaction({ to, data, value, ...(gas === undefined ? {} : { gas }) });
      const receipt = await l1.client.waitForTransactionReceipt({ hash });
      assert.equal(receipt.status, "success");
      return { gasUsed: receipt.gasUsed, events: eventsOf(receipt.logs) };
    },
    async refusal(from, { to, data, value }) {
      try {
        await l1.client.call({ account: account(from), to, data, ...(value === undefined ? {} : { value }) });
        return undefined;
      } catch (error) {
        const raw = error instanceof BaseError ? error.walk((cause) => "data" in (cause as object)) : null;
        const revert = new ContractFunctionRevertedError({
          abi: ABI as unknown as Abi,
          data: (raw as { data?: Hex } | null)?.data ?? "0x",
          functionName: "any",
        });
        return revert.data?.errorName ?? `unnamed: ${(error as Error).message}`;
      }
    },
    async append(change = {}) {
      const index = await l1.client.readContract({ ...inbox, functionName: "recordCount" });
      const delayedEnd =
        change.delayedEnd ?? (await l1.client.readContract({ ...inbox, functionName: "messageCount" }));
      const delayedAccumulator =
        change.delayedAccumulator ??
        (await l1.client.readContract({ ...inbox, functionName: "accumulatorAt", args: [delayedEnd] }));
      return appendCall(contracts.batchInbox, {
        index,
        origin: await now(),
        delayedEnd,
        delayedAccumulator,
        data: Uint8Array.of(1, 2, 3),
        ...change,
      });
    },
  };
};
