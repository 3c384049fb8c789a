import type { StateManagerInterface } from "@ethereumjs/common";
import { EVMError } from "@ethereumjs/evm";
import { Account, Address } from "@ethereumjs/util";
import type { BlockEnvironment, ChainMachine } from "../evm/engine.ts";
import { simulateMessage } from "../evm/transition.ts";
import { type Bytes, EMPTY_BYTES, fromHex, type Hex, word } from "../foundation/bytes.ts";
import { floorGas, intrinsicGas, SET_CODE_TYPE } from "../protocol/envelope.ts";
import { includes } from "../protocol/forks.ts";
import type { ChainTransaction } from "../protocol/transaction.ts";
import type { CallMessage, CallResult } from "./chain.ts";

const ZERO_ADDRESS: Hex = "0x0000000000000000000000000000000000000000";

const REASONS: Readonly<Record<string, string>> = {
  [EVMError.errorMessages.REVERT]: "revert",
  [EVMError.errorMessages.STACK_OVERFLOW]: "stack limit reached 1024 (1023)",
  [EVMError.errorMessages.INVALID_JUMP]: "invalid jump destination",
  [EVMError.errorMessages.STATIC_STATE_CHANGE]: "write protection",
  [EVMError.errorMessages.CODESIZE_EXCEEDS_MAXIMUM]: "max code size exceeded",
  [EVMError.errorMessages.CREATE_COLLISION]: "contract address collision",
  [EVMError.errorMessages.INITCODE_SIZE_VIOLATION]: "max initcode size exceeded",
  [EVMError.errorMessages.INVALID_BYTECODE_RESULT]: "invalid code: must not begin with 0xef",
};

/** geth's words for the reason of a failure. */
const reasonOf = (error: EVMError): string => {
  const text = error.error;
  if (text.startsWith(EVMError.errorMessages.INVALID_JUMP)) return "invalid jump destination";
  return REASONS[text] ?? text;
};

const applyOverrides = async (
  state: StateManagerInterface,
  overrides: NonNullable<CallMessage["overrides"]>,
): Promise<void> => {
  for (const [hex, override] of Object.entries(overrides)) {
    const address = new Address(fromHex(hex));
    const account = (await state.getAccount(address)) ?? new Account();
    if (override.balance !== undefined) account.balance = override.balance;
    if (override.nonce !== undefined) account.nonce = override.nonce;
    await state.putAccount(address, account);
    if (override.code !== undefined) await state.putCode(address, override.code);
    if (override.state !== undefined) await state.clearStorage(address);
    for (const [slot, value] of Object.entries({ ...override.state, ...override.stateDiff }))
      await state.putStorage(address, word(fromHex(slot)), word(fromHex(value)));
  }
};

const failed = (error: string, gasUsed = 0n, data: Bytes = EMPTY_BYTES): CallResult => ({
  ok: false,
  data,
  gasUsed,
  error,
  logs: [],
});

/** Runs a message on a machine whose state is thrown away afterwards. */
export const runCall = async (
  machine: ChainMachine,
  message: CallMessage,
  environment: BlockEnvironment,
): Promise<CallResult> => {
  const state = machine.stateManager;
  if (message.overrides !== undefined) await applyOverrides(state, message.overrides);
  state.originalStorageCache.clear();
  const {
    from = ZERO_ADDRESS,
    to,
    value = 0n,
    gasPrice = 0n,
    data = EMPTY_BYTES,
    accessList,
    authorizationList,
  } = message;
  const asked = message.gas ?? environment.gasLimit;
  const gasLimit = asked < environment.gasLimit ? asked : environment.gasLimit;
  const sender = new Address(fromHex(from));
  const transaction: ChainTransaction = {
    hash: "0x",
    envelope: EMPTY_BYTES,
    type: authorizationList === undefined ? 0 : SET_CODE_TYPE,
    from,
    to,
    nonce: 0n,
    gasLimit,
    gasPrice,
    value,
    data,
    ...(accessList === undefined ? {} : { accessList }),
    ...(authorizationList === undefined ? {} : { authorizationList }),
  };
  const intrinsic = intrinsicGas(transaction);
  const floor = floorGas(data);
  const least = includes(environment.fork, "prague") && floor > intrinsic ? floor : intrinsic;
  if (gasLimit < least) return failed(`intrinsic gas too low: have ${gasLimit}, want ${least}`);
  const balance = (await state.getAccount(sender))?.balance ?? 0n;
  if (balance < gasLimit * gasPrice + value)
    return failed(
      gasPrice === 0n
        ? `insufficient funds for transfer: address ${from}`
        : `insufficient funds for gas * price + value: address ${from} have ${balance} want ${gasLimit * gasPrice + value}`,
    );
  const target = to === undefined ? undefined : new Address(fromHex(to));
  const decoded = { transaction, sender, target, intrinsicGas: intrinsic, floorGas: floor };
  const outcome = await simulateMessage(machine, decoded, environment);
  if (outcome.error !== undefined) return failed(reasonOf(outcome.error), outcome.gasUsed, outcome.output);
  return { ok: true, data: outcome.output, gasUsed: outcome.gasUsed, logs: outcome.logs };
};
