import { keccak256, parseGwei } from "viem";
import { type ClaimParameters, deployBridge, type L1Call, partnersOf } from "../../bridge/index.ts";
import {
  type ChainParameters,
  createGenesis,
  type Genesis,
  type GenesisAlloc,
  type Hex,
} from "../../executor/index.ts";
import { account, startAnvil } from "./anvil.ts";
import type { Ends } from "./peers.ts";
import { settlement } from "./settlement.ts";

export type SteppedL1Options = {
  readonly chain: ChainParameters;
  readonly claims: ClaimParameters;
  readonly alloc: GenesisAlloc;
  /** Account that may append to the inbox. */
  readonly sequencer: number;
  /** Seconds. */
  readonly forceDelay: bigint;
};

/** Seconds from a block to the next. */
export const BLOCK_TIME = 2n;
const START = 1_800_000_000;
const ACCOUNTS = 48;
const ETHER_EACH = 1_000_000;
const BLOCK_GAS = 100_000_000;
const GAS = 3_000_000n;
const FEES = { maxFeePerGas: parseGwei("1000"), maxPriorityFeePerGas: parseGwei("1") } as const;

const lower = (hex: Hex): Hex => hex.toLowerCase() as Hex;

/**
 * An L1 that makes a block when it is told to, of what it was sent, in that order. Its blocks have the same times in every
 * run, so that the same calls make the same chain.
 */
export const startSteppedL1 = async (t: Ends, options: SteppedL1Options) => {
  const { chain, claims, alloc, forceDelay } = options;
  const sizes = ["--gas-limit", `${BLOCK_GAS}`, "--accounts", `${ACCOUNTS}`, "--balance", `${ETHER_EACH}`];
  const anvil = await startAnvil(t, "--order", "fifo", "--timestamp", `${START}`, ...sizes);
  const { client, control } = anvil;
  await control.setBlockTimestampInterval({ interval: Number(BLOCK_TIME) });
  const chainId = await client.getChainId();
  let genesis: Genesis | undefined;
  const deployment = await deployBridge(
    { wallet: anvil.wallet(0), reader: client },
    {
      forceDelay,
      genesisOf: (contracts) => {
        genesis = createGenesis(chain, alloc, partnersOf(contracts));
        return genesis;
      },
      ...settlement({ guardian: account(0).address, sequencer: account(options.sequencer).address }),
      claims,
    },
  );
  await anvil.manual();
  /** Signed transactions by their hashes: a reorg may bring them again. */
  const raws = new Map<Hex, Hex>();
  const note = (raw: Hex): void => void raws.set(keccak256(raw), raw);

  return {
    anvil,
    client,
    deployment,
    genesis: genesis as Genesis,
    /** Takes note of what somebody else sends. */
    note,
    addressOf: (index: number): Hex => lower(account(index).address),
    /** Sends, without waiting for a block. Whether L1 reverts it is its sender's affair. */
    async send(from: number, { to, data, value = 0n, gas = GAS }: L1Call & { readonly gas?: bigint }): Promise<Hex> {
      const nonce = await client.getTransactionCount({ address: account(from).address, blockTag: "pending" });
      const raw = await account(from).signTransaction({
        type: "eip1559",
        chainId,
        nonce,
        to,
        data,
        value,
        gas,
        ...FEES,
      });
      note(raw);
      return client.request({ method: "eth_sendRawTransaction", params: [raw] });
    },
    mine: (blocks: number) => anvil.mine(blocks),
    /** What these have sent does not come into a block: nobody has it any more. */
    async censor(isCensored: (from: Hex) => boolean): Promise<void> {
      for (const { hash, from } of await anvil.mempool())
        if (isCensored(lower(from))) await control.dropTransaction({ hash });
    },
    /** Other blocks take the place of the newest ones; they hold what `isKept` says, as far as the nonces allow. */
    async reorg(depth: number, isKept: (from: Hex) => boolean): Promise<void> {
      const head = await client.getBlockNumber({ cacheTime: 0 });
      const dropped = new Set<Hex>();
      const kept: [Hex, number][] = [];
      for (let offset = 0; offset < depth; offset++) {
        const blockNumber = head - BigInt(depth - 1 - offset);
        const { transactions } = await client.getBlock({ blockNumber, includeTransactions: true });
        for (const { from, hash } of transactions) {
          const raw = raws.get(hash);
          if (raw === undefined || dropped.has(lower(from)) || !isKept(lower(from))) dropped.add(lower(from));
          else kept.push([raw, offset]);
        }
      }
      await anvil.reorg(depth, kept);
    },
  };
};
export type SteppedL1 = Awaited<ReturnType<typeof startSteppedL1>>;
