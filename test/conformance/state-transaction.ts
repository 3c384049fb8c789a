import { createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { createTx, type TypedTransaction } from "@ethereumjs/tx";
import { createAddressFromString } from "@ethereumjs/util";
import { type Fork, keccak256, toHex } from "../../executor/index.ts";
import type { StateTransaction } from "./state-corpus.ts";

/** Blob transactions ask whether there is one; the precompile that would use it is replaced. */
const kzg = {
  verifyProof() {
    throw new Error("point evaluation is the product's own");
  },
} as never;

const HARDFORKS: Readonly<Record<Fork, Hardfork>> = {
  cancun: Hardfork.Cancun,
  prague: Hardfork.Prague,
  osaka: Hardfork.Osaka,
};

/** Ethereum's rules of a fork. */
export const ethereumRules = (fork: Fork) =>
  createCustomCommon({ chainId: 1 }, Mainnet, { hardfork: HARDFORKS[fork], customCrypto: { keccak256, kzg } });

const numberHex = (value: bigint) => `0x${value.toString(16)}` as const;

const typeOf = ({ blobVersionedHashes, maxFeePerGas, accessList, authorizationList }: StateTransaction): number => {
  if (authorizationList !== undefined) return 4;
  if (blobVersionedHashes !== undefined) return 3;
  if (maxFeePerGas !== undefined) return 2;
  return accessList === undefined ? 0 : 1;
};

/** The case's transaction, signed with its key. Throws where it cannot even be written down. */
export const signedTransaction = ({
  transaction,
  fork,
}: {
  readonly transaction: StateTransaction;
  readonly fork: Fork;
}): TypedTransaction => {
  const { nonce, gasLimit, value, data, to, gasPrice, maxFeePerGas, maxPriorityFeePerGas } = transaction;
  const { accessList = [], authorizationList = [], blobVersionedHashes, maxFeePerBlobGas } = transaction;
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
    ...(type === 4
      ? {
          authorizationList: authorizationList.map(({ chainId, address, nonce, v, r, s }) => ({
            chainId: numberHex(chainId),
            address,
            nonce: numberHex(nonce),
            yParity: numberHex(v),
            r: numberHex(r),
            s: numberHex(s),
          })),
        }
      : {}),
    ...(type === 3 ? { blobVersionedHashes, maxFeePerBlobGas } : {}),
  };
  return createTx(fields as never, { common: ethereumRules(fork) }).sign(transaction.secretKey);
};
