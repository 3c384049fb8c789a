import { type Bytes, EMPTY_BYTES } from "../../foundation/bytes.ts";
import { CodedError } from "../../foundation/errors.ts";
import { keccakOf } from "../../foundation/keccak.ts";
import { TAG, tagByte } from "../../foundation/tags.ts";
import { type Fork, includes } from "../../protocol/forks.ts";
import { type AccountRecord, accountKey, accountValue, isEmptyAccount, slotKey } from "../../state/account.ts";
import { type CodeInfo, codeInfo, EMPTY_CODE } from "../../state/code.ts";
import type { StateErrorCode } from "../../state/errors.ts";
import type { StateGround } from "../../state/world.ts";
import { committedTree, deleteLeaf, findLeaf, putLeaf, type Tree, type TreeLeaf } from "./tree.ts";
import { numberIn, wordOf } from "./word.ts";

/** Code with what the account's leaf commits to of it. */
export type Code = CodeInfo & {
  readonly bytes: Bytes;
  /** 1 where a jump may land. */
  readonly targets: Bytes;
};

export type Account = Pick<AccountRecord, "nonce" | "balance"> & { readonly code: Code };

const targetsOf = (code: Bytes): Bytes => {
  const targets = new Uint8Array(code.length);
  for (let i = 0; i < code.length; i++) {
    const opcode = code[i] as number;
    if (opcode === 0x5b) targets[i] = 1;
    else if (opcode >= 0x60 && opcode <= 0x7f) i += opcode - 0x5f;
  }
  return targets;
};

const createCode = (info: CodeInfo, read: () => Bytes): Code => {
  let bytes: Bytes | undefined;
  let targets: Bytes | undefined;
  return {
    ...info,
    get bytes() {
      bytes ??= read();
      return bytes;
    },
    get targets() {
      targets ??= targetsOf(this.bytes);
      return targets;
    },
  };
};

export const NO_CODE: Code = createCode(EMPTY_CODE, () => EMPTY_BYTES);

/** Bytes that become code. */
export const codeFrom = (bytes: Bytes): Code =>
  bytes.length === 0 ? NO_CODE : createCode(codeInfo(bytes), () => bytes);

const NOBODY: Account = { nonce: 0n, balance: 0n, code: NO_CODE };

/** What a leaf of the committed version stands for: only its values' hash is in the tree. */
export type Ground = {
  account(address: Bytes): AccountRecord;
  code(info: CodeInfo): Bytes;
};

/** Reading and writing accounts and slots of a state by its root: every function is pure. */
export const createWorld = (ground: Ground) => {
  /** Codes of the committed version that were met, by hash: their jump targets are found once. */
  const codes = new Map<string, Code>();
  const codeOf = (info: CodeInfo): Code => {
    if (info.size === 0) return NO_CODE;
    const known = codes.get(info.key);
    if (known !== undefined) return known;
    const code = createCode(info, () => ground.code(info));
    codes.set(info.key, code);
    return code;
  };

  const contentOf = (leaf: TreeLeaf, address: Bytes): Account => {
    if (leaf.content === undefined) {
      const { nonce, balance, code } = ground.account(address);
      leaf.content = { nonce, balance, code: codeOf(code) } satisfies Account;
    }
    return leaf.content as Account;
  };

  return {
    /** Undefined: absent, which is the same as empty. */
    findAccount(state: Tree, address: Bytes): Account | undefined {
      const leaf = findLeaf(state, accountKey(address));
      return leaf === undefined ? undefined : contentOf(leaf, address);
    },
    /** The account, an empty one where there is none. */
    account(state: Tree, address: Bytes): Account {
      const leaf = findLeaf(state, accountKey(address));
      return leaf === undefined ? NOBODY : contentOf(leaf, address);
    },
    /** INVARIANT: an empty account is never a leaf. */
    setAccount(state: Tree, address: Bytes, account: Account): Tree {
      const key = accountKey(address);
      if (isEmptyAccount(account)) return deleteLeaf(state, key);
      return putLeaf(state, key, accountValue(account), account);
    },
    removeAccount: (state: Tree, address: Bytes): Tree => deleteLeaf(state, accountKey(address)),
    slot(state: Tree, address: Bytes, slot: Bytes): bigint {
      const leaf = findLeaf(state, slotKey(address, slot));
      return leaf === undefined ? 0n : numberIn(leaf.value);
    },
    /** Zero deletes. */
    setSlot(state: Tree, address: Bytes, slot: Bytes, value: bigint): Tree {
      const key = slotKey(address, slot);
      return value === 0n ? deleteLeaf(state, key) : putLeaf(state, key, wordOf(value));
    },
  };
};
export type World = ReturnType<typeof createWorld>;

const textOf = (bytes: Bytes): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");

const corrupt = (what: string) => new CodedError<StateErrorCode>("STATE_CORRUPT", what);

/** The world above a committed version, and the tree at its root. */
export const openWorld = ({ root, nodes, reader }: StateGround): { readonly world: World; readonly tree: Tree } => ({
  tree: committedTree(nodes, root),
  world: createWorld({
    account(address) {
      const record = reader.account(textOf(address));
      if (record === undefined) throw corrupt("the tree has an account that the state lacks");
      return record;
    },
    code({ key }) {
      const bytes = reader.code(key);
      if (bytes === undefined) throw corrupt("code is missing");
      return bytes;
    },
  }),
});

/*
 * The transaction's own tree, empty at its begin: which addresses are warm, created, destroyed; which slots are warm;
 * transient storage. It is reverted with the frame, as the state is.
 */

/** Bits of an address's mark. */
export const MARK = { warm: 1n, created: 2n, destroyed: 4n } as const;

/** The last of those from 1 on, and those beside them. */
const LAST_PRECOMPILE: Readonly<Record<Fork, number>> = { cancun: 0x0a, prague: 0x11, osaka: 0x11 };
const P256_VERIFY = 0x100;

/** Ethereum's precompiles of the fork, INFER and ADMIT are warm by rule: no mark of theirs is read or written. */
export const isPrecompile = (address: Bytes, fork: Fork): boolean => {
  for (let i = 1; i < 18; i++) if (address[i] !== 0) return false;
  const last = (address[18] as number) * 256 + (address[19] as number);
  if (address[0] === 0x42) return last === 0xa1 || last === 0xa3;
  if (address[0] !== 0) return false;
  return (last >= 1 && last <= LAST_PRECOMPILE[fork]) || (last === P256_VERIFY && includes(fork, "osaka"));
};

/** Keys of the transaction's own tree. */
export const addressMark = (address: Bytes): Bytes => keccakOf(tagByte(TAG.addressMark), address);
export const slotMark = (address: Bytes, slot: Bytes): Bytes => keccakOf(tagByte(TAG.slotMark), address, slot);
export const transientKey = (address: Bytes, slot: Bytes): Bytes => keccakOf(tagByte(TAG.transientSlot), address, slot);

const valueAt = (tree: Tree, key: Bytes): bigint => {
  const leaf = findLeaf(tree, key);
  return leaf === undefined ? 0n : numberIn(leaf.value);
};

/** Bits of MARK. */
export const markOf = (marks: Tree, address: Bytes): bigint => valueAt(marks, addressMark(address));

export const setMark = (marks: Tree, address: Bytes, mark: bigint): Tree =>
  putLeaf(marks, addressMark(address), wordOf(mark));

/** The tree in which the address is warm as well; the same object if it was. */
export const warmAddress = (marks: Tree, address: Bytes, fork: Fork): Tree => {
  if (isPrecompile(address, fork)) return marks;
  const mark = markOf(marks, address);
  return (mark & MARK.warm) !== 0n ? marks : setMark(marks, address, mark | MARK.warm);
};

export const isWarmSlot = (marks: Tree, address: Bytes, slot: Bytes): boolean =>
  valueAt(marks, slotMark(address, slot)) !== 0n;

export const warmSlot = (marks: Tree, address: Bytes, slot: Bytes): Tree =>
  putLeaf(marks, slotMark(address, slot), wordOf(1n));

export const transientSlot = (marks: Tree, address: Bytes, slot: Bytes): bigint =>
  valueAt(marks, transientKey(address, slot));

export const setTransient = (marks: Tree, address: Bytes, slot: Bytes, value: bigint): Tree => {
  const key = transientKey(address, slot);
  return value === 0n ? deleteLeaf(marks, key) : putLeaf(marks, key, wordOf(value));
};
