import { type Bytes, fromHex } from "../foundation/bytes.ts";
import { keccak256 } from "../foundation/keccak.ts";
import { AUTHORIZATION_REFUND, DELEGATION_BYTES, delegateOf, delegationTo } from "../protocol/delegation.ts";
import {
  authorityOf,
  DEPOSIT_TYPE,
  decodeAuthorization,
  decodeEnvelope,
  isRefusal,
  MAX_INITCODE_BYTES,
  SET_CODE_TYPE,
} from "../protocol/envelope.ts";
import { includes } from "../protocol/forks.ts";
import {
  type Authorization,
  type ChainTransaction,
  type DecodedTransaction,
  transactionLeaf,
} from "../protocol/transaction.ts";
import { isEmptyAccount } from "../state/account.ts";
import type { UnitContext } from "./context.ts";
import { sourceOf } from "./frames.ts";
import { creationFrame } from "./operations/calls.ts";
import { NO_WORDS, type Reference, readBytes, readReference, referTo, type Words } from "./state/memory.ts";
import { itemSpan, type Span, spanOf } from "./state/span.ts";
import {
  type BlockContext,
  type Environment,
  type Frame,
  type MachineState,
  PHASE,
  REGISTERS,
  RESULT,
  type Registers,
  registersOf,
} from "./state/state.ts";
import { type Account, codeFrom, NO_CODE, warmAddress, warmSlot } from "./state/world.ts";

/** DECODE and ACCESS: whether a transaction is valid, what it pays first, and what it makes warm. */

const MAX_NONCE = 2n ** 64n - 1n;
const NO_ADDRESS: Bytes = new Uint8Array(20);
/** Of an RLP header, at most. */
export const HEADER_BYTES = 5;
/** Bit of an environment's kind. */
export const CREATION = 0x80;

/** Items of an envelope's list, by transaction type. */
const FIELDS: Readonly<Record<number, { readonly data: number; readonly accessList: number | undefined }>> = {
  0: { data: 5, accessList: undefined },
  1: { data: 6, accessList: 7 },
  2: { data: 7, accessList: 8 },
  [SET_CODE_TYPE]: { data: 7, accessList: 8 },
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
  { transaction, floorGas }: DecodedTransaction,
  sender: Account,
  { block, pre, delayed }: Pick<UnitContext, "block" | "pre" | "delayed">,
): boolean => {
  if (transaction.deposit !== undefined) return true;
  const { gasLimit, nonce, value, type } = transaction;
  const isPrague = includes(block.fork, "prague");
  if (isPrague ? gasLimit < floorGas : type === SET_CODE_TYPE) return false;
  const { code } = sender;
  const isDelegated = isPrague && code.size === DELEGATION_BYTES && delegateOf(code.bytes) !== undefined;
  const { maximum } = pricesOf(transaction, block.baseFee);
  return (
    maximum >= block.baseFee &&
    gasLimit <= block.gasLimit - pre.gasUsed &&
    // L1 metered the messages of its queue.
    (delayed !== undefined || gasLimit <= pre.budget) &&
    (code.size === 0 || isDelegated) &&
    nonce === sender.nonce &&
    nonce < MAX_NONCE &&
    sender.balance >= gasLimit * maximum + value
  );
};

/** The transaction, if the stateless rules hold and a message of the delayed queue is what its kind says. */
export const decode = (
  envelope: Bytes,
  { delayed, parameters, gasCap }: UnitContext,
): DecodedTransaction | undefined => {
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
  return {
    data,
    access: access === undefined || access.start === access.end ? undefined : access,
    // The list of authorizations stands behind the access list.
    authorizations: type === SET_CODE_TYPE ? (access as Span).end : 0,
  };
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

/** Behind DECODE and the access list: the authorizations. `envelope`: its words. */
const beginAuthorizations = (state: MachineState, env: Environment, envelope: Words): void => {
  if (env.authorizationOffset === 0) {
    begin(state, env);
    return;
  }
  const head = readReference(referTo(envelope, env.authorizationOffset, HEADER_BYTES), 0, HEADER_BYTES);
  const { start, end } = spanOf(head, 0);
  const source = referTo(envelope, env.authorizationOffset + start, end - start);
  state.registers = registersOf({ kind: REGISTERS.authorize, source });
  state.phase = PHASE.authorize;
};

/** Behind all lists: the top frame begins. */
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
  const { transaction, intrinsicGas, floorGas } = decoded;
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
    state.txTree = warmAddress(state.txTree, address, block.fork);
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
    authorizationOffset: places.authorizations,
    floorGas: includes(block.fork, "prague") ? floorGas : 0n,
    after: context.after,
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
  if (places.access === undefined) beginAuthorizations(state, env, memory);
  else {
    const source = referTo(memory, places.access.start, places.access.end - places.access.start);
    state.registers = registersOf({ kind: REGISTERS.access, source });
    state.phase = PHASE.access;
  }
  return true;
};

/** Bytes that the headers of an entry and of its keys have at most, its address between them. */
export const ENTRY_BYTES = 32;
const ADDRESS_ITEM = 21;
const KEY_ITEM = 33;

/** The entry of the access list at the cursor. `keys`: payload of their list, from the entry's begin on. */
export const nextEntry = ({ source, cursor }: Registers): { readonly address: Bytes; readonly keys: Span } => {
  const head = readReference(sourceOf({ source }), cursor, ENTRY_BYTES);
  const { start } = spanOf(head, 0);
  return { address: head.slice(start + 1, start + ADDRESS_ITEM), keys: spanOf(head, start + ADDRESS_ITEM) };
};

/** The slot at the cursor. */
export const nextSlot = ({ source, cursor }: Registers): Bytes =>
  readReference(sourceOf({ source }), cursor + 1, KEY_ITEM - 1);

/**
 * One address or one slot of the access list becomes warm. `cursor`: next item in the list's payload; `length`: where the
 * keys of `address` end.
 */
export const runAccess = (state: MachineState): void => {
  const { registers, env } = state;
  if (registers === undefined || env === undefined) return;
  const { cursor, length } = registers;
  let after = registers;
  if (cursor < length) {
    state.txTree = warmSlot(state.txTree, registers.address, nextSlot(registers));
    after = { ...registers, cursor: cursor + KEY_ITEM };
  } else {
    const { address, keys } = nextEntry(registers);
    state.txTree = warmAddress(state.txTree, address, env.block.fork);
    after = { ...registers, address, cursor: cursor + keys.start, length: cursor + keys.end };
  }
  if (after.cursor === after.source.length) beginAuthorizations(state, env, sourceOf(after).words);
  else state.registers = after;
};

/** Of an authorization's list, header and all: six items of at most 33 bytes. */
export const MOST_AUTHORIZATION_BYTES = 2 + 33 + 21 + 9 + 2 + 33 + 33;

/** The authorization at the cursor. `end`: bytes that it has. */
export const nextAuthorization = ({ source, cursor }: Registers): { authorization: Authorization; end: number } => {
  const list = sourceOf({ source });
  const head = readReference(list, cursor, Math.min(MOST_AUTHORIZATION_BYTES, list.length - cursor));
  const { end } = spanOf(head, 0);
  return { authorization: decodeAuthorization(head.subarray(0, end)), end };
};

/** Whose account an authorization of this chain is about; undefined: nobody's. */
export const authorityFor = (authorization: Authorization, { chainId }: BlockContext): Bytes | undefined => {
  const isOurs = authorization.chainId === 0n || authorization.chainId === chainId;
  return isOurs && authorization.nonce < MAX_NONCE ? authorityOf(authorization) : undefined;
};

/** Lets an account's code be another's, if it signed that and nothing speaks against it. */
const authorize = (state: MachineState, authorization: Authorization, block: BlockContext): void => {
  const { nonce } = authorization;
  const authority = authorityFor(authorization, block);
  if (authority === undefined) return;
  const { world } = state;
  state.txTree = warmAddress(state.txTree, authority, block.fork);
  const account = world.account(state.stateRoot, authority);
  const { code } = account;
  const isFree = code.size === 0 || (code.size === DELEGATION_BYTES && delegateOf(code.bytes) !== undefined);
  if (!isFree || account.nonce !== nonce) return;
  if (!isEmptyAccount(account)) state.refund += Number(AUTHORIZATION_REFUND);
  const delegation = codeFrom(delegationTo(fromHex(authorization.address)));
  state.stateRoot = world.setAccount(state.stateRoot, authority, { ...account, nonce: nonce + 1n, code: delegation });
};

/** One authorization. `cursor`: the next one in the list's payload. */
export const runAuthorize = (state: MachineState): void => {
  const { registers, env } = state;
  if (registers === undefined || env === undefined) return;
  const { authorization, end } = nextAuthorization(registers);
  authorize(state, authorization, env.block);
  const cursor = registers.cursor + end;
  if (cursor === registers.source.length) begin(state, env);
  else state.registers = { ...registers, cursor };
};
