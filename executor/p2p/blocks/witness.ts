import type { Hex } from "../../foundation/bytes.ts";
import type { Telemetry } from "../../foundation/service.ts";
import type { Equivocation, Evidence } from "./evidence.ts";
import type { SealStore } from "./seal-store.ts";
import { holdsBody, type SealedBlock, type SealedHeader, sealerOf } from "./sealed-block.ts";

/**
 * What a signed block is beside those that were seen at its height. `stale`: the sequencer has taken it back by a higher
 * revision. `rebuilt`: it takes back another. `equivocation`: it contradicts another.
 */
export type Sighting = "new" | "known" | "stale" | "rebuilt" | "equivocation";

/** Heights remembered in memory, beside what is on disk. */
const MAX_HEIGHTS = 1_024;
/**
 * Rebuilding is L1's doing, and L1 makes a block in twelve seconds: more than this is the sequencer's own. What L1 causes
 * at once has one revision, however many blocks it takes back.
 */
const REBUILD_BURST = 4;
const REBUILD_MS = 12_000;
/** Revisions remembered as let pass. */
const MAX_REVISIONS = 64;

export const sighting = (before: SealedHeader | undefined, now: SealedHeader): Sighting => {
  if (before === undefined) return "new";
  if (before.hash === now.hash) return "known";
  if (now.seal.revision < before.seal.revision) return "stale";
  return now.seal.revision > before.seal.revision ? "rebuilt" : "equivocation";
};

export type WitnessOptions = {
  readonly genesisHash: Hex;
  /** Who signs. Lower case. */
  readonly sequencer: Hex;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
};

/** Tells the sequencer's own blocks from others, and holds it to what it signed. */
export const createWitness = (
  components: Telemetry & { readonly seals: SealStore; readonly evidence: Evidence },
  { genesisHash, sequencer, clock }: WitnessOptions,
) => {
  const { seals, evidence } = components;
  const logger = components.logger.child({ module: "witness" });
  const heights = new Map<bigint, SealedHeader>();
  /** Revisions that have taken blocks back, oldest first. */
  const revisions = new Set<bigint>();
  let rebuilds = REBUILD_BURST;
  let refilled = clock();

  const mayRebuild = (revision: bigint): boolean => {
    if (revisions.has(revision)) return true;
    const now = clock();
    rebuilds = Math.min(REBUILD_BURST, rebuilds + (now - refilled) / REBUILD_MS);
    refilled = now;
    if (rebuilds < 1) return false;
    rebuilds--;
    if (revisions.size >= MAX_REVISIONS) for (const oldest of revisions) if (revisions.delete(oldest)) break;
    revisions.add(revision);
    return true;
  };

  const remember = (sealed: SealedHeader) => {
    const { number } = sealed.header;
    heights.delete(number);
    if (heights.size >= MAX_HEIGHTS) for (const oldest of heights.keys()) if (heights.delete(oldest)) break;
    heights.set(number, sealed);
  };

  const record = (kind: Equivocation["kind"], first: SealedHeader, second: SealedHeader) => {
    const { number } = second.header;
    const about = { kind, number, first: first.hash, second: second.hash };
    evidence.add({ kind, number, first, second, seenAt: clock() }).then(
      (isNew) => {
        if (!isNew) return;
        if (kind === "rebuilt") logger.warn(about, "the sequencer took a block back");
        else logger.error(about, "the sequencer signed two blocks of one height: its gossip is not followed any more");
      },
      (error: unknown) => logger.error({ err: error, ...about }, "evidence could not be written"),
    );
  };

  return {
    /** Whether the sequencer signed it. */
    isSigned: (sealed: SealedHeader): boolean => sealerOf(genesisHash, sealed) === sequencer,
    isWhole: (block: SealedBlock): boolean => holdsBody(block),
    /** Notes a signed block. What does not fit what was signed before becomes evidence. */
    see({ hash, header, origin, seal }: SealedHeader): Sighting {
      const sealed: SealedHeader = { hash, header, origin, seal };
      const before = heights.get(header.number) ?? seals.get(header.number);
      const found = sighting(before, sealed);
      const what = found === "rebuilt" && !mayRebuild(sealed.seal.revision) ? "equivocation" : found;
      if (before === undefined || what === "rebuilt") remember(sealed);
      if (before !== undefined && (what === "rebuilt" || what === "equivocation")) record(what, before, sealed);
      return what;
    },
    /** The signed block that counts at a height. */
    at: (number: bigint): SealedHeader | undefined => heights.get(number) ?? seals.get(number),
  };
};
export type Witness = ReturnType<typeof createWitness>;
