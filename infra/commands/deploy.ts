import { zeroAddress } from "viem";
import { DEVNET_CLAIMS, deployBridge } from "../../bridge/index.ts";
import { DEFAULT_BUDGET, DEVNET_PARAMETERS } from "../../executor/index.ts";
import type { CommandConfig } from "../config/config.ts";
import { genesisOf, writeNewRollup } from "../config/rollup.ts";
import { clientsOf } from "../devnet/contract.ts";
import { openL1 } from "../node/l1.ts";

const POLL_MS = 1_000;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** `assay deploy`. The codes of `openL1`, `deployBridge` and `writeNewRollup`. */
export const deployCommand = async (config: CommandConfig<"deploy">): Promise<number> => {
  const l1ChainId = await (await openL1(config.l1Rpc)).getChainId();
  const clients = clientsOf(BigInt(l1ChainId), config.l1Rpc, config.privateKey, POLL_MS);
  const stakes = [config.bond, config.bond / 2n, config.bond / 2n] as const;
  const layer2 = {
    chain: {
      ...DEVNET_PARAMETERS,
      chainId: BigInt(config.l2ChainId),
      budget: { ...DEFAULT_BUDGET, rate: config.gasRate },
      forks: config.forks,
    },
    // Nobody has ether that did not come over the bridge.
    genesis: { accounts: [], feeRecipient: config.feeRecipient ?? config.batcher },
  };
  const { l1 } = await writeNewRollup(config.newRollup, async () => {
    const deployment = await deployBridge(clients, {
      system: {
        owner: config.owner ?? zeroAddress,
        batcher: config.batcher,
        signer: config.signer,
        guardian: config.guardian,
        upgradeDelay: config.upgradeDelay,
        rotationDelay: config.rotationDelay,
      },
      forceDelay: config.forceDelay,
      genesisOf: (contracts) => genesisOf(layer2, contracts),
      claims: {
        heights: DEVNET_CLAIMS.heights,
        period: config.challengePeriod,
        censorship: config.censorship,
        delay: config.inclusionDelay,
        spacing: config.claimSpacing,
        stakes,
        tariffs: [stakes[0] / 2n, stakes[1] / 2n, stakes[2] / 2n],
      },
      withdrawals: {
        proofMaturityDelay: config.proofMaturityDelay,
        finalityDelay: config.finalityDelay,
        pauseDuration: config.pauseDuration,
      },
    });
    return { version: 1, l1: { chainId: l1ChainId, ...deployment }, ...layer2 };
  });
  if (config.json)
    print(JSON.stringify({ rollup: config.newRollup, startBlock: Number(l1.startBlock), ...l1.contracts }));
  else {
    for (const [name, address] of Object.entries(l1.contracts)) print(`${name.padEnd(24)}${address}`);
    print(`${config.newRollup} is written: every node of the chain reads it`);
  }
  return 0;
};
