import type { PublicClient } from "viem";
import type { RightClaim, RightClaims, Succession, Transactor } from "../../bridge/index.ts";
import { createAttempts, createBoardReader, holdTree, type Trace, visit } from "../../challenger/index.ts";
import {
  type Bytes,
  type ChainState,
  encodeChainState,
  type Hex,
  hashChainState,
  toHex,
} from "../../executor/index.ts";
import { openBook } from "./claim-book.ts";

/** Changes what a chain state says; its bytes stay ones that L1 takes. */
export const otherState = (state: ChainState, seed: number): ChainState => {
  const stateRoot = state.stateRoot.slice();
  stateRoot[31] = ((stateRoot[31] as number) + seed) & 255;
  return { ...state, stateRoot };
};

/** How a liar's tree of units comes from the right one; `end`: hash of the state that he claims. */
export type Story = (right: Trace, about: { readonly units: number; readonly end: Bytes }) => Promise<Trace> | Trace;

/** The range that is claimed on a right claim, and the right tree over its units. */
export type RightRange = {
  readonly right: RightClaims;
  readonly parent: RightClaim;
  readonly succession: Succession;
  readonly trace: Trace;
};

export type LiarComponents = {
  readonly client: PublicClient;
  readonly registry: Hex;
  readonly transactor: Transactor;
};

/**
 * A liar: a client that believes in his trees. Each call answers what is on the board, and does not wait for L1. `seed`: of
 * the end that he claims, 0 for the right one.
 */
export const createLiar = async (
  { client, registry, transactor }: LiarComponents,
  { right, parent, succession, trace }: RightRange,
  { story, seed = 1 }: { readonly story: Story; readonly seed?: number },
): Promise<() => Promise<void>> => {
  const { parameters } = await right.rules();
  const end = seed === 0 ? succession.range.end : otherState(succession.range.end, seed);
  const tree = holdTree(await story(trace, { units: succession.range.units, end: hashChainState(end) }));
  const book = await openBook(client, registry);
  const reader = createBoardReader(client, { registry, book });
  const attempt = createAttempts(client, { registry, account: transactor.address, stakes: parameters.stakes });
  const { signal } = new AbortController();
  const game = {
    parent: parent.id,
    origin: toHex(succession.origin),
    tree,
    endState: toHex(encodeChainState(end)),
    isDue: true,
    account: transactor.address,
  };
  return async () => {
    await transactor.tick();
    if (transactor.pending > 0) return;
    const now = await client.getBlockNumber({ cacheTime: 0 });
    await book.sync({ number: now });
    const { moves } = await visit(await reader.at(now), game, { signal });
    if (moves.length === 0) return;
    const { data, value, moves: sent } = await attempt(moves);
    if (sent.length === 0) return;
    void transactor.send({ to: registry, data, value }).catch(() => undefined);
    await transactor.tick();
  };
};
