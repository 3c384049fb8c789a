/** What reading and writing the state throws. */
export type StateErrorCode =
  /** The version is older than what is kept, or is being removed. */
  | "STATE_PRUNED"
  | "STATE_OPEN_CHECKPOINT"
  /** The store holds what no version of this code wrote. */
  | "STATE_CORRUPT"
  | "STATE_READ_ONLY"
  /** A version is sealed and neither accepted nor discarded, or this one is no longer the sealed one. */
  | "STATE_SEALED"
  /** An account was put with a code hash that belongs to no code. */
  | "STATE_UNKNOWN_CODE"
  /** A slot was put to an account that does not exist. */
  | "STATE_NO_ACCOUNT"
  /** Bytes that are no piece of a state, or of another one. */
  | "STATE_PIECE"
  /** One version changes more than 2^22 tree nodes. */
  | "STATE_TOO_LARGE";
