/*
 * Transfers and ERC-20 transfers a second.
 *
 * Both sides get the same signed EIP-1559 envelopes: 2,000 a round from 100 senders to 1,000 recipients, 200 a block,
 * on a state of 20,000 further accounts that both have from genesis.
 * - Chain: decodes, recovers senders, executes, computes one state root and writes one synced batch a block to RocksDB
 *   on disk. Signatures are recovered in the measured time.
 * - anvil: receives them over JSON-RPC on loopback in HTTP batches of 50 (eth_sendRawTransaction), then mines
 *   (evm_mine), one block for every 200. It keeps its state in memory.
 * One round warms both up; then three rounds are measured, the sides in turn, and the medians compared.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { Registry } from "prom-client";
import secp256k1 from "secp256k1";
import solc from "solc";
import { encodeFunctionData, erc20Abi, serializeTransaction } from "viem";
import { privateKeyToAddress } from "viem/accounts";
import {
  type Bytes,
  type Chain,
  createChain,
  createGenesis,
  createWorldState,
  DEVNET_PARAMETERS,
  fromHex,
  type GenesisAlloc,
  type Hex,
  keccak256,
  keccakOf,
  openRocksStore,
  toHex,
  uintBE,
  word,
} from "../../executor/index.ts";

const SENDERS = 100;
const RECIPIENTS = 1000;
const PER_ROUND = 2000;
const PER_BLOCK = 200;
const HTTP_BATCH = 50;
const ROUNDS = 3;
const EXTRA_ACCOUNTS = 20_000;
const TOKEN: Hex = "0x00000000000000000000000000000000000e2c20";

const KINDS = [
  { name: "transfers", goal: 1.5, gas: 21_000n },
  { name: "ERC-20", goal: 0.9, gas: 100_000n },
] as const;
type Kind = (typeof KINDS)[number];

const tokenCode = (): Hex => {
  const input = {
    language: "Solidity",
    sources: { "token.sol": { content: readFileSync(new URL("./token.sol", import.meta.url), "utf8") } },
    settings: {
      optimizer: { enabled: true, runs: 200 },
      evmVersion: "cancun",
      outputSelection: { "*": { Token: ["evm.deployedBytecode.object"] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input))) as {
    contracts: Record<string, Record<string, { evm: { deployedBytecode: { object: string } } }>>;
  };
  return `0x${output.contracts["token.sol"]?.["Token"]?.evm.deployedBytecode.object}`;
};

const keys = Array.from({ length: SENDERS }, (_, i) => uintBE(i + 1, 32));
const senders = keys.map((key) => privateKeyToAddress(toHex(key)).toLowerCase() as Hex);
const recipients = Array.from({ length: RECIPIENTS }, (_, i) => toHex(keccak256(uintBE(i, 8)).slice(12)));

const alloc = (): GenesisAlloc => {
  const storage: Record<Hex, Hex> = {};
  for (const sender of senders) {
    const slot = toHex(keccakOf(word(fromHex(sender)), new Uint8Array(32)));
    storage[slot] = toHex(uintBE(10n ** 24n, 32));
  }
  const extra = Array.from(
    { length: EXTRA_ACCOUNTS },
    (_, i) => [toHex(uintBE((1n << 150n) + BigInt(i), 20)), 1n] as const,
  );
  const rich = senders.map((sender) => [sender, 10n ** 24n] as const);
  return {
    ...Object.fromEntries([...extra, ...rich].map(([address, balance]) => [address, { balance }])),
    [TOKEN]: { nonce: 1n, code: tokenCode(), storage },
  };
};

const nonces = new Array<number>(SENDERS).fill(0);
const signNext = (kind: Kind, index: number): Bytes => {
  const sender = index % SENDERS;
  const recipient = recipients[(index * 7) % RECIPIENTS] as Hex;
  const nonce = nonces[sender] as number;
  nonces[sender] = nonce + 1;
  const isToken = kind.name === "ERC-20";
  const transaction = {
    type: "eip1559",
    chainId: Number(DEVNET_PARAMETERS.chainId),
    nonce,
    gas: kind.gas,
    maxFeePerGas: 100n * 10n ** 9n,
    maxPriorityFeePerGas: 10n ** 9n,
    to: isToken ? TOKEN : recipient,
    value: isToken ? 0n : 1n,
    data: isToken ? encodeFunctionData({ abi: erc20Abi, functionName: "transfer", args: [recipient, 1n] }) : "0x",
  } as const;
  const digest = keccak256(fromHex(serializeTransaction(transaction)));
  const { signature, recid } = secp256k1.ecdsaSign(digest, keys[sender] as Bytes);
  return fromHex(
    serializeTransaction(transaction, {
      r: toHex(signature.slice(0, 32)),
      s: toHex(signature.slice(32)),
      yParity: recid,
    }),
  );
};

const inGroups = <T>(items: readonly T[], size: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));

/** Milliseconds for all envelopes. */
type Side = { run(envelopes: readonly Bytes[]): Promise<number>; stop(): Promise<void> };

const runOnChain = async (chain: Chain, envelopes: readonly Bytes[]): Promise<number> => {
  const started = performance.now();
  for (const group of inGroups(envelopes, PER_BLOCK)) {
    const timestamp = chain.head.header.timestamp + 1n;
    const builder = await chain.begin({ timestamp, origin: { number: 0n, timestamp } });
    for (const bytes of group) {
      const result = await builder.add({ bytes });
      if (!result.included) throw new Error(`${result.code}: ${result.message}`);
      if (result.receipt.status !== 1) throw new Error("a transaction failed");
    }
    await builder.seal();
  }
  return performance.now() - started;
};

const ourSide = async (directory: string, accounts: GenesisAlloc): Promise<Side> => {
  const store = await openRocksStore(join(directory, "chain"));
  const world = createWorldState(store);
  const models = {
    run: () => Promise.reject(new Error("no models here")),
    admit: () => Promise.reject(new Error("no models here")),
    putChunks: () => Promise.reject(new Error("no models here")),
    stop: async () => {},
  };
  const telemetry = { logger: pino({ level: "silent" }), registry: new Registry() };
  const genesis = createGenesis(DEVNET_PARAMETERS, accounts);
  const chain = await createChain({ store, world, models, ...telemetry }, { genesis });
  return {
    run: (envelopes) => runOnChain(chain, envelopes),
    async stop() {
      await chain.stop();
      await store.close();
    },
  };
};

const startAnvil = async (directory: string, accounts: GenesisAlloc): Promise<Side> => {
  const quantity = (value: bigint) => `0x${value.toString(16)}`;
  const genesis = {
    config: { chainId: Number(DEVNET_PARAMETERS.chainId) },
    gasLimit: quantity(DEVNET_PARAMETERS.blockGasLimit),
    difficulty: "0x0",
    baseFeePerGas: quantity(DEVNET_PARAMETERS.initialBaseFee),
    alloc: Object.fromEntries(
      Object.entries(accounts).map(([address, { balance = 0n, nonce = 0n, code, storage }]) => [
        address,
        { balance: quantity(balance), nonce: quantity(nonce), ...(code && { code }), ...(storage && { storage }) },
      ]),
    ),
  };
  const file = join(directory, "genesis.json");
  writeFileSync(file, JSON.stringify(genesis));
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const binary = createRequire(import.meta.url).resolve(
    `@foundry-rs/anvil-${process.platform}-${architecture}/bin/anvil`,
  );
  const child = spawn(binary, [
    ...["--host", "127.0.0.1", "--port", "0", "--hardfork", "cancun", "--init", file],
    ...["--chain-id", String(DEVNET_PARAMETERS.chainId), "--gas-limit", String(DEVNET_PARAMETERS.blockGasLimit)],
    ...["--no-mining", "--order", "fifo", "--accounts", "1"],
  ]);
  const url = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.on("exit", (code) => reject(new Error(`anvil ended with ${code}: ${text}`)));
    child.stdout.on("data", (data) => {
      text += data;
      const found = /Listening on ([\d.:]+)/.exec(text);
      if (found !== null) resolve(`http://${found[1]}`);
    });
  });
  const rpc = async (calls: readonly { method: string; params: readonly unknown[] }[]): Promise<unknown[]> => {
    const body = JSON.stringify(calls.map((call, id) => ({ jsonrpc: "2.0", id, ...call })));
    const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
    const answers = (await response.json()) as { result?: unknown; error?: { message: string } }[];
    return answers.map(({ result, error }) => {
      if (error !== undefined) throw new Error(error.message);
      return result;
    });
  };
  return {
    async run(envelopes) {
      const calls = envelopes.map((bytes) => ({ method: "eth_sendRawTransaction", params: [toHex(bytes)] }));
      const started = performance.now();
      for (const group of inGroups(calls, PER_BLOCK)) {
        for (const batch of inGroups(group, HTTP_BATCH)) await rpc(batch);
        await rpc([{ method: "evm_mine", params: [] }]);
      }
      const elapsed = performance.now() - started;
      const [block] = (await rpc([{ method: "eth_getBlockByNumber", params: ["latest", false] }])) as {
        transactions: unknown[];
      }[];
      if (block?.transactions.length !== PER_BLOCK) throw new Error("anvil left transactions out of its block");
      return elapsed;
    },
    async stop() {
      child.removeAllListeners("exit");
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill();
      await ended;
    },
  };
};

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** Runs both sides in one process tree and prints them beside each other. */
export const benchTransactions = async (print: (line: string) => void): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), "assay-bench-"));
  const accounts = alloc();
  const ours = await ourSide(directory, accounts);
  try {
    const anvil = await startAnvil(directory, accounts);
    try {
      print(
        `  ${PER_ROUND} transactions a round, ${PER_BLOCK} a block, ${EXTRA_ACCOUNTS} further accounts, median of ${ROUNDS}`,
      );
      const rounds = new Map(
        KINDS.map(({ name }) => [name as string, { ours: [] as number[], anvil: [] as number[] }]),
      );
      for (let round = 0; round <= ROUNDS; round++)
        for (const kind of KINDS) {
          const envelopes = Array.from({ length: PER_ROUND }, (_, i) => signNext(kind, round * PER_ROUND + i));
          const mine = await ours.run(envelopes);
          const theirs = await anvil.run(envelopes);
          if (round === 0) continue;
          rounds.get(kind.name)?.ours.push((PER_ROUND / mine) * 1000);
          rounds.get(kind.name)?.anvil.push((PER_ROUND / theirs) * 1000);
        }
      for (const { name, goal } of KINDS) {
        const figures = rounds.get(name) ?? { ours: [], anvil: [] };
        const [mine, theirs] = [median(figures.ours), median(figures.anvil)];
        const ratio = mine / theirs;
        print(
          `  ${name.padEnd(10)} chain ${mine.toFixed(0).padStart(6)} tx/s   anvil ${theirs.toFixed(0).padStart(6)} tx/s   ` +
            `ratio ${ratio.toFixed(2)}   goal >= ${goal}: ${ratio >= goal ? "met" : "NOT MET"}`,
        );
      }
    } finally {
      await anvil.stop();
    }
  } finally {
    await ours.stop();
    rmSync(directory, { recursive: true, force: true });
  }
};
