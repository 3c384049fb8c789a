import { encodeFunctionData } from "viem";
import { claimRegistry, gameHash, rootOverLast } from "../../bridge/index.ts";
import { createAttempts, createBoardReader, holdTree, visit } from "../../challenger/index.ts";
import {
  type BytesOf,
  type ChainState,
  type ClaimId,
  encodeChainState,
  genesisChainState,
  type Hex,
  hashChainState,
  keccakOf,
  type NodeHash,
  toHex,
  toLeaf,
  uintBE,
} from "../../executor/index.ts";
import { openBook } from "./claim-book.ts";
import type { Deriving } from "./honest-side.ts";
import { otherState } from "./liar.ts";
import { only, type Told, unitLies } from "./lies.ts";
import type { Random } from "./random-program.ts";
import type { SteppedL1 } from "./stepped-l1.ts";

export type LiarsOptions = {
  /** Accounts of L1 that claim and leave it at that, and accounts that stand up for their claims. */
  readonly accounts: readonly number[];
  readonly players: readonly number[];
  readonly random: Random;
};

const MARGIN = 2n;

/** One who defends a wrong claim with trees of his own, as the honest client defends the right one. */
type Player = { readonly parent: ClaimId; act(): Promise<void> };

/**
 * Claimants who mean it ill. `truth`: a node of theirs that knows what is right; lies are told from that.
 */
export const createLiars = async (l1: SteppedL1, truth: Deriving, { accounts, players, random }: LiarsOptions) => {
  const { client, deployment, send, addressOf } = l1;
  const registry = deployment.contracts.claimRegistry;
  const contract = { address: registry, abi: claimRegistry.abi } as const;
  const { parameters } = await truth.right.rules();
  const { heights, stakes } = parameters;
  const [height] = heights;
  const book = await openBook(client, registry);
  const first = await genesisChainState(l1.genesis);
  const playing = new Map<number, Player>();
  let made = 0;
  const { signal } = new AbortController();

  const propose = async (
    parent: ClaimId,
    game: Hex,
    claimed: { readonly end: ChainState; readonly root: Hex; readonly path: readonly Hex[] },
  ): Promise<void> => {
    const args = [parent, game, toHex(encodeChainState(claimed.end)), claimed.root, claimed.path] as const;
    const data = encodeFunctionData({ abi: claimRegistry.abi, functionName: "propose", args });
    await send(random.pick(accounts), { to: registry, data, value: stakes[0] });
  };

  /** A state that nobody derives: of another block, or within one. */
  const anyState = (): ChainState => ({
    ...otherState(first, 1 + random.below(255)),
    number: BigInt(random.below(1_000)),
    phase: random.chance(0.2) ? "open" : "between",
  });

  const gameOn = (parent: ClaimId): Promise<Hex> =>
    client.readContract({ ...contract, functionName: "gameOn", args: [parent] });

  /** What a liar says of a range: its last leaf, all leaves, one of them. */
  const anyLie = (): Told =>
    random.pick([
      () => unitLies.lastLeaf,
      () => unitLies.allLeaves,
      () => only("a padding leaf", (units) => units + random.below(4), 1),
      () => only("a unit", (units) => random.below(Math.max(1, units)), random.below(2)),
    ])();

  return {
    book,
    /** A claim of anything, with a tree that is none. */
    async junk(parent: ClaimId): Promise<void> {
      const seed = ++made;
      const path = Array.from(
        { length: height },
        (_, i) => keccakOf(uintBE(random.below(2 ** 30), 4), uintBE(seed, 4), uintBE(i, 4)) as BytesOf<NodeHash>,
      );
      const end = anyState();
      const root = toHex(rootOverLast(toLeaf(hashChainState(end)), path));
      await propose(parent, await gameOn(parent), { end, root, path: path.map(toHex) });
    },
    /** The right claim, before the honest make it. */
    async copy(): Promise<void> {
      const { candidate } = await truth.right.walk(await client.getBlockNumber({ cacheTime: 0 }));
      if (candidate === undefined) return;
      const { parent, game, range } = candidate;
      const { end, root, path } = range;
      await propose(parent.id, toHex(gameHash(game)), { end, root: toHex(root), path: path.map(toHex) });
    },
    /** One more who stands up for a lie about what follows a right claim, if anybody is free. */
    async join(id: ClaimId): Promise<void> {
      const from = players.find((player) => !playing.has(player));
      if (from === undefined || [...playing.values()].some(({ parent }) => parent === id)) return;
      const parent = await truth.right.claimAt(id);
      const succession = await truth.right.succession(parent);
      if (succession === undefined) return;
      const { range, origin } = succession;
      const { story, seed = 1 + random.below(200) } = anyLie();
      const end = seed === 0 ? range.end : otherState(range.end, seed);
      const trace = await truth.tracesOf(truth.right)(succession, signal);
      const tree = holdTree(await story(trace, { units: range.units, end: hashChainState(end) }));
      const account = addressOf(from);
      const reader = createBoardReader(client, { registry, book });
      const attempt = createAttempts(client, { registry, account, stakes });
      const game = {
        parent: id,
        origin: toHex(origin),
        tree,
        endState: toHex(encodeChainState(end)),
        isDue: true,
        account,
      };
      playing.set(from, {
        parent: id,
        async act() {
          const { moves } = await visit(await reader.at(await client.getBlockNumber({ cacheTime: 0 })), game, {
            signal,
          });
          const { moves: sent, data, value, gas } = await attempt(moves);
          if (sent.length > 0) await send(from, { to: registry, data, value, gas: gas * MARGIN });
          else if (book.winnerOn(id) !== undefined) playing.delete(from);
        },
      });
    },
    /** Those who play, each with this chance. */
    async play(chance: number): Promise<void> {
      for (const player of [...playing.values()]) if (random.chance(chance)) await player.act();
    },
  };
};
export type Liars = Awaited<ReturnType<typeof createLiars>>;
