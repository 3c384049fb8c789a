import type { StateManagerInterface } from "@ethereumjs/common";
import { Account, Address } from "@ethereumjs/util";
import { type Bytes, concat, fromHex, type Hex, toHex, uintBE, utf8, word, ZERO_32 } from "../foundation/bytes.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import { EMPTY_FRONTIER } from "../foundation/merkle.ts";
import {
  feeVaultPredeploy,
  gasPriceOraclePredeploy,
  inferencePredeploy,
  l1BlockPredeploy,
  messagePasserPredeploy,
  messengerPredeploy,
  modelRegistryPredeploy,
  standardBridgePredeploy,
  tokenFactoryPredeploy,
} from "../genesis/predeploys.gen.ts";
import { preinstallsOn } from "../genesis/preinstalls.ts";
import { type Block, COINBASE, encodeBlockHeader, type Header, hashBlockHeader } from "../protocol/block.ts";
import { chainStateAfter, type StateBetween } from "../protocol/chain-state.ts";
import { ADDRESS, type ChainParameters } from "../protocol/parameters.ts";
import { rulesAt } from "../protocol/rules.ts";
import { createWorldState } from "../state/create-world.ts";
import { createMemoryStore } from "../store/memory-store.ts";

export type GenesisAccount = {
  readonly balance?: bigint;
  readonly nonce?: bigint;
  readonly code?: Hex;
  readonly storage?: Readonly<Record<Hex, Hex>>;
};

/** Accounts by lower-case address. */
export type GenesisAlloc = Readonly<Record<Hex, GenesisAccount>>;

export type Genesis = {
  readonly parameters: ChainParameters;
  readonly alloc: GenesisAlloc;
  /** Commits to parameters and accounts: another digest is another chain. */
  readonly digest: Hex;
};

/** EIP-2935's contract, as it is on Ethereum. */
const HISTORY_CODE: Hex =
  "0x3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500";

const ORIGIN_OF_GENESIS = { number: 0n, timestamp: 0n };

const ALIAS_OFFSET = 0x1111000000000000000000000000000000001111n;

/** The address under which an L1 contract speaks on L2. */
export const aliasOf = (address: Hex): Hex => toHex(uintBE((BigInt(address) + ALIAS_OFFSET) & ((1n << 160n) - 1n), 20));

/** Contracts on L1 that speak to the chain. Without one nobody speaks in its name. */
export type L1Partners = {
  /** Its messages register models. */
  readonly l1ModelRegistry: Hex;
  readonly l1CrossDomainMessenger: Hex;
  readonly l1StandardBridge: Hex;
};

/** What genesis is told of L1. `feeRecipient`: whom the fee vaults pay there; without one they pay nobody. */
export type L1Knowledge = Partial<L1Partners> & { readonly feeRecipient?: Hex | undefined };

const NOBODY: Hex = "0x0000000000000000000000000000000000000000";

/** A slot that holds an address. */
const holding = (slot: number, address: Hex) => ({ [toHex(uintBE(slot, 32))]: toHex(word(fromHex(address))) });

const feeVault = (recipient: Hex): GenesisAccount => ({
  nonce: 1n,
  code: feeVaultPredeploy.code,
  storage: holding(0, recipient),
});

const predeploys = (partners: L1Partners & { readonly feeRecipient: Hex }): GenesisAlloc => ({
  [ADDRESS.history]: { nonce: 1n, code: HISTORY_CODE },
  [ADDRESS.l1Block]: { nonce: 1n, code: l1BlockPredeploy.code },
  [ADDRESS.modelRegistry]: {
    nonce: 1n,
    code: modelRegistryPredeploy.code,
    storage: holding(3, aliasOf(partners.l1ModelRegistry)),
  },
  [ADDRESS.messagePasser]: { nonce: 1n, code: messagePasserPredeploy.code },
  [ADDRESS.crossDomainMessenger]: {
    nonce: 1n,
    code: messengerPredeploy.code,
    storage: holding(0, partners.l1CrossDomainMessenger),
  },
  [ADDRESS.standardBridge]: {
    nonce: 1n,
    code: standardBridgePredeploy.code,
    storage: holding(0, partners.l1StandardBridge),
  },
  [ADDRESS.tokenFactory]: { nonce: 1n, code: tokenFactoryPredeploy.code },
  [ADDRESS.gasPriceOracle]: { nonce: 1n, code: gasPriceOraclePredeploy.code },
  [ADDRESS.sequencerFeeVault]: feeVault(partners.feeRecipient),
  [ADDRESS.baseFeeVault]: feeVault(partners.feeRecipient),
  [ADDRESS.inference]: { nonce: 1n, code: inferencePredeploy.code },
});

/** The schedule of forks aside: what lies ahead may change on the same chain, and what is past is compared by itself. */
const digestOf = ({ forks: _, ...parameters }: ChainParameters, alloc: GenesisAlloc): Hex => {
  const sorted = Object.entries(alloc)
    .map(([address, account]) => ({ address, ...account, storage: Object.entries(account.storage ?? {}).sort() }))
    .sort((a, b) => (a.address < b.address ? -1 : 1));
  const text = JSON.stringify({ parameters, alloc: sorted }, (_key, value) =>
    typeof value === "bigint" ? value.toString() : value,
  );
  return toHex(keccak256(utf8(text)));
};

const lowerCase = (alloc: GenesisAlloc): GenesisAlloc =>
  Object.fromEntries(Object.entries(alloc).map(([address, account]) => [address.toLowerCase(), account]));

/**
 * The chain's first state: predeploys that know their partners on L1, what ordinary tools expect at its usual address, and
 * the accounts of `alloc` (which win).
 */
export const createGenesis = (
  parameters: ChainParameters,
  alloc: GenesisAlloc = {},
  {
    l1ModelRegistry = NOBODY,
    l1CrossDomainMessenger = NOBODY,
    l1StandardBridge = NOBODY,
    feeRecipient = NOBODY,
  }: L1Knowledge = {},
): Genesis => {
  const partners = { l1ModelRegistry, l1CrossDomainMessenger, l1StandardBridge, feeRecipient };
  const whole = { ...preinstallsOn(parameters.chainId), ...predeploys(partners), ...lowerCase(alloc) };
  return { parameters, alloc: whole, digest: digestOf(parameters, whole) };
};

/** Writes the accounts. Rules: an account with slots has code; no account is empty (those are left out). */
export const writeGenesis = async (state: StateManagerInterface, { alloc }: Genesis): Promise<void> => {
  for (const [hex, { balance = 0n, nonce = 0n, code, storage = {} }] of Object.entries(alloc)) {
    const address = new Address(fromHex(hex));
    const bytes: Bytes = code === undefined ? concat() : fromHex(code);
    if (balance === 0n && nonce === 0n && bytes.length === 0) continue;
    await state.putAccount(address, new Account(nonce, balance));
    if (bytes.length === 0) continue;
    await state.putCode(address, bytes);
    for (const [slot, value] of Object.entries(storage))
      await state.putStorage(address, word(fromHex(slot)), word(fromHex(value)));
  }
};

/** K(words): what all chain states, and so all claims, say of the parameters. */
const hashParameters = (parameters: ChainParameters): Bytes => {
  const { chainId, blockGasLimit, initialBaseFee, minimumBaseFee, maxDrift, maxLag, budget } = parameters;
  const { rate, cap, block, refusal } = budget;
  const fees = [chainId, blockGasLimit, initialBaseFee, minimumBaseFee];
  return keccakOf(...[...fees, maxDrift, maxLag, rate, cap, block, refusal].map((value) => uintBE(value, 32)));
};

/** Block 0 over the state that `writeGenesis` makes. */
export const genesisBlock = ({ parameters }: Genesis, stateRoot: Bytes): Block => {
  const { blockGasLimit, budget } = rulesAt(parameters, 0n);
  const header: Header = {
    number: 0n,
    parentHash: toHex(ZERO_32),
    timestamp: 0n,
    coinbase: COINBASE,
    stateRoot: toHex(stateRoot),
    transactionsRoot: toHex(ZERO_32),
    receiptsRoot: toHex(ZERO_32),
    logsBloom: `0x${"00".repeat(256)}`,
    gasLimit: blockGasLimit,
    gasUsed: 0n,
    budget: budget.cap,
    baseFeePerGas: parameters.initialBaseFee,
    prevRandao: toHex(hashParameters(parameters)),
  };
  return {
    hash: hashBlockHeader(header),
    header,
    origin: ORIGIN_OF_GENESIS,
    transactions: [],
    size: encodeBlockHeader(header).length,
  };
};

/** The state that the first claim starts from. */
export const genesisChainState = async (genesis: Genesis): Promise<StateBetween> => {
  const world = createWorldState(createMemoryStore());
  await writeGenesis(world.manager, genesis);
  const position = { batch: 0n, cursor: 0, delayed: 0n };
  const empty = { position, transactions: EMPTY_FRONTIER, receipts: EMPTY_FRONTIER };
  return chainStateAfter(genesisBlock(genesis, world.seal().root), empty);
};
