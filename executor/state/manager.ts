import type { AccountFields, StateManagerInterface } from "@ethereumjs/common";
import { Account, type Address, KECCAK256_RLP } from "@ethereumjs/util";
import { type Bytes, EMPTY_BYTES, equalBytes, word } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { type AccountRecord, accountKey } from "./account.ts";
import { EMPTY_CODE } from "./code.ts";
import type { StateErrorCode } from "./errors.ts";
import type { Overlay } from "./overlay.ts";

/** Any root that is not the empty trie's: the engine compares with that one only (EIP-7610). */
const SOME_STORAGE = new Uint8Array(32).fill(1);

const textOf = (bytes: Bytes): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");

const addressOf = (address: Address): string => textOf(address.bytes);

const slotOf = (key: Bytes): string => textOf(key.length === 32 ? key : word(key));

/** What the engine is given: a copy, whose storage is looked for only when the engine asks. */
class AccountCopy extends Account {
  readonly #hasSlots: () => boolean;

  constructor({ nonce, balance, code }: AccountRecord, hasSlots: () => boolean) {
    super(nonce, balance, KECCAK256_RLP, code.hash, code.size);
    this.#hasSlots = hasSlots;
  }

  override get storageRoot(): Uint8Array {
    return this.#hasSlots() ? SOME_STORAGE : KECCAK256_RLP;
  }
}

export type ManagerHooks = {
  /** Root that the pending changes would give. */
  readonly root: () => Bytes;
  /** A manager of its own above the committed state that this one started from. */
  readonly copy: () => StateManagerInterface;
};

/** The engine's view of an overlay. Everything inside is synchronous; every read gives a fresh object. */
export const createStateManager = (overlay: Overlay, hooks: ManagerHooks): StateManagerInterface => {
  const recordOf = (key: string, account: Account): AccountRecord => ({
    nonce: account.nonce,
    balance: account.balance,
    code: overlay.infoFor(key, account.codeHash),
  });

  const getAccount = (address: Address): Account | undefined => {
    const key = addressOf(address);
    const record = overlay.account(key);
    return record === undefined ? undefined : new AccountCopy(record, () => overlay.hasSlots(key));
  };

  const putAccount = (address: Address, account?: Account): void => {
    const key = addressOf(address);
    overlay.setAccount(key, account === undefined ? undefined : recordOf(key, account));
  };

  return {
    async getAccount(address: Address) {
      return getAccount(address);
    },
    async putAccount(address: Address, account?: Account) {
      putAccount(address, account);
    },
    /** Also called for every touched account that never existed: costs nothing then. */
    async deleteAccount(address: Address) {
      const key = addressOf(address);
      if (overlay.account(key) !== undefined) overlay.setAccount(key, undefined);
      overlay.clearSlots(key);
    },
    async modifyAccountFields(address: Address, fields: AccountFields) {
      const account = getAccount(address) ?? new Account();
      if (fields.nonce !== undefined) account.nonce = fields.nonce;
      if (fields.balance !== undefined) account.balance = fields.balance;
      if (fields.codeHash !== undefined) account.codeHash = fields.codeHash;
      putAccount(address, account);
    },
    async putCode(address: Address, value: Uint8Array) {
      const key = addressOf(address);
      const record = overlay.account(key);
      const code = overlay.putCode(value);
      overlay.setAccount(key, { nonce: record?.nonce ?? 0n, balance: record?.balance ?? 0n, code });
    },
    async getCode(address: Address) {
      const record = overlay.account(addressOf(address));
      return record === undefined ? EMPTY_BYTES : overlay.code(record.code);
    },
    async getCodeSize(address: Address) {
      return (overlay.account(addressOf(address))?.code ?? EMPTY_CODE).size;
    },
    async getStorage(address: Address, key: Uint8Array) {
      return overlay.slot(addressOf(address), slotOf(key));
    },
    async putStorage(address: Address, key: Uint8Array, value: Uint8Array) {
      const account = addressOf(address);
      if (overlay.account(account) === undefined)
        throw new CodedError<StateErrorCode>("STATE_NO_ACCOUNT", "a slot needs an account", {
          address: address.toString(),
        });
      overlay.setSlot(account, slotOf(key), value);
    },
    async clearStorage(address: Address) {
      overlay.clearSlots(addressOf(address));
    },
    async checkpoint() {
      overlay.checkpoint();
    },
    async commit() {
      overlay.commit();
    },
    async revert() {
      overlay.revert();
    },
    async getStateRoot() {
      return hooks.root();
    },
    async setStateRoot(root: Uint8Array) {
      if (!equalBytes(root, hooks.root()))
        throw new CodedError<StateErrorCode>(
          "STATE_READ_ONLY",
          "the root is set by accepting a version, not by the engine",
        );
    },
    async hasStateRoot(root: Uint8Array) {
      return equalBytes(root, hooks.root());
    },
    originalStorageCache: {
      async get(address: Address, key: Uint8Array) {
        return overlay.originalSlot(addressOf(address), slotOf(key));
      },
      clear() {
        overlay.endTransaction();
      },
    },
    getAppliedKey: (address: Uint8Array) => accountKey(address),
    /** Nothing to clear: committed values are cached below, and pending ones are no cache. */
    clearCaches() {},
    shallowCopy: () => hooks.copy(),
  };
};
