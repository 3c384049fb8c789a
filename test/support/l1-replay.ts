import { Block, createBlockHeader } from "@ethereumjs/block";
import { type Common, createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { createBlob4844Tx, createFeeMarket1559Tx } from "@ethereumjs/tx";
import { Account, createAddressFromString } from "@ethereumjs/util";
import { createVM, runTx } from "@ethereumjs/vm";
import type { PublicClient } from "viem";
import { type Hex, keccak256 } from "../../executor/index.ts";
import { account } from "./anvil.ts";

/** L1's rules today, and those of the fork after them as far as the library has it. */
export const L1_FORKS = { osaka: Hardfork.Osaka, amsterdam: Hardfork.Amsterdam } as const;
export type L1Fork = keyof typeof L1_FORKS;
export type GasByFork = Readonly<Record<L1Fork, bigint>>;

/** Gas that one transaction may have (EIP-7825). */
export const TRANSACTION_GAS = 2n ** 24n;
/** What a creation may have: the next fork counts the state that it makes beside that cap. */
const CREATION_GAS: GasByFork = { osaka: TRANSACTION_GAS, amsterdam: 300_000_000n };
const BLOCK_GAS = 10n ** 9n;
const FUNDS = 10n ** 24n;
const CHAIN_ID = 31_337;
const ANVILS = Array.from({ length: 10 }, (_, i) => account(i).address);

const UNCHECKED = {
  skipBalance: true,
  skipNonce: true,
  skipBlockGasLimitValidation: true,
  skipHardForkValidation: true,
};

const historyOf = async (client: PublicClient) => {
  const head = await client.getBlockNumber({ cacheTime: 0 });
  const blocks = [];
  for (let blockNumber = 1n; blockNumber <= head; blockNumber++)
    blocks.push(await client.getBlock({ blockNumber, includeTransactions: true }));
  return Promise.all(
    blocks
      .filter(({ transactions }) => transactions.length > 0)
      .map(async (block) => ({
        block,
        receipts: await Promise.all(block.transactions.map(({ hash }) => client.getTransactionReceipt({ hash }))),
      })),
  );
};
type History = Awaited<ReturnType<typeof historyOf>>;
type Sent = History[number]["block"]["transactions"][number];

const startL1 = async (fork: L1Fork) => {
  const chain = { chainId: CHAIN_ID, name: "l1" };
  // A blob transaction asks that there be a KZG library; without its blobs it is never called.
  const customCrypto = { keccak256, kzg: {} as never };
  const common = createCustomCommon(chain, Mainnet, { hardfork: L1_FORKS[fork], customCrypto });
  const vm = await createVM({ common });
  const funded = new Set<string>();
  const fund = async (address: string) => {
    if (funded.has(address.toLowerCase())) return;
    funded.add(address.toLowerCase());
    const at = createAddressFromString(address);
    const { nonce, balance } = (await vm.stateManager.getAccount(at)) ?? new Account();
    await vm.stateManager.putAccount(at, new Account(nonce, balance + FUNDS));
  };
  /** Counts a transaction that is left out. */
  const skip = async (address: string) => {
    const at = createAddressFromString(address);
    const { nonce, balance } = (await vm.stateManager.getAccount(at)) ?? new Account();
    await vm.stateManager.putAccount(at, new Account(nonce + 1n, balance));
  };
  for (const address of ANVILS) await fund(address);
  return { vm, common, fund, skip };
};

/** A transaction as it was sent, but with all the gas that it may have. */
const transactionOf = (sent: Sent, fork: L1Fork, common: Common) => {
  const fields = {
    chainId: BigInt(CHAIN_ID),
    nonce: BigInt(sent.nonce),
    ...(sent.to !== null && { to: sent.to }),
    data: sent.input,
    value: sent.value,
    gasLimit: sent.to === null ? CREATION_GAS[fork] : TRANSACTION_GAS,
    maxFeePerGas: sent.maxFeePerGas ?? sent.gasPrice ?? 0n,
    maxPriorityFeePerGas: 0n,
  };
  const blobs = sent.blobVersionedHashes;
  const tx =
    blobs === undefined
      ? createFeeMarket1559Tx(fields, { common, freeze: false })
      : createBlob4844Tx(
          {
            ...fields,
            to: sent.to as Hex,
            blobVersionedHashes: [...blobs],
            maxFeePerBlobGas: sent.maxFeePerBlobGas ?? 0n,
          },
          { common, freeze: false },
        );
  const sender = createAddressFromString(sent.from);
  // Its sender is known; its signature was for another limit.
  tx.getSenderAddress = () => sender;
  tx.isSigned = () => true;
  return tx;
};

/** Gas of each transaction. Throws where one fails that did not on L1: it does not fit what a transaction may have. */
const replay = async (history: History, fork: L1Fork): Promise<ReadonlyMap<Hex, bigint>> => {
  const { vm, common, fund, skip } = await startL1(fork);
  const gas = new Map<Hex, bigint>();
  for (const { block, receipts } of history) {
    const header = createBlockHeader(
      {
        number: block.number,
        timestamp: block.timestamp,
        gasLimit: BLOCK_GAS,
        baseFeePerGas: block.baseFeePerGas ?? 0n,
        coinbase: block.miner,
        mixHash: block.mixHash,
        difficulty: 0n,
        excessBlobGas: block.excessBlobGas ?? 0n,
      },
      { common, setHardfork: false },
    );
    const on = new Block(header, [], [], [], { common });
    for (const [i, sent] of block.transactions.entries()) {
      await fund(sent.from);
      const receipt = receipts[i];
      // What fails changes nothing else; with more gas than it was sent with it might not fail.
      if (receipt?.status !== "success") {
        await skip(sent.from);
        gas.set(sent.hash, receipt?.gasUsed ?? 0n);
        continue;
      }
      const tx = transactionOf(sent, fork, common);
      const { totalGasSpent, execResult } = await runTx(vm, { ...UNCHECKED, tx, block: on });
      const error = execResult.exceptionError?.error;
      if (error !== undefined) throw new Error(`${sent.hash} under ${fork}: ${error}`);
      if (fork === "osaka" && totalGasSpent !== receipt.gasUsed)
        throw new Error(`${sent.hash}: ${totalGasSpent} gas, on L1 ${receipt.gasUsed}`);
      gas.set(sent.hash, totalGasSpent);
    }
  }
  return gas;
};

/** Runs all of an L1's transactions again, under the gas table of each fork. Answers each one's gas, by its hash. */
export const replayL1 = async (client: PublicClient): Promise<(hash: Hex) => GasByFork> => {
  const history = await historyOf(client);
  const [osaka, amsterdam] = [await replay(history, "osaka"), await replay(history, "amsterdam")];
  return (hash) => {
    const [now, next] = [osaka.get(hash), amsterdam.get(hash)];
    if (now === undefined || next === undefined) throw new Error(`${hash} is not in L1's history`);
    return { osaka: now, amsterdam: next };
  };
};
