import type { TestContext } from "node:test";
import {
  type Abi,
  type Address,
  createPublicClient,
  createWalletClient,
  defineChain,
  encodeFunctionData,
  type Hex,
  http,
  parseGwei,
  type TransactionReceipt,
} from "viem";
import { anvil as anvilChain } from "viem/chains";
import { chainConfig, getWithdrawals, publicActionsL1, publicActionsL2, walletActionsL1 } from "viem/op-stack";
import { batchInbox, DEVNET_WITHDRAWALS, portal } from "../../bridge/index.ts";
import {
  ADDRESS,
  createMemoryStore,
  createRpcServer,
  createWorldState,
  DEVNET_PARAMETERS,
  messagePasserPredeploy,
} from "../../executor/index.ts";
import { account } from "./anvil.ts";
import { startClaimant } from "./claimant.ts";
import { compile } from "./solidity.ts";
import { createStage, L2_ACCOUNTS, l2Account, telemetry } from "./stage.ts";

export const FORCE_DELAY = 60n;
/** Claims; nobody else sends from this account. */
const CLAIMANT = 7;
const STRANGER = 6;
const DEPOSITOR = 8;

const REFUSING = compile("TakesNone", "contract TakesNone {}");

/** Users of L2 who have nothing but what they deposited. */
export const userOf = (index: number) => l2Account(L2_ACCOUNTS + index);

type Withdrawal = ReturnType<typeof getWithdrawals>[number];
/** A withdrawal that a block of L2 recorded. */
export type Recorded = { readonly withdrawal: Withdrawal; readonly block: bigint };

/**
 * A chain whose operator is gone: no sequencer, and none of its executors. There is L1, and one stranger who derives the
 * chain, forces what is queued into it and claims.
 */
export const createExit = async (t: Pick<TestContext, "after">) => {
  const ends = t as TestContext;
  const stage = await createStage(ends, FORCE_DELAY);
  const { anvil, deployment } = stage;
  const { contracts } = deployment;
  const store = createMemoryStore();
  const node = await stage.executor(store);
  const claimant = startClaimant(ends, stage, node, { from: CLAIMANT, depth: 1n });
  const server = await createRpcServer(
    { backend: { chain: node.chain, identity: { clientVersion: "assay/test" } }, ...telemetry() },
    { port: 0 },
  );
  t.after(() => server.stop());
  const l2 = defineChain({
    ...chainConfig,
    id: Number(DEVNET_PARAMETERS.chainId),
    name: "Assay",
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [server.url] } },
    contracts: {
      ...chainConfig.contracts,
      portal: { [anvilChain.id]: { address: contracts.portal } },
      disputeGameFactory: { [anvilChain.id]: { address: contracts.claimGames } },
    },
    sourceId: anvilChain.id,
  });
  const onL1 = {
    chain: anvilChain,
    transport: http(anvil.url, { retryCount: 0 }),
    pollingInterval: 20,
    cacheTime: 0,
    batch: { multicall: { deployless: true } },
  } as const;
  const publicL1 = createPublicClient(onL1).extend(publicActionsL1());
  const publicL2 = createPublicClient({ chain: l2, transport: http(server.url), cacheTime: 0 }).extend(
    publicActionsL2(),
  );
  const walletL1 = createWalletClient({ ...onL1, account: account(STRANGER) }).extend(walletActionsL1());

  const refusingHash = await anvil.wallet(DEPOSITOR).deployContract({ abi: REFUSING.abi, bytecode: REFUSING.bytecode });
  const { contractAddress } = await publicL1.waitForTransactionReceipt({ hash: refusingHash });

  const onChain = async (from: number, to: Hex, data: Hex, value = 0n): Promise<TransactionReceipt> => {
    const hash = await anvil.wallet(from).sendTransaction({ to, data, value, gas: 3_000_000n });
    return publicL1.waitForTransactionReceipt({ hash });
  };
  const inboxCall = (functionName: "enqueue" | "force", args: readonly unknown[]): Hex =>
    encodeFunctionData({ abi: batchInbox.abi as Abi, functionName, args });
  const inboxCount = (functionName: "recordCount" | "messageCount") =>
    publicL1.readContract({ address: contracts.batchInbox, abi: batchInbox.abi, functionName });

  return {
    stage,
    node,
    claimant,
    l2,
    publicL1,
    publicL2,
    /** A contract on L1 that takes no ether. */
    refusing: contractAddress as Address,
    /** Gives ether to a user of L2. */
    deposit: (to: Hex, mint: bigint, { value = mint, data = "0x" as Hex, gas = 200_000n } = {}) =>
      onChain(
        DEPOSITOR,
        contracts.portal,
        encodeFunctionData({
          abi: portal.abi as Abi,
          functionName: "depositTransaction",
          args: [to, value, gas, false, data],
        }),
        mint,
      ),
    /** Queues a user's own withdrawal on L1. */
    async askBack(user: number, nonce: number, request: { readonly to: Address; readonly value: bigint }) {
      const envelope = await userOf(user).signTransaction({
        type: "eip1559",
        chainId: Number(DEVNET_PARAMETERS.chainId),
        nonce,
        to: ADDRESS.messagePasser,
        value: request.value,
        data: encodeFunctionData({
          abi: messagePasserPredeploy.abi,
          functionName: "initiateWithdrawal",
          args: [request.to, 100_000n, "0x"],
        }),
        gas: 200_000n,
        maxFeePerGas: parseGwei("10"),
        maxPriorityFeePerGas: parseGwei("1"),
      });
      return onChain(DEPOSITOR, contracts.batchInbox, inboxCall("enqueue", [envelope, 200_000n]));
    },
    /** Waits for the delay, and forces all that is queued. */
    async force() {
      await anvil.warp(Number(FORCE_DELAY) + 1);
      const args = [await inboxCount("recordCount"), await inboxCount("messageCount")];
      return onChain(STRANGER, contracts.batchInbox, inboxCall("force", args));
    },
    /** All withdrawals of the derived chain, oldest first. */
    recorded(): readonly Recorded[] {
      const { chain } = node;
      const found: Recorded[] = [];
      for (let block = 1n; block <= chain.head.header.number; block++)
        for (const { logs } of chain.receipts(block) ?? [])
          for (const withdrawal of getWithdrawals({ logs: logs as never })) found.push({ withdrawal, block });
      return found;
    },
    /** Proves a withdrawal against the newest claim that has it. */
    async prove({ withdrawal, block }: Recorded) {
      const game = await publicL1.getGame({ targetChain: l2, l2BlockNumber: block });
      const request = await publicL2.buildProveWithdrawal({ account: account(STRANGER), game, withdrawal });
      return publicL1.waitForTransactionReceipt({ hash: await walletL1.proveWithdrawal(request) });
    },
    /** Ends a withdrawal that can be ended. */
    async finalize({ withdrawal }: Recorded) {
      const hash = await walletL1.finalizeWithdrawal({ targetChain: l2, withdrawal });
      return publicL1.waitForTransactionReceipt({ hash });
    },
    /** Lets L1 and the stranger go on, until claims of this chain can be confirmed and proofs are old enough. */
    async mature(period: bigint) {
      for (let i = 0; i < 8; i++) {
        await anvil.mine(3);
        await claimant.act();
      }
      await anvil.mine(Number(period));
      await anvil.warp(Number(DEVNET_WITHDRAWALS.proofMaturityDelay) + 1);
      for (let i = 0; i < 8; i++) await claimant.act();
      await anvil.warp(Number(DEVNET_WITHDRAWALS.finalityDelay) + 1);
    },
    /** All wei on L2, but what genesis gave. */
    supply(): bigint {
      let total = 0n;
      for (const { account: record } of createWorldState(store).dump()) total += record.balance;
      return total - BigInt(L2_ACCOUNTS) * 10n ** 21n;
    },
    finalized: () =>
      publicL1.getContractEvents({
        address: contracts.portal,
        abi: portal.abi,
        eventName: "WithdrawalFinalized",
        fromBlock: 0n,
        strict: true,
      }),
    portalBalance: () => publicL1.getBalance({ address: contracts.portal }),
    addressOf: (user: number) => userOf(user).address.toLowerCase() as Hex,
  };
};
export type Exit = Awaited<ReturnType<typeof createExit>>;
