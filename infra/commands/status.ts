import type { CommandConfig } from "../config.ts";
import { askNode } from "../rpc-client.ts";
import { columns } from "./table.ts";

const print = (text: string): void => void process.stdout.write(`${text}\n`);

type BlockRef = { readonly hash: string; readonly number: number; readonly timestamp: number };

/** What `rollup_syncStatus` says. */
type SyncStatus = {
  readonly current_l1: BlockRef | null;
  readonly finalized_l1: { readonly number: number } | null;
  readonly unsafe_l2: BlockRef;
  readonly safe_l2: BlockRef;
  readonly finalized_l2: BlockRef;
};

const row = (name: string, block: BlockRef, meaning: string): readonly string[] => [
  name,
  String(block.number),
  new Date(block.timestamp * 1000).toISOString(),
  block.hash,
  meaning,
];

/** `assay status`. The codes of `askNode`. */
export const statusCommand = async (config: CommandConfig<"status">): Promise<number> => {
  const status = await askNode<SyncStatus>(config.nodeRpc, "rollup_syncStatus");
  if (config.json) print(JSON.stringify(status));
  else
    print(
      columns([
        ["head", "block", "time", "hash", "meaning"],
        row("unsafe", status.unsafe_l2, "the sequencer's word"),
        row("safe", status.safe_l2, "derived from L1"),
        row("finalized", status.finalized_l2, "derived from final L1 blocks"),
        ...(status.current_l1 === null ? [] : [row("L1", status.current_l1, "read so far")]),
      ]),
    );
  return 0;
};
