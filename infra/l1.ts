import { createPublicClient, http, isAddressEqual, type PublicClient } from "viem";
import { batchInbox } from "../bridge/index.ts";
import { CodedError } from "../executor/index.ts";
import type { Rollup } from "./rollup.ts";

export type L1ErrorCode = "NODE_L1_UNREACHABLE" | "NODE_L1_CHAIN" | "NODE_L1_CONTRACTS";

const TIMEOUT_MS = 10_000;

const unreachable = (error: unknown): never => {
  throw new CodedError<L1ErrorCode>("NODE_L1_UNREACHABLE", "no L1 node answers at --l1-rpc", {}, error);
};

/** L1 at `url`, which must be the L1 of the rollup and have its contracts. The codes of L1ErrorCode. */
export const connectL1 = async (url: string, { l1 }: Pick<Rollup, "l1">): Promise<PublicClient> => {
  const client = createPublicClient({ transport: http(url, { timeout: TIMEOUT_MS }), cacheTime: 0 });
  const chainId = await client.getChainId().catch(unreachable);
  if (chainId !== l1.chainId)
    throw new CodedError<L1ErrorCode>(
      "NODE_L1_CHAIN",
      `--l1-rpc is chain ${chainId}, and the rollup is on chain ${l1.chainId}`,
      { given: chainId, expected: l1.chainId },
    );
  const { batchInbox: inbox, portal, modelRegistry } = l1.contracts;
  const wrong = (what: string, cause?: unknown) =>
    new CodedError<L1ErrorCode>("NODE_L1_CONTRACTS", `${what}: is the rollup file of this L1?`, { inbox }, cause);
  if ((await client.getCode({ address: inbox }).catch(unreachable)) === undefined)
    throw wrong(`L1 has no contract at the inbox's address ${inbox}`);
  const partnerOf = (functionName: "PORTAL" | "MODEL_REGISTRY") =>
    client.readContract({ address: inbox, abi: batchInbox.abi, functionName }).catch((error: unknown) => {
      throw wrong(`the contract at ${inbox} is no inbox`, error);
    });
  for (const [name, given, actual] of [
    ["portal", portal, await partnerOf("PORTAL")],
    ["model registry", modelRegistry, await partnerOf("MODEL_REGISTRY")],
  ] as const)
    if (!isAddressEqual(given, actual)) throw wrong(`the inbox's ${name} is ${actual}, not ${given}`);
  return client;
};
