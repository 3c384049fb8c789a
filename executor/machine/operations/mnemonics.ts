import { type Bytes, toHex } from "../../foundation/bytes.ts";

/** Instructions' names by opcode, those of a row from its first on; `_`: undefined. */
const ROWS: Readonly<Record<number, string>> = {
  0: "stop add mul sub div sdiv mod smod addmod mulmod exp signextend",
  16: "lt gt slt sgt eq iszero and or xor not byte shl shr sar clz",
  32: "keccak256",
  48: "address balance origin caller callvalue calldataload calldatasize calldatacopy codesize codecopy gasprice extcodesize extcodecopy returndatasize returndatacopy extcodehash",
  64: "blockhash coinbase timestamp number prevrandao gaslimit chainid selfbalance basefee blobhash blobbasefee",
  80: "pop mload mstore mstore8 sload sstore jump jumpi pc msize gas jumpdest tload tstore mcopy push0",
  160: "log0 log1 log2 log3 log4",
  240: "create call callcode return delegatecall create2 _ _ _ _ staticcall _ _ revert invalid selfdestruct",
};
const PUSH = 0x60;
const SIZED = [
  [PUSH, 32, "push"],
  [0x80, 16, "dup"],
  [0x90, 16, "swap"],
] as const;

const MNEMONICS: ReadonlyMap<number, string> = new Map([
  ...Object.entries(ROWS).flatMap(([first, names]) =>
    names.split(" ").flatMap((name, i) => (name === "_" ? [] : [[Number(first) + i, name] as const])),
  ),
  ...SIZED.flatMap(([first, count, name]) =>
    Array.from({ length: count }, (_, i) => [first + i, `${name}${i + 1}`] as const),
  ),
]);

/** The instruction at a place of a code, in lower case and without its immediate; behind the code's end is STOP. */
export const mnemonicAt = (code: Bytes, pc: number): string => {
  const opcode = code[pc] ?? 0;
  return MNEMONICS.get(opcode) ?? `undefined 0x${opcode.toString(16).padStart(2, "0")}`;
};

/** What a PUSH at this place pushes, as far as the code has it; undefined for other instructions. */
export const immediateAt = (code: Bytes, pc: number): string | undefined => {
  const size = (code[pc] ?? 0) - PUSH + 1;
  return size < 1 || size > 32 ? undefined : toHex(code.subarray(pc + 1, pc + 1 + size));
};
