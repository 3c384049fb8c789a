import type { ClaimId, L1BlockNumber, Wei } from "../executor/index.ts";
import type { MadeClaim } from "./game/claim-book.ts";
import type { Move, Parting } from "./game/solver.ts";
import type { Refusal } from "./sending.ts";

/** A claim that is not the right one. */
export type Rival = Pick<MadeClaim, "id" | "parent" | "staker" | "l1Block"> & {
  readonly status: "open" | "confirmed" | "forfeited";
  readonly timer: bigint;
};

/** What the challenger does about the claims on one right claim. */
export type Dispute = {
  readonly parent: ClaimId;
  /** The right claim; undefined while it is not known here. */
  readonly right: ClaimId | undefined;
  readonly rivals: readonly Rival[];
  /**
   * `playing`: moves were found; `waiting`: time runs for the right side; `settled`: the place is decided; `computing`: what
   * it takes is still being executed; `blocked`: what is missing is in `lack`, and nothing is signed; `lost`: L1 has taken
   * another claim.
   */
  readonly state: "playing" | "waiting" | "settled" | "computing" | "blocked" | "lost";
  readonly moves: readonly Move[];
  /** Moves that L1 would refuse now. */
  readonly refusals: readonly Refusal[];
  readonly lack: string | undefined;
  /** Steps of the machine that this node disputes. */
  readonly partings: readonly Parting[];
  /** Wei of the account's own stakes that are not decided yet. */
  readonly staked: Wei;
  /** Of challenge, in L1 blocks. */
  readonly period: bigint;
  /** L1 block of this view. */
  readonly l1Block: L1BlockNumber;
};

/** The claims on one right claim; `rightId`: the right one among them, as far as it is known. */
export type Game = { readonly parent: ClaimId; readonly rightId: ClaimId | undefined };
