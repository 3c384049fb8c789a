import type { Hex } from "../../foundation/bytes.ts";
import type { Telemetry } from "../../foundation/service.ts";
import type { Origin } from "../../protocol/origin.ts";
import type { Equivocation, Evidence } from "./evidence.ts";
import type { SealStore } from "./seal-store.ts";
import { holdsBody, type SealedBlock, type SealedHeader, sealerOf } from "./sealed-block.ts";

/**
 * What a signed block is beside those that were seen at its height. `stale`: the sequencer has taken it back by a higher
 * revision. `rebuilt`: it takes back another. `equivocation`: it contradicts another.
 * `excess`: it takes back another, more often than L1 can be the cause.
 */
export type Sighting = "new" | "known" | "stale" | "rebuilt" | "equivocation" | "excess";

/** Heights remembered in memory, beside what is on disk. */
const MAX_HEIGHTS = 1_024;
/** Rebuilding is L1's doing: each time that L1 showed something new allows one more revision; so many are saved up. */
const REBUILD_BURST = 8;
/** Revisions remembered as let pass. */
const MAX_REVISIONS = 64;

export const sighting = (before: SealedHeader | undefined, now: SealedHeader): Sighting => {
  if (before === undefined) return "new";
  if (before.hash === now.hash) return "known";
  if (now.seal.revision < before.seal.revision) return "stale";
  return now.seal.revision > before.seal.revision ? "rebuilt" : "equivocation";
};

const WHY = {
  equivocation: "the sequencer signed two blocks of one height",
  excess: "the sequencer takes blocks back more often than L1 can be the cause",
} as const;

/** L1 says who signs; after a rotation of keys two accounts do for a while. */
export type SignerRule = (account: Hex, origin: Origin) => boolean;

export type WitnessOptions = {
  readonly genesisHash: Hex;
  /** Whether an account, in lower case, may sign blocks of an origin. */
  readonly isSigner: SignerRule;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** How often L1 has shown something new so far. */
  readonly l1Advances: () => number;
};

/** Tells the sequencer's own blocks from others, and holds it to what it signed. */
export const createWitness = (
  components: Telemetry & { readonly seals: SealStore; readonly evidence: Evidence },
  { genesisHash, isSigner, clock, l1Advances }: WitnessOptions,
) => {
  const { seals, evidence } = components;
  const logger = components.logger.child({ module: "witness" });
  const heights = new Map<bigint, SealedHeader>();
  /** Revisions that have taken blocks back, oldest first. */
  const revisions = new Set<bigint>();
  let rebuilds = REBUILD_BURST;
  let counted = l1Advances();

  /** Whether L1 can be why there is one more revision. */
  const mayRebuild = (): boolean => {
    const now = l1Advances();
    rebuilds = Math.min(REBUILD_BURST, rebuilds + now - counted);
    counted = now;
    if (rebuilds < 1) return false;
    rebuilds--;
    return true;
  };
  const note = (revision: bigint) => {
    if (revisions.size >= MAX_REVISIONS) for (const oldest of revisions) if (revisions.delete(oldest)) break;
    revisions.add(revision);
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
        if (kind === "rebuilt") logger.warn(about, "the sequencer takes blocks back, from this one on");
        else logger.error(about, `${WHY[kind]}: its gossip is not followed any more`);
      },
      (error: unknown) => logger.error({ err: error, ...about }, "evidence could not be written"),
    );
  };

  return {
    /** Whether the sequencer signed it. */
    isSigned(sealed: SealedHeader): boolean {
      const signer = sealerOf(genesisHash, sealed);
      return signer !== undefined && isSigner(signer, sealed.origin);
    },
    isWhole: (block: SealedBlock): boolean => holdsBody(block),
    /** Notes a signed block. What does not fit what was signed before becomes evidence. */
    see({ hash, header, origin, seal }: SealedHeader): Sighting {
      const sealed: SealedHeader = { hash, header, origin, seal };
      const before = heights.get(header.number) ?? seals.get(header.number);
      const found = sighting(before, sealed);
      const isRaised = found === "rebuilt" && !revisions.has(seal.revision);
      const what = isRaised && !mayRebuild() ? "excess" : found;
      if (before === undefined || what === "rebuilt") remember(sealed);
      // One record tells of all that a revision takes back.
      if (before !== undefined && (isRaised || what === "equivocation"))
        record(what as Equivocation["kind"], before, sealed);
      if (isRaised && what === "rebuilt") note(seal.revision);
      return what;
    },
    /** The signed block that counts at a height. */
    at: (number: bigint): SealedHeader | undefined => heights.get(number) ?? seals.get(number),
  };
};
export type Witness = ReturnType<typeof createWitness>;
