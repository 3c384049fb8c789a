import { BaseError, BlockNotFoundError, createPublicClient, http } from "viem";
import { audit, type BlockReader, type BlockSummary } from "../../challenger/index.ts";
import { CodedError, messageOf } from "../../executor/index.ts";
import type { CommandConfig } from "../config/config.ts";

const print = (text: string): void => void process.stdout.write(`${text}\n`);
/** Told apart from 1, so that a script does not take a node that is down for a wrong one. */
const DIFFERENT = 3;

export type AuditCommandErrorCode =
  /** No node answers at --rpc or --against. Check the endpoint that the message names. */
  "AUDIT_UNREACHABLE";

/** A node's blocks over JSON-RPC. */
const readerOf = (url: string): BlockReader => {
  const client = createPublicClient({ transport: http(url), cacheTime: 0 });
  const read = async (at: { blockNumber: bigint } | { blockTag: "latest" }): Promise<BlockSummary> => {
    const block = await client.getBlock(at).catch((error: unknown) => {
      if (error instanceof BlockNotFoundError) throw error;
      const reason = error instanceof BaseError ? error.shortMessage : messageOf(error);
      throw new CodedError<AuditCommandErrorCode>(
        "AUDIT_UNREACHABLE",
        `no blocks from ${url}: ${reason}`,
        { url },
        error,
      );
    });
    const { parentHash, timestamp, transactionsRoot, receiptsRoot, stateRoot, gasUsed } = block;
    const { number, hash } = block as { number: bigint; hash: `0x${string}` };
    return { number, hash, parentHash, timestamp, transactionsRoot, receiptsRoot, stateRoot, gasUsed };
  };
  return {
    head: () => read({ blockTag: "latest" }),
    async block(blockNumber) {
      try {
        return await read({ blockNumber });
      } catch (error) {
        if (error instanceof BlockNotFoundError) return undefined;
        throw error;
      }
    },
  };
};

/** `assay audit`: exit code 3 when the nodes differ. AUDIT_BLOCK_MISSING, AUDIT_UNREACHABLE. */
export const auditCommand = async (config: CommandConfig<"audit">): Promise<number> => {
  const { common, divergence } = await audit(readerOf(config.ownRpc), readerOf(config.againstRpc));
  if (config.json) {
    const plain = (_: string, value: unknown) => (typeof value === "bigint" ? Number(value) : value);
    print(JSON.stringify({ common, divergence: divergence ?? null }, plain));
  } else if (divergence === undefined) print(`the nodes agree on every block up to ${common}`);
  else {
    const { field, own, other } = divergence;
    print(`block ${own.number} is the first that differs: its ${field} is`);
    print(`  ${own[field]}   at ${config.ownRpc}`);
    print(`  ${other[field]}   at ${config.againstRpc}`);
  }
  return divergence === undefined ? 0 : DIFFERENT;
};
