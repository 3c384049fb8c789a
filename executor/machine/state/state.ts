import { type Bytes, concat, uintBE, ZERO_32 } from "../../foundation/bytes.ts";
import { keccak256, keccakOf } from "../../foundation/keccak.ts";
import { TAG, tagByte } from "../../foundation/tags.ts";
import { BLOOM_BYTES } from "../../protocol/bloom.ts";
import type { Fork } from "../../protocol/forks.ts";
import type { Position } from "../../protocol/origin.ts";
import { encodeReference, hashWords, type Reference, type Words, writeReference } from "./memory.ts";
import { hashStack, type Stack } from "./stack.ts";
import { hashTree, type Tree } from "./tree.ts";
import { wordOf, writeU32, writeWord } from "./word.ts";
import type { Code, World } from "./world.ts";

/** What the next step does. Values are consensus. */
export const PHASE = {
  load: 1,
  decode: 2,
  access: 3,
  initcode: 4,
  enter: 5,
  op: 6,
  /** A copy or a hash: `registers.kind` tells. */
  bulk: 7,
  precompile: 8,
  infer: 9,
  exit: 10,
  deposit: 11,
  txend: 12,
  sweep: 13,
  receipt: 14,
  admit: 15,
  authorize: 16,
} as const;
export type Phase = (typeof PHASE)[keyof typeof PHASE];

/** How the frame that is ending ended. `created`: between DEPOSIT and EXIT only. */
export const RESULT = { none: 0, success: 1, revert: 2, halt: 3, created: 4 } as const;
export type Result = (typeof RESULT)[keyof typeof RESULT];

/** What the registers are for. Values are consensus. */
export const REGISTERS = {
  load: 1,
  access: 2,
  /** Of a CREATE or a transaction. */
  initcode: 3,
  /** Into memory from a word tree. */
  copy: 4,
  /** Into memory from code: the source's root and size are the code's. */
  copyCode: 5,
  /** Into the caller's memory, from its returndata. */
  writeBack: 6,
  /** KECCAK256: the hash is pushed at the end. */
  hash: 7,
  /** LOG: `x` = K(address ++ n ++ topics); the hash completes the entry. */
  hashLog: 8,
  /** `source` is the output of the frame that is ending. */
  output: 9,
  /** `x`: the model's id; `y`, `length`, `cursor`: root, bytes and chunks of the artifact. */
  admit: 10,
  infer: 11,
  /** Of a CREATE2; `x`: salt. */
  initcode2: 12,
  authorize: 13,
} as const;
export type RegistersKind = (typeof REGISTERS)[keyof typeof REGISTERS];

/** What a phase of several steps works with; immutable. Fields that a kind does not use are zero. */
export type Registers = {
  readonly kind: RegistersKind;
  readonly source: Reference | CodeReference;
  readonly destination: number;
  readonly cursor: number;
  readonly length: number;
  readonly address: Bytes;
  readonly x: Bytes;
  readonly y: Bytes;
  readonly sponge: Bytes;
};

/** A part of a code: encoded with the chunk tree's root, and the code's size in place of the words. */
export type CodeReference = { readonly code: Code; readonly offset: number; readonly length: number };

const NO_ADDRESS: Bytes = new Uint8Array(20);
const NO_SPONGE: Bytes = new Uint8Array(200);

/** Registers whose fields are zero but for these. */
export const registersOf = (given: Pick<Registers, "kind" | "source"> & Partial<Registers>): Registers => ({
  destination: 0,
  cursor: 0,
  length: 0,
  address: NO_ADDRESS,
  x: ZERO_32,
  y: ZERO_32,
  sponge: NO_SPONGE,
  ...given,
});

/** Logs of the transaction so far. */
export type Logs = { readonly chain: Bytes; readonly count: number; readonly bloom: Bytes };
export const NO_LOGS: Logs = { chain: ZERO_32, count: 0, bloom: new Uint8Array(BLOOM_BYTES) };

/** A link of one of the chains of the sweep record. `slot`: of the fresh chain only. */
export type SweepLink = {
  readonly previous: SweepLink | undefined;
  readonly address: Bytes;
  readonly slot: Bytes | undefined;
  readonly hash: Bytes;
};
/** Slots that went from zero to non-zero in frames of fresh accounts, and accounts that were destroyed. */
export type Sweep = { readonly fresh: SweepLink | undefined; readonly destroyed: SweepLink | undefined };
export const NO_SWEEP: Sweep = { fresh: undefined, destroyed: undefined };

const linkHash = (link: SweepLink | undefined): Bytes => link?.hash ?? ZERO_32;

export const addFreshSlot = ({ fresh, destroyed }: Sweep, address: Bytes, slot: Bytes): Sweep => {
  const hash = keccakOf(tagByte(TAG.freshSlot), linkHash(fresh), address, slot);
  return { fresh: { previous: fresh, address, slot, hash }, destroyed };
};

export const addDestroyed = ({ fresh, destroyed }: Sweep, address: Bytes): Sweep => {
  const hash = keccakOf(tagByte(TAG.destroyedAccount), linkHash(destroyed), address);
  return { fresh, destroyed: { previous: destroyed, address, slot: undefined, hash } };
};

/** What a failing frame goes back to. */
export type Entry = {
  readonly stateRoot: Tree;
  readonly txTree: Tree;
  readonly logs: Logs;
  readonly sweep: Sweep;
  readonly refund: number;
};

/** Bits of a frame's flags. `fresh`: self was created in this transaction. `delegated`: ENTER moves no value. */
export const FLAG = { static: 1, create: 2, fresh: 4, delegated: 8 } as const;

/** A frame, immutable. Its code and entry are none until ENTER. */
export type Frame = {
  readonly parent: Suspended | undefined;
  readonly self: Bytes;
  readonly caller: Bytes;
  readonly codeAddress: Bytes;
  readonly value: bigint;
  readonly code: Code;
  readonly flags: number;
  readonly calldata: Reference;
  readonly outOffset: number;
  readonly outLength: number;
  readonly entry: Entry | undefined;
};

/** A caller that waits: phase OP, operands popped, result not yet pushed, `pc` behind the call. */
export type Suspended = Scalars & {
  readonly stack: Stack;
  readonly memory: Words;
  readonly frame: Frame;
};

/** What a transaction sees of its block. Equal for all transactions of a block. */
export type BlockContext = {
  readonly number: bigint;
  readonly timestamp: bigint;
  readonly gasLimit: bigint;
  readonly baseFee: bigint;
  readonly coinbase: Bytes;
  readonly prevRandao: Bytes;
  readonly chainId: bigint;
  /** Whose rules hold. Not encoded: a function of the timestamp. */
  readonly fork: Fork;
};

/** The transaction, from DECODE on. */
export type Environment = {
  readonly block: BlockContext;
  readonly chainPre: Bytes;
  readonly txLeaf: Bytes;
  readonly origin: Bytes;
  /** Zeros for a creation. */
  readonly to: Bytes;
  /** 0, 1, 2, 4 or 0x7e; bit 7 = creation. */
  readonly kind: number;
  readonly gasLimit: bigint;
  readonly gasPrice: bigint;
  readonly tip: bigint;
  readonly value: bigint;
  readonly data: Reference;
  /** Where the access list stands in the envelope; zero without one. */
  readonly accessOffset: number;
  /** Where the list of authorizations begins in it; zero without one. */
  readonly authorizationOffset: number;
  /** What the transaction takes at least. */
  readonly floorGas: bigint;
  /** Where derivation goes on behind it. Not encoded: the record, which is the chain state's. */
  readonly after: Position;
};

/** Scalars of a state. `pc`: in bulk phases of the instruction after. Gas of one transaction is far below 2^53. */
export type Scalars = {
  readonly phase: Phase;
  readonly result: Result;
  readonly pc: number;
  readonly depth: number;
  readonly gas: number;
  readonly refund: number;
};

/**
 * A machine between two steps of a transaction. The only mutable object: every part is immutable and shared, so that a
 * copy of this object is a snapshot. A step changes fields only once it is sure not to halt.
 */
export type MachineState = {
  -readonly [K in keyof Scalars]: Scalars[K];
} & {
  stack: Stack;
  memory: Words;
  /** Undefined in LOAD and DECODE. */
  frame: Frame | undefined;
  stateRoot: Tree;
  txStartRoot: Tree;
  txTree: Tree;
  logs: Logs;
  sweep: Sweep;
  /** The last child's output, as the running frame sees it. */
  returndata: Reference;
  /** In LOAD and DECODE it is `chainPre`, the hash of the chain state before, and nothing else. */
  env: Environment | undefined;
  chainPre: Bytes;
  registers: Registers | undefined;
  /** Not part of the state: reads and writes of `stateRoot`. */
  readonly world: World;
};

// ---- encodings: of fixed width, big-endian, each behind its tag. A part's hash is kept with the part: most steps change none of them.

const cached = <T extends object>(preimage: (part: T) => Bytes) => {
  const hashes = new WeakMap<T, Bytes>();
  return (part: T | undefined): Bytes => {
    if (part === undefined) return ZERO_32;
    let hash = hashes.get(part);
    if (hash === undefined) {
      hash = keccak256(preimage(part));
      hashes.set(part, hash);
    }
    return hash;
  };
};

const writeU64 = (view: DataView, at: number, value: number): void => {
  view.setUint32(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 4, value % 2 ** 32);
};

/** 31 bytes: phase, result, pad, pc, sp, depth, memWords, gas, refund. */
const writeScalars = (view: DataView, at: number, state: Scalars, size: { sp: number; memWords: number }): void => {
  view.setUint8(at, state.phase);
  view.setUint8(at + 1, state.result);
  view.setUint8(at + 2, 0);
  view.setUint32(at + 3, state.pc);
  view.setUint16(at + 7, size.sp);
  view.setUint16(at + 9, state.depth);
  view.setUint32(at + 11, size.memWords);
  writeU64(view, at + 15, state.gas);
  writeU64(view, at + 23, state.refund);
};

export const encodeLogs = ({ chain, count, bloom }: Logs): Bytes =>
  concat(tagByte(TAG.logsRecord), chain, uintBE(count, 4), keccakOf(tagByte(TAG.bloom), bloom));
export const hashLogs = cached(encodeLogs);

export const encodeSweep = ({ fresh, destroyed }: Sweep): Bytes =>
  concat(tagByte(TAG.sweepRecord), linkHash(fresh), linkHash(destroyed));
export const hashSweep = cached(encodeSweep);

const writeSource = (out: Bytes, at: number, source: Registers["source"]): void => {
  if ("words" in source) {
    writeReference(out, at, source);
    return;
  }
  const { code, offset, length } = source;
  if (length === 0) return;
  out.set(code.root, at);
  writeU32(out, at + 32, code.size);
  writeU32(out, at + 36, offset);
  writeU32(out, at + 40, length);
};

/** 342 bytes. */
export const encodeRegisters = (registers: Registers): Bytes => {
  const out = new Uint8Array(342);
  out[0] = TAG.registers;
  out[1] = registers.kind;
  writeSource(out, 2, registers.source);
  writeU32(out, 46, registers.destination);
  writeU32(out, 50, registers.cursor);
  writeU32(out, 54, registers.length);
  out.set(registers.address, 58);
  out.set(registers.x, 78);
  out.set(registers.y, 110);
  out.set(registers.sponge, 142);
  return out;
};
export const hashRegisters = cached(encodeRegisters);

export const encodeSuspended = (suspended: Suspended): Bytes => {
  const out = new Uint8Array(128);
  out[0] = TAG.suspended;
  const size = { sp: suspended.stack.size, memWords: suspended.memory.count };
  writeScalars(new DataView(out.buffer), 1, suspended, size);
  out.set(hashStack(suspended.stack), 32);
  out.set(hashWords(suspended.memory.root), 64);
  out.set(hashFrame(suspended.frame), 96);
  return out;
};
export const hashSuspended = cached(encodeSuspended);

/** 350 bytes. */
export const encodeFrame = (frame: Frame): Bytes => {
  const { entry } = frame;
  const out = new Uint8Array(350);
  const view = new DataView(out.buffer);
  out[0] = TAG.frame;
  out.set(hashSuspended(frame.parent), 1);
  out.set(frame.self, 33);
  out.set(frame.caller, 53);
  out.set(frame.codeAddress, 73);
  writeWord(view, 93, frame.value);
  out.set(frame.code.root, 125);
  view.setUint32(157, frame.code.size);
  out[161] = frame.flags;
  writeReference(out, 162, frame.calldata);
  view.setUint32(206, frame.outOffset);
  view.setUint32(210, frame.outLength);
  if (entry === undefined) return out;
  out.set(hashTree(entry.stateRoot), 214);
  out.set(hashTree(entry.txTree), 246);
  out.set(hashLogs(entry.logs), 278);
  out.set(hashSweep(entry.sweep), 310);
  writeU64(view, 342, entry.refund);
  return out;
};
export const hashFrame: (frame: Frame | undefined) => Bytes = cached(encodeFrame);

export const encodeBlockContext = (block: BlockContext): Bytes =>
  concat(
    tagByte(TAG.blockEnvironment),
    uintBE(block.number, 8),
    uintBE(block.timestamp, 8),
    uintBE(block.gasLimit, 8),
    wordOf(block.baseFee),
    block.coinbase,
    block.prevRandao,
    uintBE(block.chainId, 8),
  );
export const hashBlockContext = cached(encodeBlockContext);

export const encodeEnvironment = (env: Environment): Bytes =>
  concat(
    tagByte(TAG.environment),
    hashBlockContext(env.block),
    env.chainPre,
    env.txLeaf,
    env.origin,
    env.to,
    Uint8Array.of(env.kind),
    uintBE(env.gasLimit, 8),
    wordOf(env.gasPrice),
    wordOf(env.tip),
    wordOf(env.value),
    encodeReference(env.data),
    uintBE(env.accessOffset, 4),
    uintBE(env.authorizationOffset, 4),
    uintBE(env.floorGas, 8),
    uintBE(env.after.cursor, 4),
    uintBE(env.after.delayed, 8),
  );
export const hashEnvironment = cached(encodeEnvironment);

/** `0x40 ++ frame ++ stateRoot ++ txStartRoot ++ txTree ++ logs ++ sweep ++ returndata ++ env ++ registers`. */
export const encodeRest = (state: MachineState): Bytes => {
  const out = new Uint8Array(301);
  out[0] = TAG.rest;
  out.set(hashFrame(state.frame), 1);
  out.set(hashTree(state.stateRoot), 33);
  out.set(hashTree(state.txStartRoot), 65);
  out.set(hashTree(state.txTree), 97);
  out.set(hashLogs(state.logs), 129);
  out.set(hashSweep(state.sweep), 161);
  writeReference(out, 193, state.returndata);
  out.set(state.env === undefined ? state.chainPre : hashEnvironment(state.env), 237);
  out.set(hashRegisters(state.registers), 269);
  return out;
};

/** The parts of the last rest that was hashed: most steps leave all of them alone. */
type RestMemory = { readonly parts: readonly unknown[]; readonly hash: Bytes };

/** Hashes states of one machine; what did not change since the last one is not hashed again. */
export const createHasher = () => {
  let memory: RestMemory | undefined;
  const preimage = new Uint8Array(128);
  const view = new DataView(preimage.buffer);

  const hashRest = (s: MachineState): Bytes => {
    const p = memory?.parts;
    if (
      memory !== undefined &&
      p !== undefined &&
      p[0] === s.frame &&
      p[1] === s.stateRoot &&
      p[2] === s.txTree &&
      p[3] === s.registers &&
      p[4] === s.returndata &&
      p[5] === s.logs &&
      p[6] === s.sweep &&
      p[7] === s.env &&
      p[8] === s.txStartRoot &&
      p[9] === s.chainPre
    )
      return memory.hash;
    const parts = [
      s.frame,
      s.stateRoot,
      s.txTree,
      s.registers,
      s.returndata,
      s.logs,
      s.sweep,
      s.env,
      s.txStartRoot,
      s.chainPre,
    ];
    memory = { parts, hash: keccak256(encodeRest(s)) };
    return memory.hash;
  };

  /** The 128 bytes behind a state's hash, valid until the next call. */
  const encode = (state: MachineState): Bytes => {
    preimage[0] = TAG.machineState;
    writeScalars(view, 1, state, { sp: state.stack.size, memWords: state.memory.count });
    preimage.set(hashStack(state.stack), 32);
    preimage.set(hashWords(state.memory.root), 64);
    preimage.set(hashRest(state), 96);
    return preimage;
  };

  return { encode, hash: (state: MachineState): Bytes => keccak256(encode(state)) };
};
