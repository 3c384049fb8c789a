import { createPublicClient, createWalletClient, defineChain, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { chainConfig, publicActionsL1, publicActionsL2, walletActionsL1, walletActionsL2 } from "viem/op-stack";
import { type Hex, MULTICALL3 } from "../../executor/index.ts";

export type OpStackOptions = {
  readonly l1: { readonly rpc: string; readonly chainId: number };
  readonly l2: { readonly rpc: string; readonly chainId: number };
  readonly contracts: { readonly portal: Hex; readonly claimGames: Hex; readonly l1StandardBridge: Hex };
  readonly privateKey: Hex;
};

const NATIVE = { name: "Ether", symbol: "ETH", decimals: 18 } as const;
const POLL_MS = 50;

/** Viem's clients of both chains with its actions for the OP Stack: all that a tool must be told of the chain. */
export const opStackClients = ({ l1, l2, contracts, privateKey }: OpStackOptions) => {
  const account = privateKeyToAccount(privateKey);
  const l1Chain = defineChain({
    id: l1.chainId,
    name: "L1",
    nativeCurrency: NATIVE,
    rpcUrls: { default: { http: [l1.rpc] } },
    contracts: { multicall3: { address: MULTICALL3 } },
  });
  const chain = defineChain({
    ...chainConfig,
    id: l2.chainId,
    name: "Assay devnet",
    nativeCurrency: NATIVE,
    rpcUrls: { default: { http: [l2.rpc] } },
    contracts: {
      ...chainConfig.contracts,
      multicall3: { address: MULTICALL3 },
      portal: { [l1.chainId]: { address: contracts.portal } },
      disputeGameFactory: { [l1.chainId]: { address: contracts.claimGames } },
      l1StandardBridge: { [l1.chainId]: { address: contracts.l1StandardBridge } },
    },
    sourceId: l1.chainId,
  });
  const shared = { pollingInterval: POLL_MS, cacheTime: 0 } as const;
  const onL1 = { ...shared, chain: l1Chain, transport: http(l1.rpc, { retryCount: 0 }) };
  const onL2 = { ...shared, chain, transport: http(l2.rpc, { retryCount: 0 }) };
  return {
    chain,
    account,
    publicL1: createPublicClient(onL1).extend(publicActionsL1()),
    publicL2: createPublicClient(onL2).extend(publicActionsL2()),
    walletL1: createWalletClient({ ...onL1, account }).extend(walletActionsL1()),
    walletL2: createWalletClient({ ...onL2, account }).extend(walletActionsL2()),
  };
};
