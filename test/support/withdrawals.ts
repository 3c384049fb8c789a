import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import {
  type Abi,
  type Address,
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  http,
  parseEther,
  parseEventLogs,
  type TransactionReceipt,
} from "viem";
import { anvil } from "viem/chains";
import {
  chainConfig,
  getWithdrawals,
  publicActionsL1,
  publicActionsL2,
  walletActionsL1,
  walletActionsL2,
} from "viem/op-stack";
import { batchInbox, claimGames, DEVNET_WITHDRAWALS, portal } from "../../bridge/index.ts";
import {
  type Bytes,
  type ChainState,
  chainStateAfter,
  DEVNET_PARAMETERS,
  EMPTY_FRONTIER,
  fromHex,
} from "../../executor/index.ts";
import { account } from "./anvil.ts";
import { createClaims, SPACING } from "./claims.ts";
import { startInstantChain } from "./instant-chain.ts";

/** L1 and L2 with viem's own op-stack actions on both, and ether in the portal. */
export const createSettlement = async (
  t: Pick<TestContext, "after">,
  user = 6,
  setUp?: Parameters<typeof createClaims>[2],
) => {
  const address = account(user).address;
  const claims = await createClaims(t, { [address.toLowerCase()]: { balance: parseEther("10") } }, setUp);
  const { l1, contracts } = claims;
  const l2 = await startInstantChain(t, claims.genesis);
  const chain = defineChain({
    ...chainConfig,
    id: Number(DEVNET_PARAMETERS.chainId),
    name: "Assay",
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [l2.url] } },
    contracts: {
      ...chainConfig.contracts,
      portal: { [anvil.id]: { address: contracts.portal } },
      disputeGameFactory: { [anvil.id]: { address: contracts.claimGames } },
    },
    sourceId: anvil.id,
  });
  const onL1 = {
    chain: anvil,
    transport: http(l1.url),
    pollingInterval: 20,
    cacheTime: 0,
    batch: { multicall: { deployless: true } },
  } as const;
  const onL2 = { chain, transport: http(l2.url), pollingInterval: 20, cacheTime: 0 } as const;
  const publicL1 = createPublicClient(onL1).extend(publicActionsL1());
  const publicL2 = createPublicClient(onL2).extend(publicActionsL2());
  const walletL1 = createWalletClient({ ...onL1, account: account(user) }).extend(walletActionsL1());
  const walletL2 = createWalletClient({ ...onL2, account: account(user) }).extend(walletActionsL2());
  let tip = claims.firstClaim;
  let seed = 0;

  /** Lets L2 take what a transaction queued on L1. */
  const deliver = async ({ logs }: TransactionReceipt) => {
    for (const { args } of parseEventLogs({ abi: batchInbox.abi, logs, eventName: "MessageQueued" })) {
      const { results } = await l2.deliver(fromHex(args.envelope), args.gas);
      for (const result of results) assert.ok(result.included && result.receipt.status === 1);
    }
  };
  const chainState = (): ChainState => {
    const block = l2.chain.head;
    const position = { batch: 0n, cursor: 0, delayed: 0n };
    return chainStateAfter(block, { position, transactions: EMPTY_FRONTIER, receipts: EMPTY_FRONTIER });
  };
  return {
    ...claims,
    l2,
    chain,
    publicL1,
    publicL2,
    walletL1,
    walletL2,
    user,
    address,
    portal: { to: contracts.portal as Address, abi: portal.abi as Abi },
    games: claimGames.abi as Abi,
    deliver,
    chainState,
    /** Claims the newest block on the last claim; answers the claim's id. */
    async claim(): Promise<Bytes> {
      await l1.mine(Number(SPACING));
      tip = await claims.propose(tip, chainState(), { seed: ++seed });
      return tip;
    },
    async deposit(value: bigint) {
      const request = await publicL2.buildDepositTransaction({ account: account(user), mint: value, to: address });
      const hash = await walletL1.depositTransaction(request);
      const receipt = await publicL1.waitForTransactionReceipt({ hash });
      await deliver(receipt);
      return receipt;
    },
    /** Asks L2 for a message to L1; answers the receipt. */
    async initiate(request: { to: Address; value?: bigint; gas?: bigint; data?: Hex }) {
      const hash = await walletL2.initiateWithdrawal({ request: { gas: 100_000n, value: 0n, ...request } });
      return publicL2.waitForTransactionReceipt({ hash });
    },
    /** Claims, proves and waits: what these transactions withdraw can be finalized. */
    async mature(receipts: readonly TransactionReceipt[]) {
      const id = await this.claim();
      const withdrawals = receipts.flatMap(({ logs }) => getWithdrawals({ logs }));
      for (const withdrawal of withdrawals) {
        const game = await publicL1.getGame({ targetChain: chain, l2BlockNumber: l2.chain.head.header.number });
        const request = await publicL2.buildProveWithdrawal({ account: account(user), game, withdrawal });
        await publicL1.waitForTransactionReceipt({ hash: await walletL1.proveWithdrawal(request) });
      }
      await l1.warp(Number(DEVNET_WITHDRAWALS.proofMaturityDelay) + 1);
      await this.confirm(id);
      await l1.warp(Number(DEVNET_WITHDRAWALS.finalityDelay) + 1);
      return withdrawals;
    },
  };
};
export type Settlement = Awaited<ReturnType<typeof createSettlement>>;
