import { Block, createBlockHeader } from "@ethereumjs/block";
import { createAddressFromString } from "@ethereumjs/util";
import { createVM, runTx } from "@ethereumjs/vm";
import { keccak256, messageOf, pointEvaluation, utf8 } from "../../executor/index.ts";
import type { StateEngine } from "./state-engine.ts";
import { ethereumRules, signedTransaction } from "./state-transaction.ts";

const POINT_EVALUATION = createAddressFromString("0x000000000000000000000000000000000000000a");

/** Ethereum's own rules: @ethereumjs/vm as it is (the point evaluation apart), above the state that is under test. */
export const libraryEngine: StateEngine = {
  name: "library",
  excluded: () => undefined,
  async execute(world, test) {
    const { environment: env, fork } = test;
    const common = ethereumRules(fork);
    const blockchain = {
      getBlock: async (number: unknown) => ({ hash: () => keccak256(utf8(String(number))) }),
      putBlock: async () => {},
      shallowCopy: () => blockchain,
    };
    const vm = await createVM({
      common,
      stateManager: world.manager,
      blockchain: blockchain as never,
      evmOpts: { customPrecompiles: [{ address: POINT_EVALUATION, function: pointEvaluation }] },
    });
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
      const { execResult } = await runTx(vm, {
        tx: signedTransaction(test),
        block,
        skipHardForkValidation: true,
      });
      await world.manager.commit();
      const logs = (execResult.logs ?? []).map(([address, topics, data]) => ({ address, topics, data }));
      return { rejected: undefined, logs };
    } catch (error) {
      await world.manager.revert();
      return { rejected: messageOf(error), logs: [] };
    }
  },
  dump: (world) => world.dump(),
};
