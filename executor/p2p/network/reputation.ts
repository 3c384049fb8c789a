/** What a peer can do wrong, and what it costs. At -100 it is banned. A score recovers with time. */
export const PENALTY = {
  /** Bytes that decode to nothing, or are over a bound. */
  malformed: 20,
  /** A block that the sequencer did not sign. */
  signature: 34,
  /** A signed block's wrapping does not belong to it: other transactions than its header commits to. */
  body: 34,
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

/** A score at which a peer is banned. */
export const BAN_SCORE = -100;
/** Milliseconds in which half of a score is forgiven. */
export const HALF_LIFE = 10 * 60_000;
/** The longest ban, and how long a ban is remembered for the next one to be longer. */
export const MAX_BAN = 24 * 3_600_000;

export type ReputationOptions = {
  readonly clock: () => number;
  /** Milliseconds of a peer's first ban. Each further one lasts twice as long. */
  readonly banMs: number;
  /** Peers remembered. */
  readonly limit: number;
};

export type Reputation = {
  /** From 0 downwards. */
  score(peer: string): number;
  /** Takes the points off. Answers for how many milliseconds the peer is now to be banned, or undefined. */
  penalise(peer: string, why: Misbehaviour): number | undefined;
  readonly size: number;
};

type Entry = { points: number; at: number; bans: number; bannedAt: number };

/** The book of scores. A ban clears the score, not the memory of the ban. */
export const createReputation = ({ clock, banMs, limit }: ReputationOptions): Reputation => {
  const entries = new Map<string, Entry>();

  const settle = (entry: Entry): Entry => {
    const now = clock();
    const elapsed = Math.max(0, now - entry.at);
    entry.points *= 2 ** (-elapsed / HALF_LIFE);
    entry.at = now;
    if (now - entry.bannedAt > MAX_BAN) entry.bans = 0;
    return entry;
  };
  const isForgiven = (entry: Entry) => entry.bans === 0 && entry.points > -1;

  const makeRoom = () => {
    for (const [peer, entry] of entries) if (isForgiven(settle(entry))) entries.delete(peer);
    for (const peer of entries.keys()) {
      if (entries.size < limit) return;
      entries.delete(peer);
    }
  };

  return {
    score(peer) {
      const entry = entries.get(peer);
      return entry === undefined ? 0 : settle(entry).points;
    },
    penalise(peer, why) {
      const known = entries.get(peer);
      if (known === undefined && entries.size >= limit) makeRoom();
      const entry = settle(known ?? { points: 0, at: clock(), bans: 0, bannedAt: clock() });
      entries.delete(peer);
      entries.set(peer, entry);
      entry.points -= PENALTY[why];
      if (entry.points > BAN_SCORE) return undefined;
      const ms = Math.min(banMs * 2 ** entry.bans, Math.max(MAX_BAN, banMs));
      entry.points = 0;
      entry.bans++;
      entry.bannedAt = clock();
      return ms;
    },
    get size() {
      return entries.size;
    },
  };
};
