import type { TypedTransaction } from "@ethereumjs/tx";
import { bytesToHex } from "@ethereumjs/util";
import type { Hex } from "../../../executor/index.ts";
import { type Asked, hashOf, type Included, type Machine, NodeError, type Sealed, TIP } from "./machine.ts";

/** The node's JSON-RPC: Ethereum's, and of anvil's what the tests and the devnet ask for. */

const quantity = (value: bigint | number): Hex => `0x${value.toString(16)}`;

type Method = (...params: never[]) => unknown;
type Tag = "latest" | "pending" | "safe" | "finalized" | "earliest";
type Block = Hex | Tag | { readonly blockHash?: Hex; readonly blockNumber?: Hex | Tag } | undefined;

const logsOf = ({ block, index, tx, result, firstLog }: Included) =>
  result.receipt.logs.map(([address, topics, data], i) => ({
    address: bytesToHex(address),
    topics: topics.map((topic) => bytesToHex(topic)),
    data: bytesToHex(data),
    blockHash: hashOf(block.hash()),
    blockNumber: quantity(block.header.number),
    transactionHash: hashOf(tx.hash()),
    transactionIndex: quantity(index),
    logIndex: quantity(firstLog + i),
    removed: false,
  }));

const priceOf = (tx: TypedTransaction, baseFee: bigint): bigint => {
  const {
    maxFeePerGas,
    maxPriorityFeePerGas = 0n,
    gasPrice,
  } = tx as {
    readonly maxFeePerGas?: bigint;
    readonly maxPriorityFeePerGas?: bigint;
    readonly gasPrice?: bigint;
  };
  if (maxFeePerGas === undefined) return gasPrice ?? 0n;
  const offered = baseFee + maxPriorityFeePerGas;
  return offered < maxFeePerGas ? offered : maxFeePerGas;
};

const transactionOf = (tx: TypedTransaction, place?: Included) => ({
  ...tx.toJSON(),
  hash: hashOf(tx.hash()),
  from: tx.getSenderAddress().toString(),
  to: tx.to?.toString() ?? null,
  input: bytesToHex(tx.data),
  gas: quantity(tx.gasLimit),
  nonce: quantity(tx.nonce),
  value: quantity(tx.value),
  type: quantity(tx.type),
  gasPrice: quantity(priceOf(tx, place?.block.header.baseFeePerGas ?? 0n)),
  blockHash: place === undefined ? null : hashOf(place.block.hash()),
  blockNumber: place === undefined ? null : quantity(place.block.header.number),
  transactionIndex: place === undefined ? null : quantity(place.index),
});

const receiptOf = (place: Included) => {
  const { block, index, tx, result } = place;
  return {
    transactionHash: hashOf(tx.hash()),
    transactionIndex: quantity(index),
    blockHash: hashOf(block.hash()),
    blockNumber: quantity(block.header.number),
    from: tx.getSenderAddress().toString(),
    to: tx.to?.toString() ?? null,
    cumulativeGasUsed: quantity(result.receipt.cumulativeBlockGasUsed),
    gasUsed: quantity(result.totalGasSpent),
    effectiveGasPrice: quantity(priceOf(tx, block.header.baseFeePerGas ?? 0n)),
    contractAddress: result.createdAddress?.toString() ?? null,
    logs: logsOf(place),
    logsBloom: bytesToHex(result.receipt.bitvector),
    status: quantity(result.execResult.exceptionError === undefined ? 1 : 0),
    type: quantity(tx.type),
    ...(result.blobGasUsed === undefined ? {} : { blobGasUsed: quantity(result.blobGasUsed) }),
  };
};

const blockOf = ({ block, included }: Sealed, isFull: boolean) => ({
  ...block.header.toJSON(),
  hash: hashOf(block.hash()),
  sha3Uncles: bytesToHex(block.header.uncleHash),
  miner: block.header.coinbase.toString(),
  transactionsRoot: bytesToHex(block.header.transactionsTrie),
  receiptsRoot: bytesToHex(block.header.receiptTrie),
  totalDifficulty: "0x0",
  size: "0x0",
  uncles: [],
  withdrawals: [],
  transactions: included.map((place) => (isFull ? transactionOf(place.tx, place) : hashOf(place.tx.hash()))),
});

type Filter = {
  readonly fromBlock?: Hex;
  readonly toBlock?: Hex;
  readonly blockHash?: Hex;
  readonly address?: Hex | readonly Hex[];
  readonly topics?: readonly (Hex | readonly Hex[] | null)[];
};
const isIn = (wanted: Hex | readonly Hex[] | null | undefined, value: string | undefined): boolean =>
  wanted === undefined ||
  wanted === null ||
  (Array.isArray(wanted) ? wanted : [wanted]).some((one: string) => one.toLowerCase() === value?.toLowerCase());

/** `lock`: what keeps the machine to one thing at a time; each method is called inside it. */
export const createMethods = (
  machine: Machine,
  chainId: number,
  lock: (work: () => Promise<void>) => Promise<void>,
) => {
  let ticking: NodeJS.Timeout | undefined;
  let isAutomatic = true;
  let interval: bigint | undefined;

  const find = (at: Block): Sealed | undefined => {
    const { sealed, byHash, head } = machine;
    if (typeof at === "object" && at.blockHash !== undefined) return byHash.get(at.blockHash);
    const tag = typeof at === "object" ? at.blockNumber : at;
    const last = sealed.length - 1;
    const back = (depth: number) => sealed[Math.max(0, last - depth)];
    switch (tag) {
      case undefined:
      case "latest":
      case "pending":
        return head;
      case "safe":
        return back(32);
      case "finalized":
        return back(64);
      case "earliest":
        return sealed[0];
      default:
        return sealed[Number(tag)];
    }
  };
  const require = (at: Block): Sealed => {
    const found = find(at);
    if (found === undefined) throw new NodeError(-32_000, "header not found");
    return found;
  };
  const mine = async (blocks: number, every?: bigint): Promise<void> => {
    for (let i = 0; i < blocks; i++) await machine.mine(every ?? interval);
  };

  const methods: Readonly<Record<string, Method>> = {
    eth_chainId: () => quantity(chainId),
    net_version: () => String(chainId),
    web3_clientVersion: () => "vm-l1",
    eth_blockNumber: () => quantity(machine.head.block.header.number),
    eth_getBlockByNumber: (at: Block, isFull: boolean) => {
      const found = find(at);
      return found === undefined ? null : blockOf(found, isFull);
    },
    eth_getBlockByHash: (hash: Hex, isFull: boolean) => {
      const found = machine.byHash.get(hash);
      return found === undefined ? null : blockOf(found, isFull);
    },
    eth_getBalance: (address: Hex, at: Block) =>
      machine.on(require(at), async () => quantity((await machine.accountOf(address)).balance)),
    eth_getTransactionCount: (address: Hex, at: Block) => {
      const waiting =
        at === "pending" ? machine.pool.filter((tx) => tx.getSenderAddress().toString() === address.toLowerCase()) : [];
      return machine.on(require(at), async () =>
        quantity(
          waiting.reduce(
            (most, { nonce }) => (nonce + 1n > most ? nonce + 1n : most),
            (await machine.accountOf(address)).nonce,
          ),
        ),
      );
    },
    eth_getCode: (address: Hex, at: Block) => machine.on(require(at), () => machine.codeOf(address)),
    eth_getStorageAt: (address: Hex, slot: Hex, at: Block) =>
      machine.on(require(at), () => machine.storageAt(address, slot)),
    eth_call: (asked: Asked, at: Block) => machine.call(asked, require(at)),
    eth_estimateGas: async (asked: Asked, at: Block) => quantity(await machine.estimate(asked, require(at))),
    eth_gasPrice: () => quantity((machine.head.block.header.baseFeePerGas ?? 0n) + TIP),
    eth_maxPriorityFeePerGas: () => quantity(TIP),
    eth_blobBaseFee: () => "0x1",
    eth_sendRawTransaction: async (raw: Hex) => {
      const hash = await machine.submit(raw);
      if (isAutomatic) await mine(1);
      return hash;
    },
    eth_getTransactionByHash: (hash: Hex) => {
      const place = machine.txs.get(hash);
      if (place !== undefined) return transactionOf(place.tx, place);
      const waiting = machine.pool.find((tx) => hashOf(tx.hash()) === hash);
      return waiting === undefined ? null : transactionOf(waiting);
    },
    eth_getTransactionReceipt: (hash: Hex) => {
      const place = machine.txs.get(hash);
      return place === undefined ? null : receiptOf(place);
    },
    eth_getLogs: ({ fromBlock, toBlock, blockHash, address, topics = [] }: Filter) => {
      const number = (at: Block) => Number(require(at).block.header.number);
      const blocks =
        blockHash === undefined
          ? machine.sealed.slice(number(fromBlock), number(toBlock) + 1)
          : [require({ blockHash })];
      return blocks
        .flatMap(({ included }) => included.flatMap(logsOf))
        .filter((log) => isIn(address, log.address) && topics.every((topic, i) => isIn(topic, log.topics[i])));
    },
    anvil_mine: (blocks: Hex = "0x1", every?: Hex) =>
      mine(Number(blocks), every === undefined ? undefined : BigInt(every)),
    evm_mine: () => mine(1),
    evm_setAutomine: (on: boolean) => {
      isAutomatic = on;
    },
    evm_setIntervalMining: (seconds: number) => {
      clearInterval(ticking);
      if (seconds > 0) ticking = setInterval(() => void lock(() => mine(1)), 1_000 * seconds);
    },
    evm_increaseTime: (seconds: Hex) => machine.advance(BigInt(seconds)),
    anvil_setBlockTimestampInterval: (seconds: number) => {
      interval = BigInt(seconds);
    },
    anvil_setBalance: (address: Hex, balance: Hex) => machine.setBalance(address, BigInt(balance)),
    anvil_setCode: (address: Hex, code: Hex) => machine.setCode(address, code),
    anvil_dropAllTransactions: () => machine.dropPool(),
  };
  return methods;
};
