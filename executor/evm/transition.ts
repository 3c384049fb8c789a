import { EVMError } from "@ethereumjs/evm";
import { Account, Address } from "@ethereumjs/util";
import { type Bytes, EMPTY_BYTES, fromHex, toHex } from "../foundation/bytes.ts";
import { AUTHORIZATION_REFUND, delegateOf, delegationTo } from "../protocol/delegation.ts";
import { authorityOf, MAX_INITCODE_BYTES, SET_CODE_TYPE } from "../protocol/envelope.ts";
import { includes } from "../protocol/forks.ts";
import { ADDRESS } from "../protocol/parameters.ts";
import type { Log } from "../protocol/receipt.ts";
import type { Authorization, DecodedTransaction as Decoded, Refusal } from "../protocol/transaction.ts";
import { type BlockEnvironment, type ChainMachine, libraryBlock } from "./engine.ts";

const MAX_NONCE = 2n ** 64n - 1n;
/** At most this part of the used gas is refunded (EIP-3529). */
const REFUND_QUOTIENT = 5n;
const EMPTY_CODE_HASH = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
export const BASE_FEE_VAULT = new Address(fromHex(ADDRESS.baseFeeVault));

export type Outcome = {
  readonly ok: boolean;
  /** After refunds, intrinsic gas included. */
  readonly gasUsed: bigint;
  readonly effectiveGasPrice: bigint;
  readonly logs: readonly Log[];
  /** Return data of the top frame; revert data when it reverted. */
  readonly output: Bytes;
  /** The new contract, when a creation succeeded. */
  readonly created: Address | undefined;
  readonly error: EVMError | undefined;
  /** The sender's nonce before. */
  readonly nonce: bigint;
};

export type TransitionContext = {
  readonly environment: BlockEnvironment;
  /** Gas that the block has left. */
  readonly available: bigint;
  /** Who gets the base fee; undefined burns it, as Ethereum does. */
  readonly baseFeeVault: Address | undefined;
};

const refuse = (code: Refusal["code"], message: string): Refusal => ({ code, message });

const pricesOf = ({ transaction }: Decoded, baseFee: bigint): { maximum: bigint; effective: bigint } => {
  const { deposit, gasPrice = 0n, maxFeePerGas = gasPrice, maxPriorityFeePerGas = maxFeePerGas } = transaction;
  if (deposit !== undefined) return { maximum: 0n, effective: 0n };
  const capped = baseFee + maxPriorityFeePerGas;
  return { maximum: maxFeePerGas, effective: capped < maxFeePerGas ? capped : maxFeePerGas };
};

/** Rules 8 to 12: against the block and the sender's account. `code`: the sender's, undefined for none. */
const judge = (
  decoded: Decoded,
  { account, code }: { readonly account: Account; readonly code: Bytes | undefined },
  context: TransitionContext,
): Refusal | undefined => {
  const { transaction, floorGas } = decoded;
  const { gasLimit, nonce, value, from, type } = transaction;
  const { baseFee, fork } = context.environment;
  const { maximum } = pricesOf(decoded, baseFee);
  const isPrague = includes(fork, "prague");
  if (type === SET_CODE_TYPE && !isPrague) return refuse("TX_TYPE", "authorizations come with Prague");
  if (isPrague && gasLimit < floorGas)
    return refuse("TX_INTRINSIC_GAS", `its bytes take ${floorGas} gas at least, its limit is ${gasLimit}`);
  if (maximum < baseFee) return refuse("TX_FEE_CAP", `fee cap ${maximum} is below the base fee ${baseFee}`);
  if (gasLimit > context.available)
    return refuse("TX_BLOCK_GAS", `gas limit ${gasLimit} does not fit the ${context.available} left in the block`);
  if (code !== undefined && (!isPrague || delegateOf(code) === undefined))
    return refuse("TX_SENDER_CODE", `${from} is a contract`);
  if (nonce < account.nonce) return refuse("TX_NONCE_LOW", `nonce ${nonce}, the account is at ${account.nonce}`);
  if (nonce > account.nonce || nonce >= MAX_NONCE)
    return refuse("TX_NONCE_HIGH", `nonce ${nonce}, the account is at ${account.nonce}`);
  const cost = gasLimit * maximum + value;
  if (account.balance < cost) return refuse("TX_BALANCE", `${from} has ${account.balance}, it may cost ${cost}`);
  return undefined;
};

type Run = {
  readonly gas: bigint;
  readonly refund: bigint;
  readonly error: EVMError | undefined;
  readonly logs: readonly Log[];
  readonly output: Bytes;
  readonly created: Address | undefined;
  readonly destroyed: readonly Address[];
};

const halted = (gas: bigint, reason: EVMError["error"]): Run => ({
  gas,
  refund: 0n,
  error: new EVMError(reason),
  logs: [],
  output: EMPTY_BYTES,
  created: undefined,
  destroyed: [],
});

/** The top frame. A deposit may be unable to start: that takes all its gas. */
const execute = async (
  machine: ChainMachine,
  { transaction, sender, target, intrinsicGas }: Decoded,
  environment: BlockEnvironment,
  gasPrice: bigint,
): Promise<Run> => {
  const { gasLimit, value, data, deposit } = transaction;
  if (deposit !== undefined) {
    const balance = (await machine.stateManager.getAccount(sender))?.balance ?? 0n;
    if (gasLimit < intrinsicGas || balance < value || (target === undefined && data.length > MAX_INITCODE_BYTES))
      return halted(gasLimit, EVMError.errorMessages.OUT_OF_GAS);
  }
  const { execResult, createdAddress } = await machine.runCall({
    block: libraryBlock(environment) as never,
    gasPrice,
    origin: sender,
    caller: sender,
    gasLimit: gasLimit - intrinsicGas,
    ...(target === undefined ? {} : { to: target }),
    value,
    data,
    skipNonceIncrement: true,
  });
  const { exceptionError } = execResult;
  const failed = exceptionError !== undefined;
  const fresh = execResult.createdAddresses;
  return {
    gas: intrinsicGas + execResult.executionGasUsed,
    refund: failed ? 0n : (execResult.gasRefund ?? 0n),
    error: exceptionError,
    logs: failed
      ? []
      : (execResult.logs ?? []).map(([address, topics, bytes]) => ({
          address: toHex(address),
          topics: topics.map(toHex),
          data: toHex(bytes),
        })),
    output: execResult.returnValue,
    created: failed || target !== undefined ? undefined : createdAddress,
    destroyed: failed
      ? []
      : [...(execResult.selfdestruct?.keys() ?? [])]
          .filter((address) => fresh?.has(address) === true)
          .sort()
          .map((address) => new Address(fromHex(address))),
  };
};

const credit = async (machine: ChainMachine, address: Address, amount: bigint): Promise<void> => {
  if (amount === 0n) return;
  const account = (await machine.stateManager.getAccount(address)) ?? new Account();
  account.balance += amount;
  await machine.journal.putAccount(address, account);
};

const warmUp = (machine: ChainMachine, { transaction, sender, target }: Decoded, coinbase: Address): void => {
  const { journal } = machine;
  journal.addWarmedAddress(sender.bytes);
  if (target !== undefined) journal.addWarmedAddress(target.bytes);
  journal.addWarmedAddress(coinbase.bytes);
  for (const { address, storageKeys } of transaction.accessList ?? []) {
    journal.addAlwaysWarmAddress(address);
    for (const key of storageKeys) journal.addAlwaysWarmSlot(address, key);
  }
};

/** The code of an account that has any. */
const codeOf = async (
  { stateManager }: ChainMachine,
  address: Address,
  account: Account,
): Promise<Bytes | undefined> =>
  toHex(account.codeHash) === EMPTY_CODE_HASH ? undefined : stateManager.getCode(address);

/** Lets an account's code be another's, if it signed that and nothing speaks against it. What is given back of its gas. */
const authorize = async (machine: ChainMachine, authorization: Authorization): Promise<bigint> => {
  const { chainId, nonce } = authorization;
  if ((chainId !== 0n && chainId !== machine.common.chainId()) || nonce >= MAX_NONCE) return 0n;
  const signer = authorityOf(authorization);
  if (signer === undefined) return 0n;
  const { stateManager: state, journal } = machine;
  const authority = new Address(signer);
  journal.addWarmedAddress(signer);
  const account = (await state.getAccount(authority)) ?? new Account();
  const code = await codeOf(machine, authority, account);
  if ((code !== undefined && delegateOf(code) === undefined) || account.nonce !== nonce) return 0n;
  const refund = account.isEmpty() ? 0n : AUTHORIZATION_REFUND;
  account.nonce += 1n;
  await journal.putAccount(authority, account);
  await state.putCode(authority, delegationTo(fromHex(authorization.address)));
  return refund;
};

/**
 * Runs the message of a transaction whose gas is paid and whose nonce is set, and counts its gas after refunds: those of
 * authorizations stay, as they do, when the message fails. At least the price of its bytes is taken (EIP-7623).
 */
const runMessage = async (
  machine: ChainMachine,
  decoded: Decoded,
  environment: BlockEnvironment,
  gasPrice: bigint,
): Promise<Run> => {
  warmUp(machine, decoded, environment.coinbase);
  let refund = 0n;
  for (const authorization of decoded.transaction.authorizationList ?? [])
    refund += await authorize(machine, authorization);
  const run = await execute(machine, decoded, environment, gasPrice);
  refund += run.refund;
  const limit = run.gas / REFUND_QUOTIENT;
  const gas = run.gas - (refund < limit ? refund : limit);
  const least = includes(environment.fork, "prague") ? decoded.floorGas : 0n;
  return { ...run, gas: gas < least ? least : gas };
};

const outcomeOf = (run: Run, effectiveGasPrice: bigint, nonce: bigint): Outcome => ({
  ok: run.error === undefined,
  gasUsed: run.gas,
  effectiveGasPrice,
  logs: run.logs,
  output: run.output,
  created: run.created,
  error: run.error,
  nonce,
});

/**
 * One transaction on the machine's state. A refusal writes nothing. Fees: the tip to the coinbase, the base fee to its
 * vault; deposits pay none, and their mint and nonce survive a failure. Errors that are not the EVM's (a model that is
 * missing) reject and leave the state half written: the block is abandoned.
 */
export const applyTransaction = async (
  machine: ChainMachine,
  decoded: Decoded,
  context: TransitionContext,
): Promise<Outcome | Refusal> => {
  const { transaction, sender } = decoded;
  const { environment } = context;
  const { stateManager: state, journal } = machine;
  const account = (await state.getAccount(sender)) ?? new Account();
  const nonce = account.nonce;
  const { effective } = pricesOf(decoded, environment.baseFee);
  if (transaction.deposit === undefined) {
    const code = await codeOf(machine, sender, account);
    const refusal = judge(decoded, { account, code }, context);
    if (refusal !== undefined) return refusal;
    account.balance -= transaction.gasLimit * effective;
  } else account.balance += transaction.deposit.mint;
  account.nonce += 1n;
  await journal.putAccount(sender, account);

  const run = await runMessage(machine, decoded, environment, effective);
  if (transaction.deposit === undefined) {
    await credit(machine, sender, (transaction.gasLimit - run.gas) * effective);
    await credit(machine, environment.coinbase, run.gas * (effective - environment.baseFee));
    if (context.baseFeeVault !== undefined) await credit(machine, context.baseFeeVault, run.gas * environment.baseFee);
  }
  for (const address of run.destroyed) await journal.deleteAccount(address);
  await journal.cleanup();
  state.originalStorageCache.clear();
  return outcomeOf(run, effective, nonce);
};

/** What executing a transaction came to. `tip`: wei a gas. */
export type Spent = { readonly gasUsed: bigint; readonly tip: bigint };
/** Whether whoever builds a block wants a transaction that used so much. No rule of the chain. */
export type Acceptance = (spent: Spent) => boolean;

/** As `applyTransaction`. Undefined, and no trace is left, when what the transaction came to is not accepted. */
export const tryTransaction = async (
  machine: ChainMachine,
  decoded: Decoded,
  { accept, ...context }: TransitionContext & { readonly accept: Acceptance },
): Promise<Outcome | Refusal | undefined> => {
  const { stateManager: state } = machine;
  await state.checkpoint();
  const outcome = await applyTransaction(machine, decoded, context);
  const isKept =
    "code" in outcome ||
    accept({ gasUsed: outcome.gasUsed, tip: outcome.effectiveGasPrice - context.environment.baseFee });
  await (isKept ? state.commit() : state.revert());
  return isKept ? outcome : undefined;
};

/**
 * A message as if it were a transaction, without signature, nonce and fee rules: for calls and estimates on a state
 * that is thrown away. Pays `gasPrice`, which may be zero.
 */
export const simulateMessage = async (
  machine: ChainMachine,
  decoded: Decoded,
  environment: BlockEnvironment,
): Promise<Outcome> => {
  const { transaction, sender } = decoded;
  const price = transaction.gasPrice ?? 0n;
  const account = (await machine.stateManager.getAccount(sender)) ?? new Account();
  const nonce = account.nonce;
  account.balance -= transaction.gasLimit * price;
  account.nonce += 1n;
  await machine.journal.putAccount(sender, account);
  return outcomeOf(await runMessage(machine, decoded, environment, price), price, nonce);
};
