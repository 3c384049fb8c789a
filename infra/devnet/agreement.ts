import { CodedError, type Hex } from "../../executor/index.ts";
import type { Clients } from "./contract.ts";
import type { Heads } from "./heads.ts";
import { poll } from "./poll.ts";

export type AgreementErrorCode =
  /** Sequencer and executor have different blocks at one height. Run `assay audit` on them, and report it. */
  "DEVNET_NODES_DISAGREE";

/** One block as both nodes show it, the executor after it has derived it from L1. */
export type Agreement = {
  readonly block: number;
  readonly sequencer: { readonly hash: Hex; readonly stateRoot: Hex };
  readonly executor: { readonly hash: Hex; readonly stateRoot: Hex };
};

/**
 * Blocks that the executor announced before it had derived them: they came by gossip. `slowestMs`: the longest time
 * from the sequencer's `newHeads` to the executor's.
 */
export type Heard = { readonly blocks: number; readonly slowestMs: number };

export type Pair<T> = { readonly sequencer: T; readonly executor: T };

/** Waits until the executor has derived the block from L1. DEVNET_NODES_DISAGREE, DEVNET_TIMEOUT. */
export const agreeOn = async (number: number, nodes: Pair<Clients>, signal: AbortSignal): Promise<Agreement> => {
  const show = async ({ reader }: Clients) => {
    const { hash, stateRoot } = await reader.getBlock({ blockNumber: BigInt(number) });
    return { hash, stateRoot };
  };
  const [sequencer, executor] = [
    await show(nodes.sequencer),
    await poll({ what: `the executor to derive block ${number}`, signal }, async () => {
      const safe = await nodes.executor.reader.getBlock({ blockTag: "safe" });
      return safe.number < BigInt(number) ? undefined : show(nodes.executor);
    }),
  ];
  if (sequencer.hash !== executor.hash)
    throw new CodedError<AgreementErrorCode>(
      "DEVNET_NODES_DISAGREE",
      `block ${number}: the sequencer has ${sequencer.hash}, the executor ${executor.hash}`,
      { block: number, sequencer, executor },
    );
  return { block: number, sequencer, executor };
};

/** What the two nodes' announcements say of blocks that both have. */
export const hearingOf = (
  blocks: readonly { readonly number: bigint; readonly hash: Hex }[],
  heads: Pair<Heads>,
): Heard => {
  const delays = blocks.flatMap(({ number, hash }) => {
    const [told, heard] = [heads.sequencer.announced(hash), heads.executor.announced(hash)];
    return told !== undefined && heard !== undefined && heard.safe < number ? [heard.at - told.at] : [];
  });
  return { blocks: delays.length, slowestMs: Math.round(Math.max(0, ...delays)) };
};
