import type { Chain } from "../../chain/chain.ts";
import { hasCode } from "../../foundation/errors.ts";
import type { Telemetry } from "../../foundation/service.ts";
import type { PeerId, Topic, Verdict } from "../network/network.ts";
import type { Misbehaviour } from "../network/reputation.ts";
import { createBlockTopicMetrics } from "./block-topic-metrics.ts";
import type { Evidence } from "./evidence.ts";
import { decodeSealedBlock, MAX_SEALED_BLOCK_BYTES, type SealedBlock } from "./sealed-block.ts";
import type { Witness } from "./witness.ts";

/**
 * What becomes of a gossiped block. Those that name a misbehaviour are held against whoever sent it: only what does not
 * depend on when, after what, and by whose clock it is judged, as an honest node passed it on that judged otherwise.
 */
const OUTCOME = {
  accepted: undefined,
  malformed: "malformed",
  signature: "signature",
  body: "body",
  /** Stamped further ahead than clocks differ: the sequencer's is wrong, or this node's. */
  future: undefined,
  /** Sealed too long ago to be news. */
  late: undefined,
  /** L1 holds its height already. */
  behind: undefined,
  ahead: undefined,
  /** Gossiped before. */
  seen: undefined,
  stale: undefined,
  /** Its parent is not the block that this node has there. */
  parent: undefined,
  equivocation: undefined,
  excess: undefined,
  halted: undefined,
} as const satisfies Record<string, Misbehaviour | undefined>;
export type Outcome = keyof typeof OUTCOME;

/** Seconds by which clocks may differ. */
const MAX_FUTURE = 30n;
/** Seconds for which a block is news. */
const MAX_AGE = 600n;
/** Blocks above the head that are worth keeping. */
export const MAX_AHEAD = 512n;
/** Heights of which it is remembered what was passed on. */
const MAX_SEEN = 4_096;

/** Gossip of blocks: judged in full, signature and body, before it is passed on. */
export const createBlockTopic = (
  components: Telemetry & {
    readonly chain: Pick<Chain, "parameters" | "head" | "heads" | "blockByNumber">;
    readonly witness: Witness;
    readonly evidence: Evidence;
  },
  options: { readonly clock: () => number; readonly onBlock: (block: SealedBlock, from: PeerId) => void },
): Topic => {
  const { chain, witness, evidence, registry } = components;
  const { clock, onBlock } = options;
  /** Hashes passed on, by height, first heights first. */
  const seen = new Map<bigint, Set<string>>();

  const { heard, latency } = createBlockTopicMetrics(registry);

  const isNews = ({ header, hash }: SealedBlock): boolean => {
    const hashes = seen.get(header.number);
    if (hashes?.has(hash) === true) return false;
    if (hashes !== undefined) hashes.add(hash);
    else {
      if (seen.size >= MAX_SEEN) for (const oldest of seen.keys()) if (seen.delete(oldest)) break;
      seen.set(header.number, new Set([hash]));
    }
    return true;
  };

  const read = (data: Uint8Array): SealedBlock | undefined => {
    try {
      return decodeSealedBlock(data);
    } catch (error) {
      if (hasCode(error, "BLOCK_MALFORMED")) return undefined;
      throw error;
    }
  };

  const judge = (data: Uint8Array): readonly [Outcome, SealedBlock?] => {
    const block = read(data);
    if (block === undefined) return ["malformed"];
    // First of all: what costs its sender nothing must have cost the sequencer a signature.
    if (!witness.isSigned(block)) return ["signature"];
    if (!witness.isWhole(block)) return ["body"];
    const { number, timestamp, parentHash } = block.header;
    if (number <= chain.heads.safe) return ["behind"];
    const now = BigInt(Math.floor(clock() / 1000));
    if (timestamp > now + MAX_FUTURE) return ["future"];
    if (timestamp + MAX_AGE < now) return ["late"];
    if (seen.get(number)?.has(block.hash) === true) return ["seen"];
    if (number > chain.head.header.number + MAX_AHEAD) return ["ahead"];
    if (evidence.halted) return ["halted"];
    const sighting = witness.see(block);
    if (sighting === "stale") return ["stale"];
    // A second block of one height goes on to the others: they must be able to know.
    if (!isNews(block)) return ["seen"];
    if (sighting === "equivocation" || sighting === "excess") return [sighting, block];
    const parent = chain.blockByNumber(number - 1n);
    const taken = witness.at(number - 1n);
    const isOrphan = parent !== undefined && parent.hash !== parentHash && taken?.hash !== parentHash;
    return isOrphan ? ["parent"] : ["accepted", block];
  };

  return {
    name: `/assay/${chain.parameters.chainId}/blocks/1`,
    maxBytes: MAX_SEALED_BLOCK_BYTES,
    validate(data, from): Verdict {
      const [outcome, block] = judge(data);
      heard.inc({ outcome });
      const misbehaviour = OUTCOME[outcome];
      if (block === undefined) return misbehaviour === undefined ? { accept: false } : { accept: false, misbehaviour };
      if (outcome === "accepted") {
        latency.observe(Math.max(0, clock() - Number(block.seal.sealedAt)) / 1000);
        onBlock(block, from);
      }
      return { accept: true };
    },
  };
};
