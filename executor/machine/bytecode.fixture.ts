import { type Bytes, concat, fromHex, uintBE } from "../foundation/bytes.ts";

export const OP = {
  stop: 0x00,
  add: 0x01,
  sub: 0x03,
  lt: 0x10,
  gt: 0x11,
  and: 0x16,
  eq: 0x14,
  not: 0x19,
  iszero: 0x15,
  keccak256: 0x20,
  address: 0x30,
  balance: 0x31,
  caller: 0x33,
  codesize: 0x38,
  callvalue: 0x34,
  calldataload: 0x35,
  calldatasize: 0x36,
  calldatacopy: 0x37,
  codecopy: 0x39,
  extcodesize: 0x3b,
  extcodecopy: 0x3c,
  returndatasize: 0x3d,
  returndatacopy: 0x3e,
  extcodehash: 0x3f,
  blockhash: 0x40,
  pop: 0x50,
  mload: 0x51,
  mstore: 0x52,
  mstore8: 0x53,
  sload: 0x54,
  sstore: 0x55,
  jump: 0x56,
  jumpi: 0x57,
  gas: 0x5a,
  jumpdest: 0x5b,
  tload: 0x5c,
  tstore: 0x5d,
  mcopy: 0x5e,
  log0: 0xa0,
  create: 0xf0,
  call: 0xf1,
  callcode: 0xf2,
  return: 0xf3,
  delegatecall: 0xf4,
  create2: 0xf5,
  staticcall: 0xfa,
  revert: 0xfd,
  invalid: 0xfe,
  selfdestruct: 0xff,
} as const;

/** An opcode, a number to push, or bytes as they are. */
export type Item = number | bigint | Bytes;

const pushOf = (value: bigint): Bytes => {
  const size = Math.ceil(value.toString(16).length / 2);
  return value === 0n ? Uint8Array.of(0x5f) : concat(Uint8Array.of(0x5f + size), uintBE(value, size));
};

export const assemble = (...items: readonly Item[]): Bytes =>
  concat(
    ...items.map((item) =>
      typeof item === "number" ? Uint8Array.of(item) : typeof item === "bigint" ? pushOf(item) : item,
    ),
  );

/** An instruction behind its operands, the topmost first. */
export const op = (opcode: number, ...operands: readonly Item[]): Bytes => assemble(...operands.toReversed(), opcode);

/** Stores the first word of `bytes` (at most 32), left-aligned, at 0: the code of a small creation. */
export const storeBytes = (bytes: Bytes): Bytes =>
  op(OP.mstore, 0n, concat(Uint8Array.of(0x7f), bytes, new Uint8Array(32 - bytes.length)));

/** Init code, at most 255 bytes of head, that returns `runtime`. */
export const initCodeOf = (runtime: Bytes): Bytes => {
  const head = (at: number) =>
    concat(fromHex("0x61"), uintBE(runtime.length, 2), fromHex("0x8060"), Uint8Array.of(at), fromHex("0x5f395ff3"));
  return concat(head(head(0).length), runtime);
};

type Call = {
  readonly to: Item;
  readonly gas?: Item;
  readonly value?: Item;
  readonly input?: readonly [offset: bigint, length: bigint];
  readonly output?: readonly [offset: bigint, length: bigint];
};

/** One of the four calls; leaves its success on the stack. */
export const callOf = (opcode: number, { to, gas = OP.gas, value = 0n, input = [0n, 0n], output = [0n, 0n] }: Call) => {
  const valued = opcode === OP.call || opcode === OP.callcode;
  return op(opcode, gas, to, ...(valued ? [value] : []), ...input, ...output);
};
