import assert from "node:assert/strict";
import { test } from "node:test";
import type { Gas, L1BlockNumber, L2BlockNumber, Wei } from "./brand.ts";
import { fromHex, type Hex, toHex } from "./bytes.ts";
import {
  type BaseHash,
  type ClaimId,
  type ContextId,
  type EdgeId,
  type NodeHash,
  type StateHash,
  toClaim,
  toEdge,
  toLeaf,
} from "./ids.ts";

/** What must not pass for what. `npm run check` fails where a line that is expected to be refused is not. */

const takes = <Kind>(value: Kind): Kind => value;
const hash: Hex = `0x${"5a".repeat(32)}`;

test("block numbers of the two chains, and wei and gas, are not taken for each other", () => {
  const [l1, l2, wei, gas]: [L1BlockNumber, L2BlockNumber, Wei, Gas] = [1n, 2n, 3n, 4n];
  // @ts-expect-error
  takes<L1BlockNumber>(l2);
  // @ts-expect-error
  takes<L2BlockNumber>(l1);
  // @ts-expect-error
  takes<Wei>(gas);
  // @ts-expect-error
  takes<Gas>(wei);
  // @ts-expect-error
  takes<L1BlockNumber>(wei);
  // What is computed is plain.
  assert.equal(takes<L1BlockNumber>(l1 + 1n), 2n);
});

test("the hashes of the dispute game are not taken for each other, as hex or as bytes", () => {
  const [context, edge, node] = [hash as ContextId, hash as EdgeId, hash as NodeHash];
  const [base, claim, state] = [hash as BaseHash, hash as ClaimId, hash as StateHash];
  // @ts-expect-error
  takes<ContextId>(edge);
  // @ts-expect-error
  takes<EdgeId>(context);
  // @ts-expect-error
  takes<EdgeId>(node);
  // @ts-expect-error
  takes<EdgeId>(claim);
  // @ts-expect-error
  takes<NodeHash>(state);
  // @ts-expect-error
  takes<BaseHash>(node);
  // @ts-expect-error
  takes<StateHash>(base);
  // @ts-expect-error
  takes<ClaimId>(hash);
  const bytes = fromHex(edge);
  // @ts-expect-error
  takes<typeof bytes>(fromHex(context));
  assert.equal(takes<EdgeId>(toHex(bytes)), edge);
});

test("a claim is the edge of its root, and a state a leaf, by name", () => {
  const [edge, claim, state] = [hash as EdgeId, hash as ClaimId, hash as StateHash];
  assert.equal(takes<ClaimId>(toClaim(edge)), claim);
  assert.equal(takes<EdgeId>(toEdge(claim)), edge);
  assert.equal(takes<NodeHash>(toLeaf(state)), hash);
});
