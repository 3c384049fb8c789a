import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createRequire } from "node:module";
import type { Readable } from "node:stream";
import type { TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import {
  createPublicClient,
  createTestClient,
  createWalletClient,
  type Hex,
  http,
  type PublicClient,
  publicActions,
  TransactionReceiptNotFoundError,
  walletActions,
} from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { anvil as anvilChain } from "viem/chains";

const require = createRequire(import.meta.url);
/** The program itself, not npm's wrapper, so that a signal reaches it. */
const binary = (): string =>
  require.resolve(`@foundry-rs/anvil-${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}/bin/anvil`);

const RECEIPT_POLL_MS = 10;
/** L1's rules today: the contracts ask for its precompiles. */
const L1_FORK = "osaka";

/** Anvil's own accounts, each with 10,000 ether. */
export const account = (index: number) =>
  mnemonicToAccount("test test test test test test test test test test test junk", { addressIndex: index });

/** What it writes after its address is read and thrown away: it tells of every call. */
const listening = (child: ChildProcessByStdio<null, Readable, Readable>): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = "";
    const hear = (data: Buffer): void => {
      text += data;
      const found = /Listening on ([\d.:]+)/.exec(text);
      if (found === null) return;
      for (const stream of [child.stdout, child.stderr]) stream.off("data", hear).resume();
      resolve(`http://${found[1]}`);
    };
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`anvil ended with ${code}: ${text}`)));
    for (const stream of [child.stdout, child.stderr]) stream.on("data", hear);
  });

/** An L1 of its own for one test; ended with it. It mines when a transaction arrives, until `manual` is called. */
export const startAnvil = async (t: Pick<TestContext, "after">, ...options: readonly string[]) => {
  const fork = options.includes("--hardfork") ? [] : ["--hardfork", L1_FORK];
  const child = spawn(binary(), ["--host", "127.0.0.1", "--port", "0", ...fork, ...options], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => child.kill());
  const url = await listening(child);
  // Its first blob makes it load a trusted setup, which takes a busy machine long.
  const transport = http(url, { timeout: 60_000 });
  const settings = { chain: anvilChain, transport, pollingInterval: 20, cacheTime: 0 } as const;
  const client = createPublicClient(settings).extend((reader) => ({
    /** Asks until there is one: viem's own waits for a next block, which an L1 that mines on demand may never make. */
    async waitForTransactionReceipt({ hash }: { readonly hash: Hex }) {
      for (;;) {
        const receipt = await reader.getTransactionReceipt({ hash }).catch((error: unknown) => {
          if (error instanceof TransactionReceiptNotFoundError) return undefined;
          throw error;
        });
        if (receipt !== undefined) return receipt;
        await setTimeout(RECEIPT_POLL_MS);
      }
    },
  })) as PublicClient;
  const control = createTestClient({ ...settings, mode: "anvil" })
    .extend(publicActions)
    .extend(walletActions);
  return {
    url,
    client,
    wallet: (index: number) => createWalletClient({ ...settings, account: account(index) }),
    /** From now on a block is mined by `mine` alone. */
    manual: () => control.setAutomine(false),
    automatic: () => control.setAutomine(true),
    mine: (blocks = 1) => control.mine({ blocks }),
    /** Mines one block `seconds` later. */
    warp: async (seconds: number) => {
      await control.increaseTime({ seconds });
      await control.mine({ blocks: 1 });
    },
    /** Replaces the newest blocks by as many others, empty ones unless they get transactions. */
    reorg: (depth: number, transactions: readonly (readonly [Hex, number])[] = []) =>
      control.request({ method: "anvil_reorg" as never, params: [depth, transactions] as never }),
    /** Transactions that wait, and could be mined. */
    async mempool() {
      const { pending } = (await control.request({ method: "txpool_content" as never })) as {
        pending: Record<
          string,
          Record<string, { readonly hash: Hex; readonly from: Hex; readonly maxFeePerGas?: Hex }>
        >;
      };
      return Object.values(pending)
        .flatMap((byNonce) => Object.values(byNonce))
        .map(({ hash, from, maxFeePerGas = "0x0" }) => ({ hash, from, maxFeePerGas: BigInt(maxFeePerGas) }));
    },
    dropMempool: () => control.request({ method: "anvil_dropAllTransactions" as never }),
    snapshot: () => control.snapshot(),
    revert: (id: Hex) => control.revert({ id }),
    control,
  };
};
export type Anvil = Awaited<ReturnType<typeof startAnvil>>;
