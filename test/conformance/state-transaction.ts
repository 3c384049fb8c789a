import { createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { createTx, type TypedTransaction } from "@ethereumjs/tx";
import { createAddressFromString } from "@ethereumjs/util";
import { keccak256, toHex } from "../../executor/index.ts";
import type { StateTransaction } from "./state-corpus.ts";

/** Blob transactions ask whether there is one; the precompile that would use it is replaced. */
const kzg = {
  verifyProof() {
    throw new Error("point evaluation is the product's own");
  },
} as never;

/** Ethereum's rules of the fork that the corpus is read for. */
export const ethereumRules = () =>
  createCustomCommon({ chainId: 1 }, Mainnet, { hardfork: Hardfork.Cancun, customCrypto: { keccak256, kzg } });

const typeOf = ({ blobVersionedHashes, maxFeePerGas, accessList }: StateTransaction): number => {
  if (blobVersionedHashes !== undefined) return 3;
  if (maxFeePerGas !== undefined) return 2;
  return accessList === undefined ? 0 : 1;
};

/** The case's transaction, signed with its key. Throws where it cannot even be written down. */
export const signedTransaction = (transaction: StateTransaction): TypedTransaction => {
  const { nonce, gasLimit, value, data, to, gasPrice, maxFeePerGas, maxPriorityFeePerGas } = transaction;
  const { accessList = [], blobVersionedHashes, maxFeePerBlobGas } = transaction;
  const type = typeOf(transaction);
  const fields = {
    type,
    nonce,
    gasLimit,
    value,
    data,
    ...(to === undefined ? {} : { to: createAddressFromString(to) }),
    ...(type === 0
      ? {}
      : {
          chainId: 1n,
          accessList: accessList.map(({ address, storageKeys }) => ({ address, storageKeys: storageKeys.map(toHex) })),
        }),
    ...(type < 2 ? { gasPrice } : { maxFeePerGas, maxPriorityFeePerGas }),
    ...(type === 3 ? { blobVersionedHashes, maxFeePerBlobGas } : {}),
  };
  return createTx(fields as never, { common: ethereumRules() }).sign(transaction.secretKey);
};
