/** L1 blocks of a query of logs, both ends among them. */
export type BlockRange = { readonly fromBlock: bigint; readonly toBlock: bigint };

export type WindowOptions = {
  /** Blocks asked for at a time at first, and at most. */
  readonly most?: bigint;
};

/**
 * How many blocks one query of logs may span: providers bound the range, the number of results, or the time, and say so in
 * words of their own. So whatever failed is asked for again in a shorter range, down to one block.
 */
export type Window = {
  readonly size: bigint;
  /** A query of this size was answered. */
  took(): void;
  /** It was not. False: it was of one block, so its length is not what is wrong. */
  refused(): boolean;
};

const MOST = 2_000n;
const SHRINK = 4n;
const GROWTH = 2n;
/** Answers in a row, at most, after which a longer query is tried. */
const MOST_PATIENCE = 64;

export const createWindow = ({ most = MOST }: WindowOptions = {}): Window => {
  let size = most;
  let taken = 0;
  let patience = 1;
  /** Whether the size was answered only now. */
  let isProbe = false;
  return {
    get size() {
      return size;
    },
    took() {
      if (isProbe) patience = 1;
      isProbe = false;
      if (size === most || ++taken < patience) return;
      taken = 0;
      isProbe = true;
      size = size * GROWTH < most ? size * GROWTH : most;
    },
    refused() {
      taken = 0;
      // Where the provider's bound stands it is tried less and less often.
      if (isProbe) patience = Math.min(4 * patience, MOST_PATIENCE);
      const by = isProbe ? GROWTH : SHRINK;
      isProbe = false;
      if (size === 1n) return false;
      size = size > by ? size / by : 1n;
      return true;
    },
  };
};

type Read<T> = (range: BlockRange) => Promise<T>;

/** Queries of logs over ranges of any length. What one query learns of the provider's bounds serves the next. */
export const createLogWindows = (options: WindowOptions = {}) => {
  const window = createWindow(options);
  async function* walk<T>(
    { fromBlock, toBlock }: BlockRange,
    read: Read<T>,
    { isBackwards, signal }: { readonly isBackwards: boolean; readonly signal: AbortSignal | undefined },
  ): AsyncGenerator<T, void, undefined> {
    for (let [low, high] = [fromBlock, toBlock]; low <= high; ) {
      signal?.throwIfAborted();
      const span = window.size - 1n < high - low ? window.size - 1n : high - low;
      const range = isBackwards ? { fromBlock: high - span, toBlock: high } : { fromBlock: low, toBlock: low + span };
      let answer: T;
      try {
        answer = await read(range);
      } catch (error) {
        signal?.throwIfAborted();
        if (!window.refused()) throw error;
        continue;
      }
      window.took();
      yield answer;
      if (isBackwards) high = range.fromBlock - 1n;
      else low = range.toBlock + 1n;
    }
  }
  return {
    /** What `read` gives for each window, from the oldest. Rejects as `read` does when even one block is refused. */
    forwards: <T>(range: BlockRange, read: Read<T>, signal?: AbortSignal) =>
      walk(range, read, { isBackwards: false, signal }),
    /** The same, from the newest. */
    backwards: <T>(range: BlockRange, read: Read<T>, signal?: AbortSignal) =>
      walk(range, read, { isBackwards: true, signal }),
  };
};
export type LogWindows = ReturnType<typeof createLogWindows>;
