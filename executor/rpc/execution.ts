import { Address } from "@ethereumjs/util";
import type { CallMessage, CallResult, Chain } from "../chain/chain.ts";
import { fromHex, type Hex } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { TRANSACTION_GAS_CAP } from "../protocol/parameters.ts";
import { rulesAt } from "../protocol/rules.ts";
import { baseFeeBehind, blockNotFound, prunedState, stateOf } from "./block-lookup.ts";
import { reverted, serverError } from "./errors.ts";
import type { Message, Overrides } from "./schemas.ts";

/** Message calls and the search for the gas that one needs. */

const CALL_STIPEND = 2300n;
const TRANSFER_GAS = 21_000n;
/** A search ends when the interval is below 1/64 of its upper end. */
const PRECISION = 64n;

const lesser = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** Gas that one message may use at a block: what a transaction in it may. */
const gasCap = (chain: Chain, number: bigint): bigint => {
  const block = chain.blockByNumber(number);
  if (block === undefined) throw blockNotFound();
  return lesser(rulesAt(chain.parameters, block.header.timestamp).blockGasLimit, TRANSACTION_GAS_CAP);
};

/** What the sender pays for a unit of gas in the block after `number`; undefined when no price is given. */
const priceOf = (chain: Chain, message: Message, number: bigint): bigint | undefined => {
  if (message.gasPrice != null) return message.gasPrice;
  if (message.maxFeePerGas == null) return undefined;
  const parent = chain.blockByNumber(number);
  if (parent === undefined) return message.maxFeePerGas;
  return lesser(message.maxFeePerGas, baseFeeBehind(chain, parent) + (message.maxPriorityFeePerGas ?? 0n));
};

const overridesOf = (overrides: Overrides | null | undefined): NonNullable<CallMessage["overrides"]> => {
  const given: Record<Hex, NonNullable<CallMessage["overrides"]>[Hex]> = {};
  for (const [address, { balance, nonce, code, state, stateDiff }] of Object.entries(overrides ?? {}))
    given[address as Hex] = {
      ...(balance == null ? {} : { balance }),
      ...(nonce == null ? {} : { nonce }),
      ...(code == null ? {} : { code }),
      ...(state == null ? {} : { state }),
      ...(stateDiff == null ? {} : { stateDiff }),
    };
  return given;
};

export type Execution = {
  readonly message: Message;
  readonly number: bigint;
  readonly overrides: Overrides | null | undefined;
};

const messageOf = (chain: Chain, { message, number, overrides }: Execution): CallMessage => {
  const data = message.input ?? message.data;
  const gasPrice = priceOf(chain, message, number);
  const cap = gasCap(chain, number);
  return {
    gas: lesser(message.gas ?? cap, cap),
    ...(message.from == null ? {} : { from: message.from }),
    ...(message.to == null ? {} : { to: message.to }),
    ...(gasPrice === undefined ? {} : { gasPrice }),
    ...(message.value == null ? {} : { value: message.value }),
    ...(data == null ? {} : { data }),
    ...(message.accessList == null ? {} : { accessList: message.accessList }),
    ...(message.authorizationList == null ? {} : { authorizationList: message.authorizationList }),
    ...(overrides == null ? {} : { overrides: overridesOf(overrides) }),
  };
};

const run = async (chain: Chain, message: CallMessage, number: bigint, since?: number): Promise<CallResult> => {
  try {
    return await chain.call(message, number, since);
  } catch (error) {
    if (error instanceof CodedError && error.code === "STATE_PRUNED") throw prunedState(number);
    throw error;
  }
};

const isRevert = (result: CallResult): boolean => result.error === "revert" || result.error === "execution reverted";

const failure = (result: CallResult): Error =>
  isRevert(result) ? reverted(result.data) : serverError(result.error ?? "execution failed");

/** Return data of a message call; throws the caller's error when it fails. */
export const call = async (chain: Chain, execution: Execution): Promise<Uint8Array> => {
  const result = await run(chain, messageOf(chain, execution), execution.number);
  if (!result.ok) throw failure(result);
  return result.data;
};

/** What the sender can pay for, when there is a price. */
const allowanceOf = async (chain: Chain, message: CallMessage, number: bigint): Promise<bigint | undefined> => {
  const { gasPrice = 0n, from, value = 0n } = message;
  if (gasPrice === 0n || from === undefined) return undefined;
  const account = await stateOf(chain, { kind: "number", number }).getAccount(new Address(fromHex(from)));
  const balance = message.overrides?.[from]?.balance ?? account?.balance ?? 0n;
  if (balance < value) throw serverError("insufficient funds for transfer");
  return (balance - value) / gasPrice;
};

/**
 * The smallest gas limit, within 1/64, with which the message succeeds. A call needs more gas than it uses when a frame
 * below keeps a 64th (EIP-150) or refunds come at the end, hence the search. All of it has the time of one call.
 */
export const estimateGas = async (chain: Chain, execution: Execution): Promise<bigint> => {
  const message = messageOf(chain, execution);
  const allowance = await allowanceOf(chain, message, execution.number);
  const cap = gasCap(chain, execution.number);
  let high = message.gas ?? cap;
  if (high < TRANSFER_GAS) high = cap;
  if (allowance !== undefined) high = lesser(high, allowance);
  const since = performance.now();
  const attempt = (gas: bigint) => run(chain, { ...message, gas }, execution.number, since);

  const first = await attempt(high);
  if (!first.ok) {
    if (isRevert(first)) throw reverted(first.data);
    if (first.error?.includes("out of gas") || first.error?.includes("intrinsic gas"))
      throw serverError(`gas required exceeds allowance (${high})`);
    throw failure(first);
  }
  let low = first.gasUsed - 1n;
  const guess = ((first.gasUsed + CALL_STIPEND) * 64n) / 63n;
  if (first.gasUsed === TRANSFER_GAS || guess < high) {
    const probe = first.gasUsed === TRANSFER_GAS ? TRANSFER_GAS : guess;
    if ((await attempt(probe)).ok) high = probe;
    else low = probe;
  }
  while (low + 1n < high && (high - low) * PRECISION > high) {
    const middle = (high + low) / 2n;
    if ((await attempt(middle)).ok) high = middle;
    else low = middle;
  }
  return high;
};
