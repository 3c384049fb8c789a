import { CodedError, type Hex } from "../executor/index.ts";

/** The part of a block on which two nodes must agree. */
export type BlockSummary = {
  readonly number: bigint;
  readonly hash: Hex;
  readonly parentHash: Hex;
  readonly timestamp: bigint;
  readonly transactionsRoot: Hex;
  readonly receiptsRoot: Hex;
  readonly stateRoot: Hex;
  readonly gasUsed: bigint;
};

/** A node's answers: its newest block, and any block by number (undefined: it does not have it). */
export type BlockReader = {
  head(): Promise<BlockSummary>;
  block(number: bigint): Promise<BlockSummary | undefined>;
};

/** In the order in which a cause shows: other transactions make other receipts, these another state. */
const FIELDS = ["parentHash", "timestamp", "transactionsRoot", "receiptsRoot", "gasUsed", "stateRoot", "hash"] as const;

/** `block`: the first on which they differ; `field`: the first cause. */
export type Divergence = {
  readonly field: (typeof FIELDS)[number];
  readonly own: BlockSummary;
  readonly other: BlockSummary;
};

export type Audit = {
  /** Newest height that both have. */
  readonly common: bigint;
  readonly divergence: Divergence | undefined;
};

export type AuditErrorCode =
  /** A node has no block below its own head: it reorganised meanwhile, or its store is damaged. Run the audit again. */
  "AUDIT_BLOCK_MISSING";

const required = async (reader: BlockReader, number: bigint, whose: string): Promise<BlockSummary> => {
  const found = await reader.block(number);
  if (found === undefined)
    throw new CodedError<AuditErrorCode>(
      "AUDIT_BLOCK_MISSING",
      `the ${whose} node has no block ${number} below its own head`,
      {
        number,
        whose,
      },
    );
  return found;
};

/**
 * Compares two chains up to their common height. A block names its parent, so chains that agree at a height agree below
 * it: the first difference is found with a logarithm of the height in questions. AUDIT_BLOCK_MISSING.
 */
export const audit = async (own: BlockReader, other: BlockReader): Promise<Audit> => {
  const [ownHead, otherHead] = await Promise.all([own.head(), other.head()]);
  const common = ownHead.number < otherHead.number ? ownHead.number : otherHead.number;
  const pair = async (number: bigint) =>
    Promise.all([required(own, number, "own"), required(other, number, "other")] as const);
  let [a, b] = await pair(common);
  if (a.hash === b.hash) return { common, divergence: undefined };
  // INVARIANT: they differ at `high`, and agree below `low`.
  let low = 0n;
  let high = common;
  while (low < high) {
    const middle = (low + high) / 2n;
    const [x, y] = await pair(middle);
    if (x.hash === y.hash) low = middle + 1n;
    else {
      high = middle;
      [a, b] = [x, y];
    }
  }
  const field = FIELDS.find((name) => a[name] !== b[name]) ?? "hash";
  return { common, divergence: { field, own: a, other: b } };
};
