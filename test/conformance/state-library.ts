import { Block, createBlockHeader } from "@ethereumjs/block";
import { createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { createTx } from "@ethereumjs/tx";
import { createAddressFromString } from "@ethereumjs/util";
import { createVM, runTx } from "@ethereumjs/vm";
import { keccak256, toHex, utf8, type WorldState } from "../../executor/index.ts";
import type { StateCase, StateTransaction } from "./state-corpus.ts";
import type { Execution } from "./state-engine.ts";

/** Blob transactions ask whether there is one; no case of the corpus verifies a proof. */
const noKzg = {
  verifyProof() {
    throw new Error("no case verifies a point evaluation");
  },
} as never;

const transactionData = (transaction: StateTransaction) => {
  const { nonce, gasLimit, value, data, to, gasPrice, maxFeePerGas, maxPriorityFeePerGas } = transaction;
  const { accessList, blobVersionedHashes, maxFeePerBlobGas } = transaction;
  const type =
    blobVersionedHashes !== undefined ? 3 : maxFeePerGas !== undefined ? 2 : accessList !== undefined ? 1 : 0;
  return {
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
          accessList: (accessList ?? []).map((e) => ({ address: e.address, storageKeys: e.storageKeys.map(toHex) })),
        }),
    ...(type < 2 ? { gasPrice } : { maxFeePerGas, maxPriorityFeePerGas }),
    ...(type === 3 ? { blobVersionedHashes, maxFeePerBlobGas } : {}),
  };
};

/** Ethereum's own rules: @ethereumjs/vm as it is, above the state that is under test. */
export const executeWithLibrary = async (world: WorldState, test: StateCase): Promise<Execution> => {
  const common = createCustomCommon({ chainId: 1 }, Mainnet, {
    hardfork: Hardfork.Cancun,
    customCrypto: { keccak256, kzg: noKzg },
  });
  const { environment: env } = test;
  const blockchain = {
    getBlock: async (number: unknown) => ({ hash: () => keccak256(utf8(String(number))) }),
    putBlock: async () => {},
    shallowCopy: () => blockchain,
  };
  const vm = await createVM({ common, stateManager: world.manager, blockchain: blockchain as never });
  const header = createBlockHeader(
    {
      number: env.currentNumber,
      coinbase: env.currentCoinbase,
      gasLimit: env.currentGasLimit,
      timestamp: env.currentTimestamp,
      baseFeePerGas: env.currentBaseFee,
      mixHash: env.currentRandom,
      difficulty: 0n,
      excessBlobGas: env.currentExcessBlobGas ?? 0n,
    },
    { common, setHardfork: false },
  );
  const block = new Block(header, [], [], [], { common });
  await world.manager.checkpoint();
  try {
    const transaction = createTx(transactionData(test.transaction) as never, { common }).sign(
      test.transaction.secretKey,
    );
    const result = await runTx(vm, { tx: transaction, block, skipHardForkValidation: true });
    await world.manager.commit();
    const logs = (result.execResult.logs ?? []).map(([address, topics, data]) => ({ address, topics, data }) as const);
    return { rejected: undefined, logs };
  } catch (error) {
    await world.manager.revert();
    return { rejected: error instanceof Error ? error.message : String(error), logs: [] };
  }
};
