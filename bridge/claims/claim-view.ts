import { type Abi, BaseError, type ContractFunctionParameters, type PublicClient } from "viem";
import {
  type Claim,
  type ClaimId,
  type ClaimState,
  type Claims,
  type ClaimsErrorCode,
  CodedError,
  type Hex,
  type L2BlockNumber,
  messageOf,
  type SettlementParameters,
  type Telemetry,
} from "../../executor/index.ts";
import type { ClaimParameters } from "../clients/claim-parameters.ts";
import type { L1Contracts } from "../clients/deploy.ts";
import { claimGame, claimGames, claimRegistry, portal } from "../contracts/contracts.gen.ts";
import type { L1Source } from "../derivation/l1-source.ts";
import { oldestHaving } from "./claim-search.ts";
import { createClaimViewMetrics } from "./claim-view-metrics.ts";
import type { RegisteredClaim } from "./registry.ts";

export type ClaimViewComponents = Telemetry & {
  readonly client: PublicClient;
  readonly l1: Pick<L1Source, "head" | "isCurrent">;
};

/** As the contract numbers them; 0 is none. */
const STATES: readonly (ClaimState | undefined)[] = [undefined, "open", "confirmed", "forfeited"];
/** Answers that are remembered for one L1 block. */
const MAX_ANSWERS = 1_024;
/** Games of one page, and pages that are read for one answer. */
const PAGE = 16;
const MAX_PAGES = 64;
/** Bytes of calls that L1 is asked to make at once. */
const MAX_CALL_BYTES = 8_192;
const ZERO = 0n;

type Call = {
  readonly address: Hex;
  readonly abi: Abi;
  readonly functionName: string;
  readonly args?: readonly unknown[];
};
type Found = Omit<RegisteredClaim, "status"> & {
  readonly status: number;
  readonly outputRoot: Hex;
  readonly createdAt: bigint;
};
/** A game that has not lost, as ClaimGames lists it. */
type Game = {
  readonly index: bigint;
  readonly proxy: Hex;
  readonly outputRoot: Hex;
  readonly blockNumber: L2BlockNumber;
};

const orUndefined = <Word extends Hex>(word: Word): Word | undefined => (BigInt(word) === ZERO ? undefined : word);

/** L1's claims as of the block that was read last; what it answered is kept until the next. */
export const createClaimView = (
  { client, l1, registry }: ClaimViewComponents,
  { claimGames: gamesAddress, portal: portalAddress }: Pick<L1Contracts, "claimGames" | "portal">,
): Claims => {
  const on = (address: Hex) => ({ address, abi: claimRegistry.abi as Abi });
  const onGames = { address: gamesAddress, abi: claimGames.abi as Abi };
  const onPortal = { address: portalAddress, abi: portal.abi as Abi };
  const answers = new Map<string, Promise<unknown>>();
  let answersAt: Hex | undefined;
  const { reads } = createClaimViewMetrics(registry);

  const requireHead = () => {
    const { head } = l1;
    if (head === undefined || !l1.isCurrent)
      throw new CodedError<ClaimsErrorCode>("CLAIMS_NOT_READ", "this node is still reading L1: ask again");
    return head;
  };

  /** The answer for L1's head, asked for once. */
  const remember = async <T>(key: string, work: (blockHash: Hex) => Promise<T>): Promise<T> => {
    const { hash } = requireHead();
    if (hash !== answersAt || answers.size >= MAX_ANSWERS) {
      answers.clear();
      answersAt = hash;
    }
    const known = answers.get(key) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const answer = work(hash);
    answers.set(key, answer);
    answer.catch(() => {
      if (answers.get(key) === answer) answers.delete(key);
    });
    return answer;
  };

  /** Makes the calls on the state of one L1 block. CLAIMS_UNREACHABLE. */
  const read = async (calls: readonly Call[], blockHash: Hex): Promise<readonly unknown[]> => {
    try {
      const results = await client.multicall({
        contracts: calls as readonly ContractFunctionParameters[],
        allowFailure: false,
        deployless: true,
        batchSize: MAX_CALL_BYTES,
        blockHash,
      });
      reads.inc({ outcome: "answered" });
      return results;
    } catch (error) {
      reads.inc({ outcome: "failed" });
      // Its long form has the endpoint, which may hold a key.
      const why = error instanceof BaseError ? error.shortMessage : messageOf(error);
      const message = `L1 does not tell its claims: ${why}`;
      throw new CodedError<ClaimsErrorCode>("CLAIMS_UNREACHABLE", message, { blockHash }, error);
    }
  };

  /** All registries that were ever in force, oldest first. */
  const registries = () =>
    remember("registries", async (blockHash) => {
      const [all] = await read([{ ...onGames, functionName: "registries" }], blockHash);
      return all as readonly [Hex, ...Hex[]];
    });

  /** Where claims were made: the oldest registry that has them, as others begin with one of its claims. */
  const registriesOf = async (ids: readonly ClaimId[], blockHash: Hex): Promise<readonly Hex[]> => {
    const all = await registries();
    if (all.length === 1) return ids.map(() => all[0]);
    const calls = ids.flatMap((id) => all.map((address) => ({ ...on(address), functionName: "claimOf", args: [id] })));
    const found = (await read(calls, blockHash)) as readonly Found[];
    return ids.map((_, i) => all.find((_, j) => found[i * all.length + j]?.status !== 0) ?? all[0]);
  };

  const parametersAt = async (blockHash: Hex): Promise<SettlementParameters> => {
    const onRegistry = on((await registries()).at(-1) as Hex);
    const [given, maturity, finality, duration, guardian, pausedUntil] = (await read(
      [
        { ...onRegistry, functionName: "parameters" },
        { ...onPortal, functionName: "proofMaturityDelaySeconds" },
        { ...onGames, functionName: "disputeGameFinalityDelaySeconds" },
        { ...onPortal, functionName: "PAUSE_DURATION" },
        { ...onPortal, functionName: "guardian" },
        { ...onPortal, functionName: "pausedUntil" },
      ],
      blockHash,
    )) as [ClaimParameters, bigint, bigint, bigint, Hex, bigint];
    const { period, spacing, stakes } = given;
    return {
      period,
      spacing,
      bond: stakes[0],
      proofMaturityDelay: maturity,
      finalityDelay: finality,
      pauseDuration: duration,
      guardian: guardian.toLowerCase() as Hex,
      pausedUntil,
    };
  };

  const claimsAt = async (ids: readonly ClaimId[], blockHash: Hex): Promise<readonly (Claim | undefined)[]> => {
    if (ids.length === 0) return [];
    const views = ["claimOf", "isRejected", "timerOf", "rootOf", "contextOf"] as const;
    const deciders = await registriesOf(ids, blockHash);
    const results = await read(
      ids.flatMap((id, i) => views.map((functionName) => ({ ...on(deciders[i] as Hex), functionName, args: [id] }))),
      blockHash,
    );
    const contexts = (await read(
      ids.map((_, i) => ({
        ...on(deciders[i] as Hex),
        functionName: "contextState",
        args: [results[views.length * (i + 1) - 1]],
      })),
      blockHash,
    )) as readonly { readonly secondAt: bigint }[];
    return ids.map((id, i): Claim | undefined => {
      const [found, isRejected, timer, root] = results.slice(views.length * i, views.length * (i + 1)) as [
        Found,
        boolean,
        bigint,
        { readonly staker: Hex; readonly stake: bigint },
      ];
      const state = STATES[found.status];
      if (state === undefined) return undefined;
      return {
        id,
        parent: orUndefined(found.parent),
        state: state === "open" && isRejected ? "rejected" : state,
        endState: found.endState,
        outputRoot: orUndefined(found.outputRoot),
        blockNumber: found.blockNumber,
        limitBatch: found.limitBatch,
        madeAt: found.madeAt,
        createdAt: found.createdAt,
        confirmedAt: found.confirmedAt === ZERO ? undefined : found.confirmedAt,
        staker: orUndefined(root.staker)?.toLowerCase() as Hex | undefined,
        stake: root.stake,
        timer,
        isRunning: state === "open" && !isRejected && contexts[i]?.secondAt === ZERO,
      };
    });
  };

  const listing = () =>
    remember("listing", async (blockHash) => {
      const views = ["gameCount", "respectedGameType"];
      const [count, gameType] = await read(
        views.map((functionName) => ({ ...onGames, functionName })),
        blockHash,
      );
      return { count: count as bigint, gameType: gameType as number };
    });

  const idsOf = async (proxies: readonly Hex[], blockHash: Hex): Promise<readonly ClaimId[]> =>
    proxies.length === 0
      ? []
      : ((await read(
          proxies.map((address) => ({ address, abi: claimGame.abi as Abi, functionName: "claimId" })),
          blockHash,
        )) as readonly ClaimId[]);

  /** Games that have not lost, from an index downwards. */
  const page = (start: bigint): Promise<readonly Game[]> =>
    remember(`page ${start}`, async (blockHash) => {
      const { gameType } = await listing();
      const args = [gameType, start, BigInt(PAGE)];
      const [games] = (await read([{ ...onGames, functionName: "findLatestGames", args }], blockHash)) as [
        readonly { readonly index: bigint; readonly metadata: Hex; readonly rootClaim: Hex; readonly extraData: Hex }[],
      ];
      return games.map(({ index, metadata, rootClaim, extraData }) => ({
        index,
        proxy: `0x${metadata.slice(-40)}`,
        outputRoot: rootClaim,
        blockNumber: BigInt(extraData),
      }));
    });

  const one = (id: ClaimId): Promise<Claim | undefined> =>
    remember(`claim ${id}`, async (blockHash) => (await claimsAt([id], blockHash))[0]);

  return {
    claim: (id) => one(id as ClaimId),
    parameters: () => remember("parameters", parametersAt),
    async newest(limit) {
      const { count } = await listing();
      return remember(`newest ${limit}`, async (blockHash) => {
        const first = count > BigInt(limit) ? count - BigInt(limit) : 0n;
        const indices = Array.from({ length: Number(count - first) }, (_, i) => count - 1n - BigInt(i));
        const calls = indices.map((index) => ({ ...onGames, functionName: "gameAtIndex", args: [index] }));
        const games = calls.length === 0 ? [] : await read(calls, blockHash);
        const proxies = (games as readonly (readonly [number, bigint, Hex])[]).map(([, , proxy]) => proxy);
        const claims = await claimsAt(await idsOf(proxies, blockHash), blockHash);
        const found = claims.filter((claim) => claim !== undefined);
        // Each is asked for again, as the next one's parent.
        if (answersAt === blockHash)
          for (const claim of found) answers.set(`claim ${claim.id}`, Promise.resolve(claim));
        return found;
      });
    },
    async covering(block, isRight) {
      let pages = 0;
      const rightBelow = async (end: bigint, begin: bigint): Promise<readonly Game[]> => {
        for (let next = end; next > begin; ) {
          if (++pages > MAX_PAGES)
            throw new CodedError<ClaimsErrorCode>("CLAIMS_TOO_MANY", "too many wrong claims stand on L1", { block });
          const games = (await page(next - 1n)).filter(({ index }) => index >= begin);
          const right = games.filter(isRight);
          if (right.length > 0) return right;
          next = games.at(-1)?.index ?? begin;
        }
        return [];
      };
      const { count } = await listing();
      const best = await oldestHaving(block, count, rightBelow);
      const proxy = best?.proxy;
      if (proxy === undefined) return undefined;
      const [id] = await remember(`game ${proxy}`, (blockHash) => idsOf([proxy], blockHash));
      return id === undefined ? undefined : one(id);
    },
  };
};
