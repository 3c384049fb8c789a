import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import {
  type Abi,
  type Address,
  BaseError,
  ContractFunctionRevertedError,
  encodeFunctionData,
  type Hex,
  parseEventLogs,
} from "viem";
import {
  batchInbox,
  claimGame,
  claimGames,
  claimId,
  claimRegistry,
  DEVNET_CLAIMS,
  type DeployOptions,
  deployBridge,
  partnersOf,
  portal,
  rootOverLast,
  systemConfig,
} from "../../bridge/index.ts";
import {
  type Bytes,
  type BytesOf,
  type ChainState,
  type ClaimId,
  createGenesis,
  DEVNET_PARAMETERS,
  encodeChainState,
  fromHex,
  type Genesis,
  type GenesisAlloc,
  genesisChainState,
  hashChainState,
  keccakOf,
  type NodeHash,
  type StateHash,
  toFirstClaim,
  toHex,
  toLeaf,
  uintBE,
} from "../../executor/index.ts";
import { type Anvil, account, startAnvil } from "./anvil.ts";
import { settlement } from "./settlement.ts";

export const GUARDIAN = 5;
/** Whom the fee vaults pay. */
export const FEE_RECIPIENT = 3;
const ABI: Abi = [claimRegistry, portal, claimGames, claimGame, systemConfig].flatMap(({ abi }) => abi as Abi);
const L1_CHAIN_ID = 31_337n;
export const {
  period: PERIOD,
  spacing: SPACING,
  heights: HEIGHTS,
  stakes: [BOND],
  tariffs: [TARIFF],
} = DEVNET_CLAIMS;
export const HEIGHT = HEIGHTS[0];

type ProposeArgs = readonly [parent: Hex, game: Hex, endState: Hex, node: Hex, path: readonly Hex[]];
export type Call = { readonly from: number; readonly to: Hex; readonly abi: Abi; readonly value?: bigint };

/** L1 with the contracts, and an account that claims whatever a test tells it to. */
export const createClaims = async (
  t: Pick<TestContext, "after">,
  alloc: GenesisAlloc = {},
  setUp: (l1: Anvil) => Promise<Partial<DeployOptions>> = async () => ({}),
) => {
  const l1: Anvil = await startAnvil(t);
  const options = await setUp(l1);
  let genesis: Genesis | undefined;
  const { contracts } = await deployBridge(
    { wallet: l1.wallet(0), reader: l1.client },
    {
      forceDelay: 3_600n,
      genesisOf: (made) => {
        genesis = createGenesis(DEVNET_PARAMETERS, alloc, {
          ...partnersOf(made),
          feeRecipient: account(FEE_RECIPIENT).address,
        });
        return genesis;
      },
      ...settlement({ guardian: account(GUARDIAN).address, sequencer: account(1).address }),
      ...options,
    },
  );
  assert.ok(genesis !== undefined);
  const first: ChainState = await genesisChainState(genesis);

  /** Sends a transaction; answers its gas and events. It must succeed. */
  const send = async ({ from, to, abi, value = 0n }: Call, functionName: string, args: readonly unknown[] = []) => {
    const data = encodeFunctionData({ abi, functionName, args });
    const hash = await l1.wallet(from).sendTransaction({ to, data, value });
    const receipt = await l1.client.waitForTransactionReceipt({ hash });
    assert.equal(receipt.status, "success", functionName);
    const events = parseEventLogs({ abi: ABI, logs: receipt.logs }) as unknown as readonly {
      readonly eventName: string;
      readonly args: Readonly<Record<string, unknown>>;
    }[];
    return { hash, gasUsed: receipt.gasUsed, events };
  };
  /** Name of the error that the transaction would end with, or undefined. */
  const refusal = async ({ from, to, abi, value = 0n }: Call, functionName: string, args: readonly unknown[] = []) => {
    const data = encodeFunctionData({ abi, functionName, args });
    try {
      await l1.client.call({ account: account(from), to, data, value });
      return undefined;
    } catch (error) {
      const raw = error instanceof BaseError ? error.walk((cause) => "data" in (cause as object)) : null;
      const revert = new ContractFunctionRevertedError({
        abi: [...ABI, ...abi],
        data: (raw as { data?: Hex } | null)?.data ?? "0x",
        functionName,
      });
      return revert.data?.errorName ?? `unnamed: ${(error as Error).message}`;
    }
  };
  const read = <T>(to: Address, abi: Abi, functionName: string, args: readonly unknown[] = []): Promise<T> =>
    l1.client.readContract({ address: to, abi, functionName, args }) as Promise<T>;

  const registry = { to: contracts.claimRegistry, abi: claimRegistry.abi as Abi };
  const of = <T>(functionName: string, ...args: readonly unknown[]) =>
    read<T>(registry.to, registry.abi, functionName, args);

  /** Arguments of `propose`: a tree of random left siblings over the state. */
  const treeOver = (state: ChainState, seed: number) => {
    const path = Array.from({ length: HEIGHT }, (_, i) => keccakOf(uintBE(seed, 4), uintBE(i, 4)) as BytesOf<NodeHash>);
    return { path, node: rootOverLast(toLeaf(hashChainState(state)), path) };
  };
  return {
    l1,
    contracts,
    genesis,
    first,
    firstClaim: fromHex(toFirstClaim(toHex(hashChainState(first)))),
    registry,
    send,
    refusal,
    read,
    of,
    treeOver,
    /** Arguments of `propose`. */
    async argsOf(parent: Bytes, state: ChainState, seed = 1): Promise<ProposeArgs> {
      const game = await of<Hex>("gameOn", toHex(parent));
      const { path, node } = treeOver(state, seed);
      return [toHex(parent), game, toHex(encodeChainState(state)), toHex(node), path.map(toHex)];
    },
    /** The id that the claim has, by the twin. */
    async idOf(parent: Bytes, state: ChainState, seed = 1): Promise<BytesOf<ClaimId>> {
      const { limitBatch, endState } = await of<{ limitBatch: bigint; endState: StateHash }>("claimOf", toHex(parent));
      const game = {
        l1ChainId: L1_CHAIN_ID,
        registry: contracts.claimRegistry,
        parent: toHex(parent) as ClaimId,
        limitBatch,
        lineage: await read<Hex>(contracts.batchInbox, batchInbox.abi, "lineageAt", [limitBatch]),
      };
      return fromHex(claimId(game, { start: fromHex(endState), height: HEIGHT, node: treeOver(state, seed).node }));
    },
    /** Claims a state; answers the claim's id. */
    async propose(parent: Bytes, state: ChainState, { seed = 1, from = 2 } = {}): Promise<BytesOf<ClaimId>> {
      const id = await this.idOf(parent, state, seed);
      await send({ from, ...registry, value: BOND }, "propose", await this.argsOf(parent, state, seed));
      return id;
    },
    /** Waits for the challenge period, and confirms. */
    async confirm(id: Bytes): Promise<void> {
      await l1.mine(Number(PERIOD));
      await send({ from: 9, ...registry }, "settle", [toHex(id)]);
    },
  };
};
export type Claims = Awaited<ReturnType<typeof createClaims>>;
