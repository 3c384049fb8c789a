import { BaseError, type PublicClient } from "viem";
import { claimRegistry } from "../bridge/index.ts";
import { type ClaimId, CodedError, type Hex, messageOf, type Telemetry } from "../executor/index.ts";
import { createL1SourcesMetrics } from "./l1-sources-metrics.ts";

export type L1SourcesErrorCode =
  /**
   * Sources of L1 hold other blocks or claims, or one is far behind: nothing is signed. See which one is right, and
   * replace the other: the clocks run.
   */
  | "L1_SOURCES_DISAGREE"
  /** A source of L1 does not answer: nothing is signed. Mend or replace it: the clocks run. */
  | "L1_SOURCE_SILENT";

type BlockRef = { readonly number: bigint; readonly hash: Hex };

/** What is about to be signed stands on these. */
export type Grounds = {
  readonly head: BlockRef;
  /** The block up to which the chain was derived. */
  readonly derived: BlockRef | undefined;
  /** Of this registry. */
  readonly claims: readonly ClaimId[];
  readonly registry: Hex;
};

export type L1Sources = {
  readonly count: number;
  /** Asks every further source. L1_SOURCES_DISAGREE, L1_SOURCE_SILENT. */
  check(grounds: Grounds): Promise<void>;
};

/** L1 blocks that a source may be behind the one that is read. */
const MOST_LAG = 8n;
/** Claims that are compared at a time, the first ones. */
const MOST_CLAIMS = 256;
const BATCH_BYTES = 2_048;

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const textOf = (claims: unknown): string =>
  JSON.stringify(claims, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value)).toLowerCase();

/** `others`: further sources of the same L1, who must agree with the first before anything is signed. */
export const createL1Sources = ({
  client,
  others,
  ...telemetry
}: Pick<Telemetry, "registry"> & {
  readonly client: PublicClient;
  readonly others: readonly PublicClient[];
}): L1Sources => {
  const { refusals, disagree } = createL1SourcesMetrics(telemetry.registry);

  const claimsAt = async (
    of: PublicClient,
    { claims, registry }: Pick<Grounds, "claims" | "registry">,
    blockNumber: bigint,
  ): Promise<string> => {
    const ids = claims.slice(0, MOST_CLAIMS);
    if (ids.length === 0) return "";
    const contracts = ids.map(
      (id) => ({ address: registry, abi: claimRegistry.abi, functionName: "claimOf", args: [id] }) as const,
    );
    return textOf(
      await of.multicall({ deployless: true, allowFailure: false, batchSize: BATCH_BYTES, blockNumber, contracts }),
    );
  };

  const compare = async (source: number, other: PublicClient, grounds: Grounds): Promise<void> => {
    const { head, derived } = grounds;
    const apart = (what: string, block: bigint): never => {
      const message = `L1 source ${source} ${what} at block ${block}: nothing is signed`;
      throw new CodedError<L1SourcesErrorCode>("L1_SOURCES_DISAGREE", message, { source, block });
    };
    const newest = await other.getBlockNumber({ cacheTime: 0 });
    const common = least(newest, head.number);
    if (head.number - common > MOST_LAG) apart(`is at block ${newest}, the first`, head.number);
    const blocks: BlockRef[] = [common === head.number ? head : await client.getBlock({ blockNumber: common })];
    if (derived !== undefined && derived.number <= common) blocks.push(derived);
    for (const { number, hash } of blocks)
      if ((await other.getBlock({ blockNumber: number })).hash !== hash) apart("has another block", number);
    const [own, theirs] = await Promise.all([client, other].map((of) => claimsAt(of, grounds, common)));
    if (own !== theirs) apart("holds other claims", common);
  };

  return {
    count: 1 + others.length,
    async check(grounds) {
      try {
        for (const [i, other] of others.entries())
          await compare(i + 2, other, grounds).catch((error: unknown) => {
            if (error instanceof CodedError) throw error;
            // Its long form has the endpoint, which may hold a key.
            const why = error instanceof BaseError ? error.shortMessage : messageOf(error);
            const message = `L1 source ${i + 2} does not answer: ${why}`;
            throw new CodedError<L1SourcesErrorCode>("L1_SOURCE_SILENT", message, { source: i + 2 }, error);
          });
        disagree.set(0);
      } catch (error) {
        disagree.set(1);
        refusals.inc({ error: error instanceof CodedError ? error.code : "" });
        throw error;
      }
    },
  };
};
