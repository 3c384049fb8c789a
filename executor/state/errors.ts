export type StateErrorCode =
  /** The state is older than what is kept, or is being removed. Ask for a newer block, or give --keep-states more. */
  | "STATE_PRUNED"
  /** A version is sealed or reverted inside of a call's checkpoint. A fault of the caller. */
  | "STATE_OPEN_CHECKPOINT"
  /** The store holds what no version of this code wrote. Check the disk, and begin with an empty data directory. */
  | "STATE_CORRUPT"
  /** The engine tried to set the root, which only accepting a version does. A fault of the caller. */
  | "STATE_READ_ONLY"
  /**
   * A version is sealed and neither accepted nor discarded, or this one is no longer the sealed one. A fault of the
   * caller.
   */
  | "STATE_SEALED"
  /** An account was put with a code hash that belongs to no code. Put the code first. */
  | "STATE_UNKNOWN_CODE"
  /** A slot was put to an account that does not exist. Put the account first. */
  | "STATE_NO_ACCOUNT"
  /** Bytes that are no piece of a state, or of another one. Take the piece from elsewhere. */
  | "STATE_PIECE"
  /** One version changes more than 2^22 tree nodes. Seal smaller blocks. */
  | "STATE_TOO_LARGE";
