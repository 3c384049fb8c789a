import { MerklePatriciaTrie } from "@ethereumjs/mpt";
import { RLP } from "@ethereumjs/rlp";
import { createAccount, MapDB } from "@ethereumjs/util";
import type { Bytes, DumpedAccount } from "../../executor/index.ts";

const emptyTrie = () => new MerklePatriciaTrie({ useKeyHashing: true, db: new MapDB() });

const strip = (value: Bytes): Bytes => {
  const start = value.findIndex((byte) => byte !== 0);
  return start < 0 ? new Uint8Array(0) : value.subarray(start);
};

/** Ethereum's state root of the same accounts. */
export const patriciaRoot = async (accounts: Iterable<DumpedAccount>): Promise<Bytes> => {
  const state = emptyTrie();
  for (const { address, account, slots } of accounts) {
    const entry = createAccount({ nonce: account.nonce, balance: account.balance, codeHash: account.code.hash });
    if (slots.length > 0) {
      const storage = emptyTrie();
      for (const [slot, value] of slots) await storage.put(slot, RLP.encode(strip(value)));
      entry.storageRoot = storage.root();
    }
    await state.put(address, entry.serialize());
  }
  return state.root();
};
