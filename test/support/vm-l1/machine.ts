import { createHash } from "node:crypto";
import { type Block, createBlock, createBlockHeader } from "@ethereumjs/block";
import { createCustomCommon, Mainnet } from "@ethereumjs/common";
import { RLP } from "@ethereumjs/rlp";
import { createBlob4844Tx, createFeeMarket1559Tx, createTxFromRLP, type TypedTransaction } from "@ethereumjs/tx";
import { Account, type Address, bytesToHex, createAddressFromString, hexToBytes } from "@ethereumjs/util";
import { buildBlock, createVM, type RunTxResult, runTx } from "@ethereumjs/vm";
import { type Hex, keccak256 } from "../../../executor/index.ts";
import { L1_FORKS, type L1Fork } from "../l1-replay.ts";

/** What an L1 is made of: state and blocks of @ethereumjs/vm, one thing at a time. */

/** Gas that one transaction may have (EIP-7825), and a block. */
const TRANSACTION_GAS = 2n ** 24n;
export const BLOCK_GAS = 200_000_000n;
export const TIP = 1_000_000_000n;
/** Contracts that a block calls at its end; here they have nothing to say. */
const ASKED = ["0x00000961ef480eb55e80d19ad83579a64c007002", "0x0000bbddc7ce488642fb579f8b00f3a590007251"] as const;
const SILENT = hexToBytes("0x5f5ff3");

/** An error as a node of L1 answers it. */
export class NodeError extends Error {
  readonly code: number;
  readonly data: Hex | undefined;
  constructor(code: number, message: string, data?: Hex) {
    super(message);
    this.code = code;
    this.data = data;
  }
}
const refuse = (message: string): never => {
  throw new NodeError(-32_000, message);
};

export type Included = {
  readonly block: Block;
  readonly index: number;
  readonly tx: TypedTransaction;
  readonly result: RunTxResult;
  /** Index in the block of its first log. */
  readonly firstLog: number;
};
export type Sealed = { readonly block: Block; readonly root: Uint8Array; readonly included: readonly Included[] };

const BLOB_TYPE = 3;
/** As EIP-4844 names a blob. */
const versionedHash = (commitment: Uint8Array): Hex =>
  `0x01${createHash("sha256").update(commitment).digest("hex").slice(2)}`;

/** A transaction with its blobs beside it, as it travels, taken apart. What is said of the blobs is believed. */
const unwrap = (bytes: Uint8Array): { readonly tx: Uint8Array; readonly blobs: ReadonlyMap<Hex, Hex> } => {
  const fields = bytes[0] === BLOB_TYPE ? (RLP.decode(bytes.subarray(1)) as (Uint8Array | Uint8Array[])[]) : [];
  const [payload] = fields;
  if (!Array.isArray(payload)) return { tx: bytes, blobs: new Map() };
  const [blobs, commitments] = fields.slice(1).filter((field) => Array.isArray(field)) as [Uint8Array[], Uint8Array[]];
  return {
    tx: Uint8Array.of(BLOB_TYPE, ...RLP.encode(payload)),
    blobs: new Map(commitments.map((commitment, i) => [versionedHash(commitment), bytesToHex(blobs[i] as Uint8Array)])),
  };
};

/** A call that is tried out. */
export type Asked = {
  readonly from?: Hex;
  readonly to?: Hex | null;
  readonly data?: Hex;
  readonly input?: Hex;
  readonly value?: Hex;
  readonly gas?: Hex;
  readonly blobVersionedHashes?: readonly Hex[];
};

const TAKEN = { skipHardForkValidation: true, allowNoBlobs: true } as const;
const ZERO: Hex = `0x${"00".repeat(20)}`;
export const hashOf = (bytes: Uint8Array): Hex => bytesToHex(bytes);
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

type Analyses = { _getValidJumpDestinations(code: Uint8Array): unknown };

/** The library looks for a code's jump destinations at each call of it. Here once. */
const analyseOnce = async (vm: { readonly evm: { runCode?: (given: { code: Uint8Array }) => Promise<unknown> } }) => {
  const ran = (await vm.evm.runCode?.({ code: Uint8Array.of(0x5f) })) as { runState: { interpreter: Analyses } };
  const prototype = Object.getPrototypeOf(ran.runState.interpreter) as Analyses;
  const analyse = prototype._getValidJumpDestinations;
  const known = new Map<Hex, unknown>();
  prototype._getValidJumpDestinations = function (code) {
    const key = bytesToHex(keccak256(code));
    if (!known.has(key)) known.set(key, analyse.call(this, code));
    return known.get(key);
  };
};

export const createMachine = async (fork: L1Fork, chainId: number) => {
  const customCrypto = { keccak256, kzg: {} as never };
  const chain = { chainId, name: "l1" };
  const common = createCustomCommon(chain, Mainnet, { hardfork: L1_FORKS[fork], customCrypto });
  const vm = await createVM({ common });
  await analyseOnce(vm);
  const state = vm.stateManager;
  const blockOpts = { common, setHardfork: false, skipConsensusFormatValidation: true } as const;
  const sealed: Sealed[] = [];
  const txs = new Map<Hex, Included>();
  const byHash = new Map<Hex, Sealed>();
  /** Transactions that wait. */
  let pool: TypedTransaction[] = [];
  /** By versioned hash. */
  const blobs = new Map<Hex, Hex>();
  let shift = 0n;

  const accountOf = async (address: Address): Promise<Account> => (await state.getAccount(address)) ?? new Account();
  const head = (): Sealed => sealed.at(-1) as Sealed;

  /** Work that leaves the state as it was, on that after a block. */
  const on = async <T>({ root }: Sealed, work: () => Promise<T>): Promise<T> => {
    const isOld = root !== head().root;
    if (isOld) await state.setStateRoot(root);
    await vm.evm.journal.checkpoint();
    try {
      return await work();
    } finally {
      await vm.evm.journal.revert();
      await vm.evm.journal.cleanup();
      if (isOld) await state.setStateRoot(head().root);
    }
  };

  /** Changes the state beside any transaction: from the next block on it is so. */
  const change = async (address: Hex, work: (at: Address, account: Account) => Promise<void>): Promise<void> => {
    const at = createAddressFromString(address);
    await work(at, await accountOf(at));
    const last = head();
    const root = await state.getStateRoot();
    const now = { ...last, root };
    sealed[sealed.length - 1] = now;
    byHash.set(hashOf(last.block.hash()), now);
  };

  /** A block on top of another, in which calls are tried out. */
  const next = ({ block }: Sealed) =>
    createBlock(
      {
        header: {
          number: block.header.number + 1n,
          timestamp: block.header.timestamp + 1n,
          gasLimit: BLOCK_GAS,
          baseFeePerGas: block.header.baseFeePerGas ?? 0n,
          excessBlobGas: 0n,
        },
      },
      blockOpts,
    );

  const unsigned = (asked: Asked, gasLimit: bigint, block: Block): TypedTransaction => {
    const fields = {
      chainId: BigInt(chainId),
      data: asked.data ?? asked.input ?? "0x",
      value: asked.value ?? "0x0",
      gasLimit,
      maxFeePerGas: block.header.baseFeePerGas ?? 0n,
      maxPriorityFeePerGas: 0n,
    } as const;
    const hashes = asked.blobVersionedHashes ?? [];
    const options = { common, freeze: false };
    const tx =
      hashes.length > 0
        ? createBlob4844Tx(
            { ...fields, to: asked.to ?? ZERO, blobVersionedHashes: [...hashes], maxFeePerBlobGas: 1n },
            options,
          )
        : createFeeMarket1559Tx({ ...fields, ...(asked.to == null ? {} : { to: asked.to }) }, options);
    const sender = createAddressFromString(asked.from ?? ZERO);
    tx.getSenderAddress = () => sender;
    tx.isSigned = () => true;
    return tx;
  };

  const reverted = (data: Uint8Array): never => {
    throw new NodeError(3, "execution reverted", bytesToHex(data));
  };

  /** As geth does it: more gas than was used, a few times, until it is enough. */
  const estimate = (asked: Asked, at: Sealed): Promise<bigint> =>
    on(at, async () => {
      const sender = await accountOf(createAddressFromString(asked.from ?? ZERO));
      if (sender.balance < BigInt(asked.value ?? 0)) refuse("insufficient funds for transfer");
      const block = next(at);
      const attempt = async (gasLimit: bigint): Promise<RunTxResult | undefined> => {
        await vm.evm.journal.checkpoint();
        try {
          const tx = unsigned(asked, gasLimit, block);
          const skip = { skipBalance: true, skipNonce: true, skipBlockGasLimitValidation: true };
          return await runTx(vm, { ...skip, skipHardForkValidation: true, tx, block });
        } catch (error) {
          if (/INTRINSIC_GAS|minimum gas limit|lower than/i.test(String(error))) return undefined;
          throw error;
        } finally {
          await vm.evm.journal.revert();
        }
      };
      // The next fork counts the state that is made beside the cap.
      const cap = fork === "osaka" ? TRANSACTION_GAS : BLOCK_GAS;
      const all = await attempt(cap);
      const failure = all?.execResult.exceptionError?.error;
      if (failure === "revert") reverted(all?.execResult.returnValue ?? new Uint8Array());
      if (all === undefined || failure !== undefined) return refuse(`gas required exceeds allowance (${cap})`);
      const isEnough = async (gas: bigint) => {
        const result = await attempt(gas);
        return result !== undefined && result.execResult.exceptionError === undefined;
      };
      let low = all.totalGasSpent - 1n;
      let high = cap;
      const guess = least(cap, ((all.totalGasSpent + all.gasRefund + 2_300n) * 64n) / 63n);
      if (await isEnough(guess)) high = guess;
      else low = guess;
      while ((high - low) * 1_000n > high * 15n) {
        const middle = least((low + high) / 2n, low * 2n);
        if (await isEnough(middle)) high = middle;
        else low = middle;
      }
      return high;
    });

  const call = (asked: Asked, at: Sealed): Promise<Hex> =>
    on(at, async () => {
      const caller = createAddressFromString(asked.from ?? ZERO);
      const { execResult } = await vm.evm.runCall({
        caller,
        origin: caller,
        ...(asked.to == null ? {} : { to: createAddressFromString(asked.to) }),
        data: hexToBytes(asked.data ?? asked.input ?? "0x"),
        value: BigInt(asked.value ?? 0),
        gasLimit: BigInt(asked.gas ?? BLOCK_GAS),
        skipBalance: true,
        block: next(at) as never,
        blobVersionedHashes: [...(asked.blobVersionedHashes ?? [])],
      });
      const error = execResult.exceptionError?.error;
      if (error === "revert") reverted(execResult.returnValue);
      if (error !== undefined) refuse(error);
      return bytesToHex(execResult.returnValue);
    });

  /** Takes a signed transaction, or refuses it in geth's words. */
  const submit = async (raw: Hex): Promise<Hex> => {
    const { tx: bytes, blobs: beside } = unwrap(hexToBytes(raw));
    if (bytes.length > 131_072) refuse("oversized data: transaction size exceeds limit 131072");
    const tx = createTxFromRLP(bytes, { common });
    const hash = bytesToHex(tx.hash());
    if (txs.has(hash) || pool.some((one) => bytesToHex(one.hash()) === hash)) refuse("already known");
    const sender = tx.getSenderAddress();
    const { nonce, balance } = await accountOf(sender);
    const price = tx as { readonly maxFeePerGas?: bigint; readonly gasPrice?: bigint };
    const fee = price.maxFeePerGas ?? price.gasPrice ?? 0n;
    if (tx.nonce < nonce) refuse(`nonce too low: next nonce ${nonce}, tx nonce ${tx.nonce}`);
    if (fork === "osaka" && tx.gasLimit > TRANSACTION_GAS)
      refuse(`transaction gas limit too high (cap: ${TRANSACTION_GAS}, tx: ${tx.gasLimit})`);
    if (balance < tx.value + tx.gasLimit * fee) refuse("insufficient funds for gas * price + value");
    const before = pool.find((one) => one.nonce === tx.nonce && one.getSenderAddress().equals(sender));
    if (before !== undefined) {
      const { maxFeePerGas = 0n } = before as { readonly maxFeePerGas?: bigint };
      if (fee * 10n < maxFeePerGas * 11n) refuse("replacement transaction underpriced");
      pool = pool.filter((one) => one !== before);
    }
    // Whether its limit covers what is taken whatever it does.
    await on(head(), async () => {
      try {
        const block = next(head());
        await runTx(vm, { tx, block, skipNonce: true, skipBalance: true, skipHardForkValidation: true });
      } catch (error) {
        const found = /tx gas limit (\d+) .*minimum gas limit of (\d+)/.exec(String(error));
        if (found !== null)
          refuse(`insufficient gas for floor data gas cost: gas ${found[1]}, minimum needed ${found[2]}`);
        refuse(String(error));
      }
    });
    pool.push(tx);
    for (const [name, blob] of beside) blobs.set(name, blob);
    return hash;
  };

  type Result = { readonly tx: TypedTransaction; readonly result: RunTxResult };

  const seal = (block: Block, root: Uint8Array, results: readonly Result[]): void => {
    let firstLog = 0;
    const included = results.map(({ tx, result }, index): Included => {
      const entry = { block, index, tx, result, firstLog };
      firstLog += result.receipt.logs.length;
      txs.set(bytesToHex(tx.hash()), entry);
      return entry;
    });
    const made = { block, root, included };
    sealed.push(made);
    byHash.set(hashOf(block.hash()), made);
  };

  /** Blocks without transactions are many: what the system does in each is left out of them. */
  const emptyBlock = (parent: Block, headerData: object): Block =>
    createBlock(
      {
        header: createBlockHeader(
          {
            ...headerData,
            parentHash: parent.hash(),
            stateRoot: parent.header.stateRoot,
            excessBlobGas: 0n,
            blobGasUsed: 0n,
          },
          blockOpts,
        ),
      },
      blockOpts,
    );

  /** Seals a block of what waits and pays. */
  const mine = async (interval?: bigint): Promise<void> => {
    const { block: parentBlock } = head();
    const parent = parentBlock.header;
    const clock = BigInt(Math.floor(Date.now() / 1_000)) + shift;
    const timestamp = interval === undefined ? clock : parent.timestamp + interval;
    const headerData = {
      number: parent.number + 1n,
      timestamp: timestamp > parent.timestamp ? timestamp : parent.timestamp + 1n,
      gasLimit: BLOCK_GAS,
      baseFeePerGas: parent.calcNextBaseFee(),
    };
    if (pool.length === 0) return seal(emptyBlock(parentBlock, headerData), head().root, []);
    const builder = await buildBlock(vm, {
      parentBlock,
      headerData,
      withdrawals: [],
      blockOpts: { ...blockOpts, putBlockIntoBlockchain: false },
    });
    const results: { readonly tx: TypedTransaction; readonly result: RunTxResult }[] = [];
    for (const tx of pool.toSorted((a, b) => Number(a.nonce - b.nonce))) {
      const { nonce } = await accountOf(tx.getSenderAddress());
      if (tx.nonce > nonce) continue;
      try {
        results.push({ tx, result: await builder.addTransaction(tx, TAKEN) });
      } catch (error) {
        if (/baseFee|remaining gas/.test(String(error))) continue;
      }
      pool = pool.filter((one) => one !== tx);
    }
    const { block } = await builder.build();
    seal(block, await state.getStateRoot(), results);
  };

  for (const address of ASKED) {
    const at = createAddressFromString(address);
    await state.putAccount(at, new Account(1n, 0n));
    await state.putCode(at, SILENT);
  }
  const genesis = createBlock(
    {
      header: createBlockHeader(
        {
          number: 0n,
          timestamp: BigInt(Math.floor(Date.now() / 1_000)),
          gasLimit: BLOCK_GAS,
          baseFeePerGas: TIP,
          stateRoot: await state.getStateRoot(),
          excessBlobGas: 0n,
          blobGasUsed: 0n,
        },
        blockOpts,
      ),
    },
    blockOpts,
  );
  const first = { block: genesis, root: genesis.header.stateRoot, included: [] };
  sealed.push(first);
  byHash.set(hashOf(genesis.hash()), first);

  return {
    sealed,
    blobs,
    txs,
    byHash,
    get head() {
      return head();
    },
    get pool(): readonly TypedTransaction[] {
      return pool;
    },
    on,
    accountOf: (address: Hex) => accountOf(createAddressFromString(address)),
    codeOf: async (address: Hex) => bytesToHex(await state.getCode(createAddressFromString(address))),
    storageAt: async (address: Hex, slot: Hex) =>
      bytesToHex(await state.getStorage(createAddressFromString(address), hexToBytes(slot))),
    estimate,
    call,
    submit,
    mine,
    setBalance: (address: Hex, balance: bigint) =>
      change(address, async (at, account) => {
        account.balance = balance;
        await state.putAccount(at, account);
      }),
    setCode: (address: Hex, code: Hex) =>
      change(address, async (at, account) => {
        await state.putAccount(at, account);
        await state.putCode(at, hexToBytes(code));
      }),
    advance(seconds: bigint) {
      shift += seconds;
    },
    dropPool() {
      pool = [];
    },
  };
};
export type Machine = Awaited<ReturnType<typeof createMachine>>;
