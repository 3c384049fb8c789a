import { CodedError, messageOf, sleep } from "../../executor/index.ts";

export type PollErrorCode =
  /**
   * What the devnet waited for did not come in time. See the logs in its directory; a machine under load may need
   * another run.
   */
  | "DEVNET_TIMEOUT"
  /** Ctrl-C came while the devnet was starting. Nothing is to be done. */
  | "DEVNET_INTERRUPTED";

export type PollOptions = {
  /** What is waited for, as the message of a timeout says it. */
  readonly what: string;
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
  readonly everyMs?: number;
};

/** Asks until there is an answer; an attempt that throws is no answer. DEVNET_TIMEOUT, DEVNET_INTERRUPTED. */
export const poll = async <T>(
  { what, signal, timeoutMs = 60_000, everyMs = 50 }: PollOptions,
  attempt: () => Promise<T | undefined>,
): Promise<T> => {
  let last: unknown;
  for (const end = performance.now() + timeoutMs; performance.now() < end; ) {
    if (signal.aborted)
      throw new CodedError<PollErrorCode>("DEVNET_INTERRUPTED", `interrupted while waiting for ${what}`);
    try {
      const answer = await attempt();
      if (answer !== undefined) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await sleep(everyMs, signal);
  }
  const because = last === undefined ? "" : `: ${messageOf(last)}`;
  throw new CodedError<PollErrorCode>("DEVNET_TIMEOUT", `waited ${timeoutMs} ms for ${what}${because}`, { what }, last);
};
