/** What a peer can do wrong, and what it costs. At -100 it is banned. A score recovers with time. */
export const PENALTY = {
  /** Bytes that decode to nothing, or are over a bound. */
  malformed: 20,
  /** A block that the sequencer did not sign. */
  signature: 34,
  /** A signed block's wrapping does not belong to it: other transactions than its header commits to. */
  body: 34,
  /** A block stamped further ahead than clocks differ. */
  future: 10,
  /** Content that does not hash to what was asked for. */
  content: 50,
  /** No progress on a request within its time. */
  stall: 10,
  /** More requests or bytes than the protocol's rate. */
  rate: 5,
  /** More gossip than any chain makes. */
  flood: 25,
} as const;

export type Misbehaviour = keyof typeof PENALTY;
