import { Address } from "@ethereumjs/util";
import type { Chain } from "../chain/chain.ts";
import { EMPTY_BYTES, fromHex, type Hex, readUintBE, toHex, uintBE, word } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { encodeRlp } from "../foundation/rlp.ts";
import { accountKey, slotKey } from "../state/account.ts";
import { codeInfo } from "../state/code.ts";
import type { TreeProof } from "../state/proof.ts";
import { encodeProof } from "../state/proof-codec.ts";
import { prunedState, stateOf } from "./block-lookup.ts";
import { type Json, quantity } from "./format.ts";
import { slotOf } from "./schemas.ts";

/**
 * The answer of eth_getProof for the one tree of the state. Accounts and slots lie in the same tree, so `storageHash` is
 * the state root. `accountProof` is `[proof, account]`: the RLP list of the tree proof, and the 108 bytes behind the
 * leaf's value (nonce u64, balance u256, codeHash, codeSize u32, codeRoot; empty for an absent account) as an RLP string.
 * `storageProof[i].proof` has one element, the RLP list of the slot's tree proof.
 */
export const proofOf = async (
  chain: Chain,
  request: { readonly account: Hex; readonly keys: readonly string[]; readonly number: bigint },
): Promise<Json> => {
  const { account, number } = request;
  const address = fromHex(account);
  const slots = request.keys.map((key) => fromHex(slotOf(key)));
  const state = stateOf(chain, { kind: "number", number });
  const block = chain.blockByNumber(number);
  let proofs: readonly TreeProof[];
  try {
    proofs = chain.prove(number, [accountKey(address), ...slots.map((slot) => slotKey(address, slot))]);
  } catch (error) {
    if (error instanceof CodedError && error.code === "STATE_PRUNED") throw prunedState(number);
    throw error;
  }
  const found = await state.getAccount(new Address(address));
  const code = codeInfo(found === undefined ? EMPTY_BYTES : await state.getCode(new Address(address)));
  const { nonce = 0n, balance = 0n } = found ?? {};
  const preimage =
    found === undefined
      ? EMPTY_BYTES
      : Buffer.concat([uintBE(nonce, 8), uintBE(balance, 32), code.hash, uintBE(code.size, 4), code.root]);
  const values = await Promise.all(slots.map((slot) => state.getStorage(new Address(address), slot)));
  return {
    address: account,
    accountProof: [toHex(encodeProof(proofs[0] as TreeProof)), toHex(encodeRlp(preimage))],
    balance: quantity(balance),
    codeHash: toHex(code.hash),
    nonce: quantity(nonce),
    storageHash: block?.header.stateRoot,
    storageProof: request.keys.map((key, i) => ({
      key: keyText(key),
      value: quantity(readUintBE(word(values[i] ?? EMPTY_BYTES))),
      proof: [toHex(encodeProof(proofs[i + 1] as TreeProof))],
    })),
  };
};

/** A key as it was asked for: in full when it was given so, else as a quantity. */
const keyText = (key: string): string => {
  const full = slotOf(key);
  return key.length === full.length ? full : quantity(BigInt(full));
};
