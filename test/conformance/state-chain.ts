import { Account, createAddressFromString } from "@ethereumjs/util";
import {
  ADDRESS,
  applyTransaction,
  createMachine,
  createRules,
  type DumpedAccount,
  decodeEnvelope,
  eipsOf,
  FORKS,
  type Fork,
  fromHex,
  isRefusal,
  keccak256,
  type ModelRuntime,
  TRANSACTION_GAS_CAP,
  toHex,
  uintBE,
  utf8,
  type WorldState,
} from "../../executor/index.ts";
import type { StateEngine } from "./state-engine.ts";
import { signedTransaction } from "./state-transaction.ts";

const HISTORY_WINDOW = 8191n;
const history = createAddressFromString(ADDRESS.history);

const unreachable = async () => {
  throw new Error("no state test calls a model");
};
const noModels: ModelRuntime = {
  run: unreachable,
  admit: unreachable,
  putChunks: unreachable,
  stop: async () => {},
};
/** L1's price of modular exponentiation (EIP-7823, EIP-7883), which came with Osaka, is the chain's at every fork. */
const LATER = [7823, 7883];
const RULES = Object.fromEntries(
  FORKS.map((fork) => [
    fork,
    createRules(1n, fork, fork === "osaka" ? eipsOf(fork) : eipsOf(fork).filter((eip) => !LATER.includes(eip))),
  ]),
) as Readonly<Record<Fork, ReturnType<typeof createRules>>>;

/** The corpus defines the hash of block n as keccak of its decimal digits; the chain reads hashes from state. */
export const putBlockHashes = async ({ manager }: WorldState, number: bigint): Promise<void> => {
  await manager.putAccount(history, new Account(1n));
  for (let back = 1n; back <= 256n && back <= number; back++) {
    const block = number - back;
    await manager.putStorage(history, uintBE(block % HISTORY_WINDOW, 32), keccak256(utf8(block.toString())));
  }
  manager.originalStorageCache.clear();
};

/** Before Osaka there is no bound on a transaction's gas (EIP-7825): any limit is decoded. */
export const gasCapOf = (fork: Fork): bigint => (fork === "osaka" ? TRANSACTION_GAS_CAP : 2n ** 64n - 1n);

/** The accounts without the ring of block hashes. */
function* ethereumAccounts(world: WorldState): Iterable<DumpedAccount> {
  for (const entry of world.dump()) if (toHex(entry.address) !== ADDRESS.history) yield entry;
}

/** The chain's own decoding, transition and interpreter. */
export const chainEngine: StateEngine = {
  name: "chain",
  excluded: ({ transaction }) =>
    transaction.blobVersionedHashes === undefined ? undefined : "the chain has no blob transactions",
  async execute(world, test) {
    const { environment: env, fork, envelope = signedTransaction(test).serialize() } = test;
    await putBlockHashes(world, env.currentNumber);
    const decoded = decodeEnvelope(envelope, { chainId: 1n, gasCap: gasCapOf(fork) });
    if (isRefusal(decoded)) return { rejected: decoded.code, logs: [] };
    const machine = createMachine(world.manager, { models: noModels, rules: RULES[fork] });
    const outcome = await applyTransaction(machine, decoded, {
      available: env.currentGasLimit,
      // Ethereum burns base fees.
      baseFeeVault: undefined,
      environment: {
        fork,
        number: env.currentNumber,
        timestamp: env.currentTimestamp,
        gasLimit: env.currentGasLimit,
        baseFee: env.currentBaseFee,
        coinbase: createAddressFromString(env.currentCoinbase),
        prevRandao: env.currentRandom,
      },
    });
    if (isRefusal(outcome)) return { rejected: outcome.code, logs: [] };
    const logs = outcome.logs.map(({ address, topics, data }) => ({
      address: fromHex(address),
      topics: topics.map(fromHex),
      data: fromHex(data),
    }));
    return { rejected: undefined, logs };
  },
  dump: ethereumAccounts,
};
