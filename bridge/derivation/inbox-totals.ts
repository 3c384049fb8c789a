import { decodeFunctionResult, encodeFunctionData, type PublicClient } from "viem";
import type { Hex } from "../../executor/index.ts";
import { batchInbox } from "../contracts/contracts.gen.ts";

/** What the inbox itself says of all that it holds. */
export type InboxTotals = { readonly recordCount: bigint; readonly messageCount: bigint; readonly lineage: Hex };

const { abi } = batchInbox;

/**
 * The inbox after a block of L1, which is named by its hash: of another block nothing is told. Undefined before the
 * contract was there.
 */
export const inboxTotals = async (
  client: PublicClient,
  inbox: Hex,
  blockHash: Hex,
): Promise<InboxTotals | undefined> => {
  const call = (data: Hex): Promise<Hex> =>
    client.request({ method: "eth_call", params: [{ to: inbox, data }, { blockHash }] });
  const count = async (functionName: "recordCount" | "messageCount"): Promise<bigint | undefined> => {
    const data = await call(encodeFunctionData({ abi, functionName }));
    return data === "0x" ? undefined : decodeFunctionResult({ abi, functionName, data });
  };
  const [recordCount, messageCount] = await Promise.all([count("recordCount"), count("messageCount")]);
  if (recordCount === undefined || messageCount === undefined) return undefined;
  const functionName = "lineageAt";
  const data = await call(encodeFunctionData({ abi, functionName, args: [recordCount] }));
  return { recordCount, messageCount, lineage: decodeFunctionResult({ abi, functionName, data }) };
};
