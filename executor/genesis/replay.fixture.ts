import { createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { createEVM } from "@ethereumjs/evm";
import { Account, createAddressFromString } from "@ethereumjs/util";
import {
  type Address,
  getCreate2Address,
  getCreateAddress,
  parseTransaction,
  recoverTransactionAddress,
  type TransactionSerializedLegacy,
} from "viem";
import { fromHex, type Hex, toHex } from "../foundation/bytes.ts";
import type { InstalledAccount } from "./preinstalls.ts";
import type { Publication } from "./publication.ts";

type Published = Pick<Publication, "maker" | "bytes">;

/** The code that makes the contract, within the bytes that were published. */
export const creationOf = ({ maker, bytes }: Published): Hex =>
  maker.kind === "transaction" ? (parseTransaction(bytes as TransactionSerializedLegacy).data as Hex) : bytes;

/** The one address to which the bytes can have led, lower case; of a convention undefined. */
export const addressOf = async ({ maker, bytes }: Published): Promise<Hex | undefined> => {
  if (maker.kind === "convention") return undefined;
  const made =
    maker.kind === "factory"
      ? getCreate2Address({ from: maker.factory as Address, salt: maker.salt, bytecode: bytes })
      : getCreateAddress({
          from: await recoverTransactionAddress({ serializedTransaction: bytes as TransactionSerializedLegacy }),
          nonce: BigInt(parseTransaction(bytes as TransactionSerializedLegacy).nonce ?? 0),
        });
  return made.toLowerCase() as Hex;
};

/** The library's state, as far as it is read here: maps of the accounts, codes and slots (`address_slot`). */
type PlainState = {
  topAccountStack(): Map<Hex, Account | undefined>;
  topCodeStack(): Map<Hex, Uint8Array>;
  topStorageStack(): Map<string, Uint8Array>;
};

/** Runs creation code as `address` on an empty chain of this id, and tells every account that has code then. */
export const replay = async (
  creation: Hex,
  address: Hex,
  chainId: bigint,
): Promise<Readonly<Record<Hex, InstalledAccount>>> => {
  const evm = await createEVM({
    common: createCustomCommon({ chainId: Number(chainId) }, Mainnet, { hardfork: Hardfork.Cancun }),
  });
  const at = createAddressFromString(address);
  await evm.stateManager.putAccount(at, new Account(1n));
  await evm.stateManager.putCode(at, fromHex(creation));
  const { execResult } = await evm.runCall({ to: at, gasLimit: 30_000_000n });
  const { exceptionError, returnValue } = execResult;
  if (exceptionError !== undefined) throw new Error(`creation of ${address} fails: ${exceptionError.error}`);
  await evm.stateManager.putCode(at, returnValue);
  const state = evm.stateManager as unknown as PlainState;
  const accounts: Record<Hex, InstalledAccount> = {};
  for (const [made, account] of state.topAccountStack()) {
    const code = state.topCodeStack().get(made);
    if (account === undefined || code === undefined) continue;
    const slots = [...state.topStorageStack()].flatMap(([key, value]) => {
      const [owner, slot] = key.split("_");
      return owner === made && value.length > 0 ? [[slot as Hex, toHex(value)] as const] : [];
    });
    accounts[made] = { nonce: account.nonce, code: toHex(code), storage: Object.fromEntries(slots) };
  }
  return accounts;
};
