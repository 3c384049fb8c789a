import {
  type Block,
  type Bytes,
  type Chain,
  type Hex,
  type Origin,
  type Peering,
  type Service,
  sealDigest,
  sealedBlockOf,
  sleep,
  type Telemetry,
} from "../../executor/index.ts";
import { createPublisherMetrics } from "./publisher-metrics.ts";

export type PublisherComponents = Telemetry & {
  readonly chain: Pick<Chain, "genesisHash" | "head" | "heads" | "blockByNumber" | "on">;
  readonly peering: Pick<Peering, "publish" | "signedAt" | "revision">;
};

export type PublisherOptions = {
  /** Signs a digest with the key that L1 names for blocks of an origin: r ++ s ++ parity, low s. */
  readonly sign: (digest: Bytes, origin: Origin) => Bytes;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** Milliseconds after which a failed attempt is made again. */
  readonly retryMs?: number;
};

/** Signs and gossips every block that this node seals, in order. */
export type Publisher = Service & {
  /** Resolves when the blocks up to the head are published. */
  settled(): Promise<void>;
  /** Publishes what the life before sealed and did not publish, then follows the head. */
  start(): void;
};

/** Milliseconds for which a block that L1 holds may be new to somebody. */
const NEWS_MS = 600_000;

/** What was signed at a height. */
type Signed = { readonly hash: Hex; readonly seal: { readonly revision: bigint } };

/**
 * The revision of a block: the last one, or one more where another block was signed at its height, so that nobody is ever
 * shown two blocks of one height and revision.
 */
export const revisionOf = (hash: Hex, last: bigint, here: Signed | undefined): bigint =>
  here === undefined || here.hash === hash || here.seal.revision < last ? last : here.seal.revision + 1n;

export const createPublisher = (
  { chain, peering, registry, ...components }: PublisherComponents,
  { sign, clock = Date.now, retryMs = 1_000 }: PublisherOptions,
): Publisher => {
  const logger = components.logger.child({ module: "publisher" });
  /** The newest block that is published, or that an L1 reorg left as the last. */
  let done: bigint | undefined;
  let working: Promise<void> | undefined;
  /** A block was sealed meanwhile, perhaps after the work had looked for it. */
  let again = false;
  const aborter = new AbortController();

  const { published } = createPublisherMetrics(registry);

  const publish = async (block: Block): Promise<void> => {
    const { hash, header, origin } = block;
    const here = peering.signedAt(header.number);
    const seal = { revision: revisionOf(hash, peering.revision, here), sealedAt: BigInt(clock()) };
    const signature = sign(sealDigest(chain.genesisHash, { hash, origin, seal }), origin);
    const peers = await peering.publish(sealedBlockOf(block, { ...seal, signature }));
    published.inc({ outcome: peers === 0 ? "unheard" : "heard" });
    logger.debug({ number: header.number, revision: seal.revision, peers }, "block published");
  };

  const isPublished = ({ hash, header }: Block) => peering.signedAt(header.number)?.hash === hash;

  /** What L1 has held for long, L1 gives: whoever derives the chain anew says nothing of it. */
  const isNews = ({ header: { number, timestamp } }: Block): boolean =>
    number > chain.heads.safe || Number(timestamp) * 1_000 + NEWS_MS > clock();

  /** Where to go on: behind the newest block that was published, at most as far back as the safe head. */
  const resume = (): bigint => {
    let number = chain.head.header.number;
    for (; number > chain.heads.safe; number--) {
      const block = chain.blockByNumber(number);
      if (block !== undefined && isPublished(block)) break;
    }
    return number;
  };

  /** Publishes up to the head; what fails is tried again. */
  const drain = async (): Promise<void> => {
    while (!aborter.signal.aborted) {
      try {
        done ??= resume();
        const block = chain.blockByNumber(done + 1n);
        if (block === undefined) return;
        if (isNews(block)) await publish(block);
        // A rollback meanwhile has moved it further down than this.
        if (chain.blockByNumber(done + 1n)?.hash === block.hash) done++;
      } catch (error) {
        logger.error({ err: error }, "a block could not be published");
        await sleep(retryMs, aborter.signal);
      }
    }
  };

  const work = (): void => {
    if (working !== undefined) {
      again = true;
      return;
    }
    working = drain().finally(() => {
      working = undefined;
      if (!again) return;
      again = false;
      work();
    });
  };

  const unsubscribe: (() => void)[] = [];

  return {
    name: "publisher",
    async settled() {
      while (working !== undefined) await working;
    },
    start() {
      unsubscribe.push(
        chain.on("head", work),
        chain.on("rollback", (_, to) => {
          if (done !== undefined && done > to) done = to;
        }),
      );
      work();
    },
    async stop() {
      aborter.abort();
      for (const remove of unsubscribe) remove();
      await working;
    },
  };
};
