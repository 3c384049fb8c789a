import pino from "pino";
import { Registry } from "prom-client";
import type { Hex as ViemHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { type Bytes, fromHex, type Hex, toHex, uintBE } from "../foundation/bytes.ts";
import type { ModelRuntime } from "../models/runtime.ts";
import type { BlockAttributes } from "../protocol/origin.ts";
import { DEVNET_PARAMETERS } from "../protocol/parameters.ts";
import type { InboxEnvelope } from "../protocol/transaction.ts";
import { createWorldState } from "../state/create-world.ts";
import type { KeyValueStore } from "../store/key-value-store.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import type { CallTurnsOptions } from "./call-turns.ts";
import type { AddResult, Chain } from "./chain.ts";
import { createChain } from "./create-chain.ts";
import { createGenesis, type Genesis, type GenesisAlloc } from "./genesis.ts";

export const ETHER = 10n ** 18n;
export const GWEI = 10n ** 9n;

/** A funded key of the tests, by number. */
export const accountOf = (index: number) => privateKeyToAccount(toHex(uintBE(index + 1, 32)));

export const funded = (count: number, balance = 1000n * ETHER): GenesisAlloc =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [accountOf(i).address.toLowerCase(), { balance }]));

export const telemetry = () => ({ logger: pino({ level: "silent" }), registry: new Registry() });

/** A node that has no models. */
export const withoutModels: ModelRuntime = {
  run: () => Promise.reject(new Error("no model is called here")),
  admit: () => Promise.reject(new Error("no model is admitted here")),
  putChunks: () => Promise.reject(new Error("no chunk is kept here")),
  stop: async () => {},
};

export const openChain = async (
  options: {
    readonly alloc?: GenesisAlloc;
    readonly genesis?: Genesis;
    readonly store?: KeyValueStore;
    readonly models?: ModelRuntime;
    readonly keep?: number;
    readonly calls?: CallTurnsOptions;
  } = {},
): Promise<Chain> => {
  const store = options.store ?? createMemoryStore();
  const world = createWorldState(store, options.keep === undefined ? {} : { keep: options.keep });
  const genesis = options.genesis ?? createGenesis(DEVNET_PARAMETERS, { ...funded(4), ...options.alloc });
  return createChain(
    { store, world, models: options.models ?? withoutModels, ...telemetry() },
    { genesis, calls: options.calls ?? {} },
  );
};

export type TransactionRequest = {
  readonly from?: number;
  readonly nonce: number;
  readonly to?: string;
  readonly value?: bigint;
  readonly data?: string;
  readonly gas?: bigint;
  readonly maxFeePerGas?: bigint;
  readonly maxPriorityFeePerGas?: bigint;
  readonly authorizationList?: readonly Awaited<ReturnType<typeof authorize>>[];
};

/** A signed EIP-1559 envelope, or with authorizations an EIP-7702 one. */
export const sign = async (request: TransactionRequest): Promise<Bytes> => {
  const { authorizationList } = request;
  const shared = {
    chainId: Number(DEVNET_PARAMETERS.chainId),
    nonce: request.nonce,
    gas: request.gas ?? 1_000_000n,
    maxFeePerGas: request.maxFeePerGas ?? 10n * GWEI,
    maxPriorityFeePerGas: request.maxPriorityFeePerGas ?? GWEI,
    value: request.value ?? 0n,
    data: (request.data ?? "0x") as ViemHex,
    ...(request.to === undefined ? {} : { to: request.to as ViemHex }),
  };
  const serialized = await accountOf(request.from ?? 0).signTransaction(
    authorizationList === undefined
      ? { type: "eip1559", ...shared }
      : { type: "eip7702", ...shared, authorizationList },
  );
  return fromHex(serialized);
};

/** An authorization by one of the accounts. `address`: whose code is run; `chainId`: this chain's if it is not given. */
export const authorize = (
  from: number,
  { address, nonce, chainId = Number(DEVNET_PARAMETERS.chainId) }: AuthorizationRequest,
) => accountOf(from).signAuthorization({ address: address as ViemHex, nonce, chainId });
export type AuthorizationRequest = { readonly address: string; readonly nonce: number; readonly chainId?: number };

export const AT: BlockAttributes = { timestamp: 1_700_000_000n, origin: { number: 7n, timestamp: 1_700_000_000n } };

/** A block of these envelopes on the head. */
export const buildBlock = async (chain: Chain, envelopes: readonly (Bytes | InboxEnvelope)[], attributes = AT) => {
  const builder = await chain.begin(attributes);
  const results: AddResult[] = [];
  for (const envelope of envelopes)
    results.push(await builder.add(envelope instanceof Uint8Array ? { bytes: envelope } : envelope));
  return { ...(await builder.seal()), results };
};

/** A block as `buildBlock` makes it that L1 holds for good: the states before it may be pruned. */
export const buildFinalBlock: typeof buildBlock = async (chain, envelopes, attributes) => {
  const built = await buildBlock(chain, envelopes, attributes);
  const { number } = built.block.header;
  await chain.setSafe(number, { batch: number + 0n, cursor: 0, delayed: 0n });
  await chain.setFinalized(number);
  return built;
};

/** Runtime code that begins every contract of the tests: init code that returns `runtime`. */
export const initCode = (runtime: Hex): Hex => {
  const size = fromHex(runtime).length;
  const head = `61${size.toString(16).padStart(4, "0")}80600c5f395ff3fe`;
  const length = head.length / 2;
  return `0x${head.replace("600c", `60${length.toString(16).padStart(2, "0")}`)}${runtime.slice(2)}`;
};
