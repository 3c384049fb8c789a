import { type Bytes, fromHex } from "../foundation/bytes.ts";
import { keccak256 } from "../foundation/keccak.ts";
import { DEPOSIT_TYPE, decodeEnvelope, isRefusal, MAX_INITCODE_BYTES } from "../protocol/envelope.ts";
import { type ChainTransaction, type DecodedTransaction, transactionLeaf } from "../protocol/transaction.ts";
import type { UnitContext } from "./context.ts";
import { creationFrame } from "./operations/calls.ts";
import { NO_WORDS, type Reference, readBytes, readReference, referTo } from "./state/memory.ts";
import { itemSpan, spanOf } from "./state/span.ts";
import {
  type Environment,
  type Frame,
  type MachineState,
  PHASE,
  REGISTERS,
  RESULT,
  registersOf,
} from "./state/state.ts";
import { type Account, NO_CODE, warmAddress, warmSlot } from "./state/world.ts";

/** DECODE and ACCESS: whether a transaction is valid, what it pays first, and what it makes warm. */

const MAX_NONCE = 2n ** 64n - 1n;
const NO_ADDRESS: Bytes = new Uint8Array(20);
/** Bit of an environment's kind. */
export const CREATION = 0x80;

/** Items of an envelope's list, by transaction type. */
const FIELDS: Readonly<Record<number, { readonly data: number; readonly accessList: number | undefined }>> = {
  0: { data: 5, accessList: undefined },
  1: { data: 6, accessList: 7 },
  2: { data: 7, accessList: 8 },
  [DEPOSIT_TYPE]: { data: 7, accessList: undefined },
};

type Prices = { readonly maximum: bigint; readonly effective: bigint };

const pricesOf = (transaction: ChainTransaction, baseFee: bigint): Prices => {
  const { deposit, gasPrice = 0n, maxFeePerGas = gasPrice, maxPriorityFeePerGas = maxFeePerGas } = transaction;
  if (deposit !== undefined) return { maximum: 0n, effective: 0n };
  const capped = baseFee + maxPriorityFeePerGas;
  return { maximum: maxFeePerGas, effective: capped < maxFeePerGas ? capped : maxFeePerGas };
};

/** Rules 8 to 12: against the block and the sender's account. Deposits are under none of them. */
const isValid = (
  { transaction }: DecodedTransaction,
  sender: Account,
  { block, pre, delayed }: Pick<UnitContext, "block" | "pre" | "delayed">,
): boolean => {
  if (transaction.deposit !== undefined) return true;
  const { gasLimit, nonce, value } = transaction;
  const { maximum } = pricesOf(transaction, block.baseFee);
  return (
    maximum >= block.baseFee &&
    gasLimit <= block.gasLimit - pre.gasUsed &&
    // L1 metered the messages of its queue.
    (delayed !== undefined || gasLimit <= pre.budget) &&
    sender.code.size === 0 &&
    nonce === sender.nonce &&
    nonce < MAX_NONCE &&
    sender.balance >= gasLimit * maximum + value
  );
};

/** The transaction, if the stateless rules hold and a message of the delayed queue is what its kind says. */
const decode = (envelope: Bytes, { delayed, parameters, gasCap }: UnitContext): DecodedTransaction | undefined => {
  if ((envelope[0] === DEPOSIT_TYPE) !== (delayed?.kind === "deposit")) return undefined;
  const decoded = decodeEnvelope(envelope, { chainId: parameters.chainId, gasCap });
  if (isRefusal(decoded)) return undefined;
  const isOverdrawn = delayed?.kind === "raw" && decoded.transaction.gasLimit > delayed.gas;
  return isOverdrawn ? undefined : decoded;
};

/** Where calldata and the access list's entries lie in the envelope. */
const placesIn = (envelope: Bytes, { type }: ChainTransaction) => {
  const list = type === 0 ? 0 : 1;
  const fields = FIELDS[type] as (typeof FIELDS)[number];
  const data = itemSpan(envelope, list, fields.data);
  const access = fields.accessList === undefined ? undefined : itemSpan(envelope, list, fields.accessList);
  return { data, access: access === undefined || access.start === access.end ? undefined : access };
};

const topFrame = (transaction: ChainTransaction, sender: Bytes, data: Reference): Frame => {
  const rest = { parent: undefined, code: NO_CODE, entry: undefined };
  if (transaction.to === undefined) return { ...creationFrame(sender, transaction.value), ...rest };
  const self = fromHex(transaction.to);
  return {
    ...rest,
    self,
    caller: sender,
    codeAddress: self,
    value: transaction.value,
    flags: 0,
    calldata: data,
    outOffset: 0,
    outLength: 0,
  };
};

/** Behind DECODE and the access list: the top frame begins. */
const begin = (state: MachineState, { kind, data }: Environment): void => {
  const isCreation = (kind & CREATION) !== 0;
  state.registers = isCreation ? registersOf({ kind: REGISTERS.initcode, source: data }) : undefined;
  state.phase = isCreation ? PHASE.initcode : PHASE.enter;
};

/** False: the envelope is no transaction of the block, and the unit ends without effect. */
export const runDecode = (state: MachineState, context: UnitContext): boolean => {
  const { world, memory } = state;
  const envelope = readBytes(memory, 0, state.registers?.length ?? 0);
  const decoded = decode(envelope, context);
  if (decoded === undefined) return false;
  const { transaction, intrinsicGas } = decoded;
  const origin = decoded.sender.bytes;
  const sender = world.account(state.stateRoot, origin);
  if (!isValid(decoded, sender, context)) return false;
  const { block } = context;
  const { deposit, gasLimit, to, value, data: bytes } = transaction;
  const { effective } = pricesOf(transaction, block.baseFee);
  const balance = sender.balance + (deposit?.mint ?? 0n) - gasLimit * effective;
  const places = placesIn(envelope, transaction);
  const data = referTo(memory, places.data.start, places.data.end - places.data.start);
  const kind = transaction.type | (to === undefined ? CREATION : 0);

  state.stateRoot = world.setAccount(state.stateRoot, origin, { ...sender, balance, nonce: sender.nonce + 1n });
  state.txStartRoot = state.stateRoot;
  for (const address of [origin, ...(to === undefined ? [] : [fromHex(to)]), block.coinbase])
    state.txTree = warmAddress(state.txTree, address);
  const env: Environment = {
    block,
    chainPre: context.chainPre,
    txLeaf: transactionLeaf(keccak256(envelope)),
    origin,
    to: to === undefined ? NO_ADDRESS : fromHex(to),
    kind,
    gasLimit,
    gasPrice: effective,
    tip: deposit === undefined ? effective - block.baseFee : 0n,
    value,
    data,
    accessOffset: places.access?.start ?? 0,
  };
  state.env = env;
  state.memory = NO_WORDS;
  const isHopeless = gasLimit < intrinsicGas || (to === undefined && bytes.length > MAX_INITCODE_BYTES);
  if (deposit !== undefined && (isHopeless || balance < value)) {
    // A deposit that cannot start takes all its gas.
    state.result = RESULT.halt;
    state.registers = undefined;
    state.phase = PHASE.txend;
    return true;
  }
  state.gas = Number(gasLimit - intrinsicGas);
  state.frame = topFrame(transaction, origin, data);
  if (places.access === undefined) begin(state, env);
  else {
    const source = referTo(memory, places.access.start, places.access.end - places.access.start);
    state.registers = registersOf({ kind: REGISTERS.access, source });
    state.phase = PHASE.access;
  }
  return true;
};

/** Bytes that the headers of an entry and of its keys have at most, its address between them. */
const ENTRY_BYTES = 32;
const ADDRESS_ITEM = 21;
const KEY_ITEM = 33;

/**
 * One address or one slot of the access list becomes warm. `cursor`: next item in the list's payload; `length`: where the
 * keys of `address` end.
 */
export const runAccess = (state: MachineState): void => {
  const registers = state.registers;
  const env = state.env;
  if (registers === undefined || env === undefined || !("words" in registers.source)) return;
  const { source, cursor, length } = registers;
  let after = registers;
  if (cursor < length) {
    const slot = readReference(source, cursor + 1, KEY_ITEM - 1);
    state.txTree = warmSlot(state.txTree, registers.address, slot);
    after = { ...registers, cursor: cursor + KEY_ITEM };
  } else {
    const head = readReference(source, cursor, ENTRY_BYTES);
    const entry = spanOf(head, 0);
    const address = head.slice(entry.start + 1, entry.start + ADDRESS_ITEM);
    const keys = spanOf(head, entry.start + ADDRESS_ITEM);
    state.txTree = warmAddress(state.txTree, address);
    after = { ...registers, address, cursor: cursor + keys.start, length: cursor + keys.end };
  }
  if (after.cursor === source.length) begin(state, env);
  else state.registers = after;
};
