import { keccak256, type LocalAccount, type PublicClient, type TransactionReceipt } from "viem";
import {
  CodedError,
  type CommittedBlob,
  createLock,
  type Hex,
  type Service,
  sleep,
  type Telemetry,
} from "../../executor/index.ts";
import { type BaseFees, type Fees, firstFees, raisedFees } from "./fees.ts";
import { estimateGas, gasLimitOf, isTooLong, L1_MAX_BYTES, type Refusal, refusalOf, rpcErrorOf } from "./gas.ts";
import { createSidecar, formOf, OTHER_FORM, type Sidecar, withSidecar } from "./sidecar.ts";
import { createTransactorMetrics } from "./transactor-metrics.ts";

export type TransactorErrorCode =
  /** Too many L1 transactions wait already. Send again when some are mined; see why L1 takes none. */
  | "TRANSACTOR_FULL"
  /** The node stopped before L1 confirmed the transaction. It may still be mined: look before it is sent again. */
  | "TRANSACTOR_STOPPED"
  /** It was not sent, because its caller does not want it any more. Nothing is to be done. */
  | "TRANSACTOR_UNWANTED"
  /** L1 executed the transaction and it reverted, or would revert. The cause names the contract's error. */
  | "L1_REVERTED"
  /** The account cannot pay for the L1 transaction, and is not to wait until it can. Send it ether. */
  | "L1_FUNDS"
  /** The call takes more gas than L1 lets one transaction have. It was not sent: make it smaller. */
  | "L1_GAS_CAP"
  /**
   * L1 wants more gas for the transaction's input than its node estimates. See whether all nodes of the endpoint know the
   * fork that L1 is at.
   */
  | "L1_GAS_FLOOR"
  /** The transaction has more bytes than L1's mempools take. It was not sent: make it smaller. */
  | "L1_SIZE";

export type L1Call = {
  readonly to: Hex;
  readonly data: Hex;
  readonly value?: bigint;
  /**
   * What L1 estimates for the call, where it cannot be asked about this very one because an earlier one has to be mined
   * before. May be asked again.
   */
  readonly estimate?: () => Promise<bigint>;
};
/** With blobs beside the transaction (EIP-4844). */
export type BlobCall = L1Call & { readonly blobs: readonly CommittedBlob[] };

export type TransactorComponents = Telemetry & { readonly client: PublicClient; readonly account: LocalAccount };

export type TransactorOptions = {
  /** Transactions that wait for a block. */
  readonly maxPending?: number;
  /** Transactions that wait for their turn. */
  readonly maxQueued?: number;
  /** L1 blocks that contain or follow a transaction before it counts. */
  readonly confirmations?: bigint;
  /** L1 blocks without a transaction before its fee is raised. */
  readonly patience?: bigint;
  /** Wei a gas that is never exceeded. */
  readonly maxFeePerGas?: bigint;
  /** Wei a blob gas that is never exceeded. */
  readonly maxFeePerBlobGas?: bigint;
  /** Tip of the first attempt. */
  readonly tip?: bigint;
  /** Whether an account that cannot pay waits until somebody fills it up. */
  readonly awaitFunds?: boolean;
  readonly pollMs?: number;
};

/** Sends L1 transactions of one account, in the order of `send`. It must be the account's only sender. */
export type Transactor = Service & {
  readonly address: Hex;
  /** Wei a gas that the first attempt of a transaction offers above L1's base fee. */
  readonly tip: bigint;
  /** Transactions not yet confirmed. */
  readonly pending: number;
  /**
   * Resolves with the receipt when the transaction is confirmed. Its gas is what L1's node estimates, and half more.
   * L1_REVERTED, L1_FUNDS, L1_GAS_CAP, L1_GAS_FLOOR, L1_SIZE, TRANSACTOR_FULL, TRANSACTOR_STOPPED. `isWanted` is asked before the call becomes a transaction, and again when it has to become another
   * one: TRANSACTOR_UNWANTED.
   * After a restart transactions of the life before are replaced or found done: callers send what L1 still lacks.
   */
  send(call: L1Call | BlobCall, isWanted?: () => boolean): Promise<TransactionReceipt>;
  /** Looks at L1 once: confirms, repeats, raises fees. */
  tick(): Promise<void>;
  /** Begins to look regularly. */
  start(): void;
};

const DEFAULTS = {
  maxPending: 8,
  maxQueued: 64,
  confirmations: 1n,
  patience: 3n,
  maxFeePerGas: 500_000_000_000n,
  maxFeePerBlobGas: 500_000_000_000n,
  tip: 1_000_000_000n,
  awaitFunds: true,
  pollMs: 500,
};

type Job = {
  readonly call: L1Call | BlobCall;
  readonly isWanted: () => boolean;
  resolve: (receipt: TransactionReceipt) => void;
  reject: (error: unknown) => void;
};

type Sent = Job & {
  readonly nonce: number;
  /** Its limit. */
  gas: bigint;
  fees: Fees;
  /** Signed, without the sidecar. */
  raw: Hex;
  sidecar: Sidecar | undefined;
  /** Of every attempt: an earlier one may be mined after all. */
  readonly hashes: Hex[];
  /** L1 block of the last attempt. */
  since: bigint;
  /** Why L1 refused the last attempt as it was. */
  refusal: Refusal | undefined;
  /** L1 block at which somebody was last told of what holds it up. */
  told: bigint;
  /** L1 block at which its nonce was first found used, without a receipt. */
  used: bigint | undefined;
};

/** What an L1 that does not estimate a call says by it. An account that cannot pay, and a node that is behind, are not in it. */
const UNSENT: Readonly<Record<Exclude<Refusal, "funds" | "absent">, readonly [TransactorErrorCode, string]>> = {
  cap: ["L1_GAS_CAP", "an L1 transaction takes more gas than one may have"],
  gas: ["L1_GAS_FLOOR", "L1's node has no gas for the transaction's input"],
  size: ["L1_SIZE", "an L1 transaction is too long"],
  price: ["L1_REVERTED", "an L1 transaction would revert"],
  sidecar: ["L1_REVERTED", "an L1 transaction would revert"],
  other: ["L1_REVERTED", "an L1 transaction would revert"],
};

/** L1 blocks for which a confirmed transaction is remembered, to be sent again when a reorg drops it. */
const MEMORY_BLOCKS = 64n;
const MEMORY_LIMIT = 256;

const blobsOf = (call: L1Call | BlobCall): readonly CommittedBlob[] | undefined =>
  "blobs" in call ? call.blobs : undefined;

const orUndefined = async <T>(work: Promise<T>, ...names: readonly string[]): Promise<T | undefined> => {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && names.includes(error.name)) return undefined;
    throw error;
  }
};

const isRefusal = (error: unknown): boolean => rpcErrorOf(error) !== undefined;

export const createTransactor = (components: TransactorComponents, options: TransactorOptions = {}): Transactor => {
  const { client, account, registry } = components;
  const logger = components.logger.child({ module: "transactor", address: account.address });
  const settings = { ...DEFAULTS, ...options };
  const lock = createLock();
  const aborter = new AbortController();
  const queue: Job[] = [];
  const sent: Sent[] = [];
  const confirmed: { readonly transaction: Sent; readonly block: bigint }[] = [];
  let chainId: number | undefined;
  let ticking: Promise<void> | undefined;
  let wake: () => void = () => undefined;

  const { pendingGauge, raises, outcomes } = createTransactorMetrics(registry);

  const receiptOf = async (transaction: Sent): Promise<TransactionReceipt | undefined> => {
    for (const hash of transaction.hashes.toReversed()) {
      const receipt = await orUndefined(client.getTransactionReceipt({ hash }), "TransactionReceiptNotFoundError");
      if (receipt !== undefined) return receipt;
    }
    return undefined;
  };

  const poor = () => {
    const { address } = account;
    return new CodedError<TransactorErrorCode>("L1_FUNDS", `${address} cannot pay for an L1 transaction`, { address });
  };

  const inMempool = async (hash: Hex): Promise<boolean> =>
    (await orUndefined(client.getTransaction({ hash }), "TransactionNotFoundError")) !== undefined;

  const limitOf = async (call: L1Call | BlobCall): Promise<bigint> => {
    const blobHashes = blobsOf(call)?.map(({ hash }) => hash) ?? [];
    const exact = () => estimateGas(client, { from: account.address, call: { ...call, blobHashes } });
    return gasLimitOf(await (call.estimate ?? exact)());
  };

  const sign = async ({ call, nonce, gas, fees }: Pick<Sent, "call" | "nonce" | "gas" | "fees">): Promise<Hex> => {
    chainId ??= await client.getChainId();
    const { to, data, value = 0n } = call;
    const blobs = blobsOf(call);
    const { maxFeePerBlobGas, ...ordinary } = fees;
    const transaction = { chainId, to, data, value, nonce, gas, ...ordinary };
    if (blobs === undefined || maxFeePerBlobGas === undefined)
      return account.signTransaction({ ...transaction, type: "eip1559" });
    const blobVersionedHashes = blobs.map(({ hash }) => hash);
    return account.signTransaction({ ...transaction, type: "eip4844", maxFeePerBlobGas, blobVersionedHashes });
  };

  /** As it goes to L1. The proofs are made for the first attempt, and again when L1 wants another form. */
  const serialized = async (transaction: Sent): Promise<Hex> => {
    const { raw, sidecar, refusal } = transaction;
    const blobs = blobsOf(transaction.call);
    if (blobs === undefined) return raw;
    const form = sidecar === undefined ? await formOf(client) : sidecar.form;
    const wanted = refusal === "sidecar" ? OTHER_FORM[form] : form;
    if (sidecar?.form !== wanted) transaction.sidecar = await createSidecar(wanted, blobs);
    // The other form has not been refused yet.
    if (refusal === "sidecar") transaction.refusal = undefined;
    return withSidecar(raw, transaction.sidecar as Sidecar);
  };

  /** Hands the last attempt to L1. A refusal is remembered; a failure of the connection is the caller's. */
  const submit = async (transaction: Sent, block: bigint): Promise<void> => {
    const serializedTransaction = await serialized(transaction);
    try {
      await client.sendRawTransaction({ serializedTransaction });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (!(await inMempool(transaction.hashes.at(-1) as Hex))) {
        // A refused attempt has waited since it was first made.
        if (transaction.refusal === undefined) transaction.since = block;
        transaction.refusal = refusalOf(error);
        if (transaction.refusal === "funds") tell(transaction, block, "the account cannot pay for an L1 transaction");
        else logger.debug({ reason: rpcErrorOf(error)?.details, nonce: transaction.nonce }, "L1 refused a transaction");
        return;
      }
    }
    transaction.since = block;
    transaction.refusal = undefined;
  };

  /** Warns at most once in an L1 block. */
  const tell = (transaction: Sent, block: bigint, message: string): void => {
    if (transaction.told === block) return;
    transaction.told = block;
    logger.warn({ nonce: transaction.nonce, gas: transaction.gas, ...transaction.fees }, message);
  };

  const raise = async (transaction: Sent, block: bigint, base: BaseFees): Promise<void> => {
    const next = raisedFees(settings, base, transaction.fees);
    if (next === undefined) {
      tell(transaction, block, "the fee is at its limit");
      return;
    }
    transaction.since = block;
    transaction.fees = next;
    transaction.raw = await sign(transaction);
    transaction.hashes.push(keccak256(transaction.raw));
    raises.inc();
    logger.info({ nonce: transaction.nonce, ...next }, "raised the fee of an L1 transaction");
  };

  /** L1's fork may have changed since its gas was estimated. */
  const widen = async (transaction: Sent, block: bigint): Promise<void> => {
    const { gas } = transaction;
    const now = await limitOf(transaction.call).catch(() => 0n);
    const next = now > gas ? now : gasLimitOf(gas);
    if (next === gas) return tell(transaction, block, "the gas is at its limit");
    transaction.gas = next;
    transaction.raw = await sign(transaction);
    transaction.hashes.push(keccak256(transaction.raw));
    logger.info({ nonce: transaction.nonce, gas: transaction.gas }, "raised the gas of an L1 transaction");
  };

  const settle = (transaction: Sent, receipt: TransactionReceipt): void => {
    confirmed.push({ transaction, block: receipt.blockNumber });
    outcomes.inc({ outcome: receipt.status });
    if (receipt.status === "success") transaction.resolve(receipt);
    else
      transaction.reject(
        new CodedError<TransactorErrorCode>("L1_REVERTED", "an L1 transaction reverted", {
          hash: receipt.transactionHash,
          to: transaction.call.to,
        }),
      );
  };

  /** Transactions that were confirmed and that a reorg dropped wait again; nobody is told a second time. */
  const revive = (minedNonce: number, block: bigint): void => {
    // Of a block that L1 does not show it says nothing: it may be behind.
    const dropped = confirmed.filter((entry) => entry.transaction.nonce >= minedNonce && entry.block <= block);
    const kept = confirmed.filter((entry) => !dropped.includes(entry) && block - entry.block <= MEMORY_BLOCKS);
    confirmed.splice(0, confirmed.length, ...kept.slice(-MEMORY_LIMIT));
    if (dropped.length === 0) return;
    logger.warn({ nonces: dropped.map(({ transaction }) => transaction.nonce) }, "L1 dropped confirmed transactions");
    for (const { transaction } of dropped) {
      const known = sent.some(({ nonce }) => nonce === transaction.nonce);
      if (known) continue;
      transaction.resolve = () => undefined;
      transaction.reject = () => undefined;
      sent.push(transaction);
    }
    sent.sort((a, b) => a.nonce - b.nonce);
  };

  /** One waiting transaction. Returns whether it still waits. */
  const review = async (transaction: Sent, minedNonce: number, block: bigint, base: BaseFees): Promise<boolean> => {
    const receipt = await receiptOf(transaction);
    if (receipt !== undefined) {
      if (block - receipt.blockNumber + 1n < settings.confirmations) return true;
      settle(transaction, receipt);
      return false;
    }
    if (transaction.nonce < minedNonce) {
      // The node that was asked for the receipt may be behind the one that was asked for the nonce.
      transaction.used ??= block;
      if (block - transaction.used < settings.patience) return true;
      // Another transaction has this nonce: one of the life before, or of somebody with the same key.
      logger.warn({ nonce: transaction.nonce }, "nonce was used by another transaction");
      queue.unshift(transaction);
      return false;
    }
    const { refusal } = transaction;
    // INVARIANT: an account that cannot pay is not made to pay more once it can.
    if (refusal === "funds") {
      if (!settings.awaitFunds) {
        outcomes.inc({ outcome: "refused" });
        transaction.reject(poor());
        return false;
      }
      await submit(transaction, block);
    } else if (refusal === "gas") {
      await widen(transaction, block);
      await submit(transaction, block);
    } else if (refusal === "price" || block - transaction.since >= settings.patience) {
      await raise(transaction, block, base);
      await submit(transaction, block);
    } else if (refusal !== undefined || !(await inMempool(transaction.hashes.at(-1) as Hex)))
      await submit(transaction, block);
    return true;
  };

  /** The next nonce that is free, though L1 may not show all that it has. */
  const nonceAfter = (minedNonce: number): number =>
    Math.max(
      minedNonce,
      ...sent.map(({ nonce }) => nonce + 1),
      ...confirmed.map(({ transaction }) => transaction.nonce + 1),
    );

  const forgo = (outcome: "unwanted" | "refused", job: Job, error: CodedError<TransactorErrorCode>): void => {
    queue.shift();
    outcomes.inc({ outcome });
    job.reject(error);
  };

  /** Its gas, or undefined when it is not to be sent: then it is told, or waits for money. */
  const judge = async (job: Job): Promise<bigint | undefined> => {
    const { to } = job.call;
    try {
      return await limitOf(job.call);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const refusal = refusalOf(error);
      // It says nothing of the call.
      if (refusal === "absent") throw error;
      if (refusal !== "funds") {
        const [code, message] = UNSENT[refusal];
        forgo("refused", job, new CodedError(code, message, { to }, error));
      } else if (settings.awaitFunds)
        logger.warn({ to, value: job.call.value }, "the account cannot pay for an L1 transaction");
      else forgo("refused", job, poor());
      return undefined;
    }
  };

  /** Makes the first call that waits a transaction. False when it has to go on waiting. */
  const launch = async (job: Job, nonce: number, block: bigint, base: BaseFees): Promise<boolean> => {
    const { call, isWanted, resolve, reject } = job;
    if (!isWanted()) {
      const error = new CodedError<TransactorErrorCode>(
        "TRANSACTOR_UNWANTED",
        "an L1 transaction is not wanted any more",
      );
      forgo("unwanted", job, error);
      return true;
    }
    const gas = await judge(job);
    if (gas === undefined) return queue[0] !== job;
    const fees = firstFees(settings, base, blobsOf(call) === undefined ? "none" : "blobs");
    const raw = await sign({ call, nonce, gas, fees });
    if (isTooLong(raw)) {
      const [code, message] = UNSENT.size;
      forgo("refused", job, new CodedError(code, message, { to: call.to, limit: L1_MAX_BYTES }));
      return true;
    }
    queue.shift();
    const transaction: Sent = {
      call,
      isWanted,
      resolve,
      reject,
      nonce,
      gas,
      fees,
      raw,
      sidecar: undefined,
      hashes: [keccak256(raw)],
      since: block,
      refusal: undefined,
      told: -1n,
      used: undefined,
    };
    sent.push(transaction);
    await submit(transaction, block);
    const { refusal } = transaction;
    if (refusal !== "cap" && refusal !== "size") return true;
    // Nobody has it, and its nonce is the last: the next call takes it.
    sent.pop();
    outcomes.inc({ outcome: "refused" });
    const [code, message] = UNSENT[refusal];
    reject(new CodedError(code, message, { to: call.to, gas }));
    return true;
  };

  const tick = (): Promise<void> =>
    lock(async () => {
      if (aborter.signal.aborted) return;
      const { number: block, baseFeePerGas } = await client.getBlock({ blockTag: "latest" });
      const hasBlobs = [...sent, ...queue].some(({ call }) => blobsOf(call) !== undefined);
      const base = { gas: baseFeePerGas ?? 0n, blobGas: hasBlobs ? await client.getBlobBaseFee() : 0n };
      // Of that very block, or a node that is behind would tell of transactions that it has not seen yet.
      const minedNonce = await client.getTransactionCount({ address: account.address, blockNumber: block });
      revive(minedNonce, block);
      for (const transaction of [...sent])
        if (!(await review(transaction, minedNonce, block, base))) sent.splice(sent.indexOf(transaction), 1);
      for (let job = queue[0]; job !== undefined && sent.length < settings.maxPending; job = queue[0])
        if (!(await launch(job, nonceAfter(minedNonce), block, base))) break;
      pendingGauge.set({ account: account.address }, sent.length + queue.length);
    });

  const loop = async (): Promise<void> => {
    for (let failed = 0; !aborter.signal.aborted; ) {
      try {
        await tick();
        failed = 0;
      } catch (error) {
        failed++;
        logger.warn({ err: error, failed }, "L1 does not answer");
      }
      const pause = new AbortController();
      wake = () => pause.abort();
      const signal = AbortSignal.any([pause.signal, aborter.signal]);
      await sleep(Math.min(settings.pollMs * 2 ** Math.min(failed, 6), 30_000), signal);
    }
  };

  return {
    name: "transactor",
    address: account.address.toLowerCase() as Hex,
    tip: settings.tip,
    get pending() {
      return sent.length + queue.length;
    },
    send(call, isWanted = () => true) {
      if (aborter.signal.aborted)
        return Promise.reject(
          new CodedError<TransactorErrorCode>("TRANSACTOR_STOPPED", "the transactor has been stopped"),
        );
      if (queue.length >= settings.maxQueued)
        return Promise.reject(
          new CodedError<TransactorErrorCode>("TRANSACTOR_FULL", `${queue.length} L1 transactions wait already`, {
            limit: settings.maxQueued,
          }),
        );
      return new Promise((resolve, reject) => {
        queue.push({ call, isWanted, resolve, reject });
        wake();
      });
    },
    tick,
    start() {
      ticking ??= loop();
    },
    async stop() {
      aborter.abort();
      await ticking;
      await lock(async () => undefined);
      for (const { reject } of [...sent.splice(0), ...queue.splice(0)])
        reject(
          new CodedError<TransactorErrorCode>("TRANSACTOR_STOPPED", "the transactor was stopped before L1 confirmed"),
        );
    },
  };
};
