import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type Abi, encodeFunctionData } from "viem";
import { DEVNET_CLAIMS, gameHash } from "../../bridge/index.ts";
import { type Bytes, encodeChainState, type Hex, keccak256, toHex, ZERO_32 } from "../../executor/index.ts";
import { account } from "./anvil.ts";
import { edgeAt, endPath, opening, type Placed, shownBelow, type Tree, tensorTree, witnessAt } from "./board.ts";
import { createClaims } from "./claims.ts";
import { createToy, INFER_STEP, TENSOR_LEVEL, TOY_HEIGHTS, TOY_RULES, UNITS } from "./toy-rules.ts";

export const ALICE = 2;
export const MALLORY = 3;
export const CAROL = 4;
const PLAYERS = [ALICE, MALLORY, CAROL];
export const DISPUTE = {
  ...DEVNET_CLAIMS,
  heights: TOY_HEIGHTS,
  period: 60n,
  spacing: 1n,
};
export const FOREVER = 2n ** 64n - 1n;
/** Of the state that the liar claims. */
export const WRONG_NUMBER = 77;

/** A call of the registry, by name and arguments. */
export type Move = { readonly name: string; readonly args: readonly unknown[]; readonly value?: bigint };

const HASH_BYTES = 32;
const ATTEMPT_GAS = 3_000_000n;
const junk = (seed: number): Bytes => new Uint8Array(HASH_BYTES).fill(seed);

/** Leaves of a liar: other ones from `position` on, the last of which is given. */
export const liesFrom = (right: readonly Bytes[], position: number, end?: Bytes): readonly Bytes[] =>
  right.map((leaf, i) => {
    if (end !== undefined && i === right.length - 1) return end;
    return i < position ? leaf : junk(0x80 + i);
  });

/** Openings of two trees in turn, from their roots down to a leaf. */
export const clash = (one: Placed, two: Placed, position: number): readonly Move[] =>
  Array.from({ length: one.tree.height }, (_, i) => one.tree.height - i).flatMap((height) =>
    [one, two].map((placed) => opening(placed, height, Math.floor(position / 2 ** height))),
  );

/** L1 with a registry of small trees, the toy's rules, and three accounts who play. */
export const createDispute = async (t: Pick<TestContext, "after">) => {
  const claims = await createClaims(t, {}, async (l1) => {
    const hash = await l1.wallet(9).deployContract({ ...TOY_RULES, args: [] });
    const { contractAddress } = await l1.client.waitForTransactionReceipt({ hash });
    assert.ok(contractAddress);
    return { rules: contractAddress, claims: DISPUTE };
  });
  const { l1, contracts, registry, of } = claims;
  const abi: Abi = [...registry.abi, ...TOY_RULES.abi];
  const target = { to: registry.to, abi };
  const toy = createToy(claims.first);
  const parent = claims.firstClaim;
  const origin = gameHash({
    l1ChainId: 31_337n,
    registry: contracts.claimRegistry,
    parent: toHex(parent),
    limitBatch: 0n,
    lineage: toHex(ZERO_32),
  });
  await l1.mine(1);

  const [bond, stake1, stake2] = DISPUTE.stakes;
  const encode = ({ name, args }: Move): Hex => encodeFunctionData({ abi, functionName: name, args });
  const send = (from: number, { name, args, value = 0n }: Move) => claims.send({ from, ...target, value }, name, args);
  return {
    ...claims,
    toy,
    target,
    encode,
    play: send,
    /** Whether L1 accepted a move, or a batch of them; it is mined in either case. */
    async attempt(from: number, move: Move): Promise<boolean> {
      const data = encode(move);
      const hash = await l1
        .wallet(from)
        .sendTransaction({ to: target.to, data, value: move.value ?? 0n, gas: ATTEMPT_GAS });
      return (await l1.client.waitForTransactionReceipt({ hash })).status === "success";
    },
    /** Name of the error that a move ends with, or undefined. */
    refused: (from: number, { name, args, value = 0n }: Move) => claims.refusal({ from, ...target, value }, name, args),
    batch: (from: number, moves: readonly Move[], value = moves.reduce((sum, move) => sum + (move.value ?? 0n), 0n)) =>
      send(from, { name: "multicall", args: [moves.map(encode)], value }),
    /** The liar's claim: other leaves from `position` on. */
    wrongChain(position: number): Placed {
      const end = keccak256(encodeChainState(toy.chainState(WRONG_NUMBER)));
      return this.chain(liesFrom(toy.leaves.chain, position, end));
    },
    /** The tree of a claim, at its place. */
    chain: (leaves: readonly Bytes[] = toy.leaves.chain): Placed => ({ tree: toy.trees.chain(leaves), origin }),
    /** The trees below a leaf. */
    execution: (above: Placed, unit: number, leaves: readonly Bytes[]): Placed => ({
      tree: toy.trees.execution(unit, leaves),
      origin: edgeAt(above, 0, unit).ctx,
    }),
    inference: (above: Placed, unit: number, leaves: readonly Bytes[]): Placed => ({
      tree: toy.trees.inference(unit, leaves),
      origin: edgeAt(above, 0, INFER_STEP).ctx,
    }),
    tensor: (above: Placed, operator: number, elements: readonly Bytes[]): Placed => ({
      tree: tensorTree(TENSOR_LEVEL, elements),
      origin: edgeAt(above, 0, operator).ctx,
    }),
    propose(placed: Placed, number = UNITS): Move {
      const { tree } = placed;
      const state = toHex(encodeChainState(toy.chainState(number)));
      return {
        name: "propose",
        args: [toHex(parent), toHex(placed.origin), state, toHex(tree.node(tree.height, 0)), endPath(tree)],
        value: bond,
      };
    },
    refine(above: Placed, position: number, sub: Tree, evidence: Bytes): Move {
      const { named } = edgeAt(above, 0, position);
      const root = toHex(sub.node(sub.height, 0));
      const value = sub.level === 1 ? stake1 : stake2;
      const args = [...named, witnessAt(above, position), toHex(evidence), root, endPath(sub)];
      return { name: "refine", args, value };
    },
    prove(placed: Placed, position: number, evidence: Bytes): Move {
      const { named } = edgeAt(placed, 0, position);
      return { name: "prove", args: [...named, witnessAt(placed, position), toHex(evidence)] };
    },
    descend(placed: Placed, operator: number, root: Bytes, evidence: Bytes): Move {
      const { named } = edgeAt(placed, 0, operator);
      return {
        name: "descend",
        args: [...named, witnessAt(placed, operator), toHex(evidence), toHex(root)],
      };
    },
    proveElement(placed: Placed, position: number, above: Placed, operator: number, evidence: Bytes): Move {
      const { named } = edgeAt(placed, 0, position);
      const [context] = edgeAt(above, 0, operator).named;
      return {
        name: "proveElement",
        args: [...named, context, witnessAt(above, operator), toHex(evidence)],
      };
    },
    update(placed: Placed, height: number, index: number, shown: Hex = shownBelow(placed, height, index)): Move {
      return { name: "update", args: [...edgeAt(placed, height, index).named, shown] };
    },
    /** Updates from a leaf's parent up to the root. */
    updateUp(placed: Placed, position: number): readonly Move[] {
      return Array.from({ length: placed.tree.height }, (_, i) => i + 1).map((height) =>
        this.update(placed, height, Math.floor(position / 2 ** height)),
      );
    },
    rootOf: (placed: Placed) => edgeAt(placed, placed.tree.height, 0),
    leafOf: (placed: Placed, position: number) => edgeAt(placed, 0, position),
    edge: ({ ctx, id }: { readonly ctx: Bytes; readonly id: Hex }) =>
      of<{ exists: boolean; isFirst: boolean; proven: boolean; cached: bigint }>("edgeOf", toHex(ctx), id),
    timer: ({ ctx, node }: { readonly ctx: Bytes; readonly node: Bytes }) =>
      of<bigint>("timerOf", toHex(ctx), toHex(node)),
    /** Section by section of the money: what came in is held, credited, burned, or was paid out. */
    async assertBalanced(others: readonly Hex[] = []) {
      const [held, burned, balance] = await Promise.all([
        of<bigint>("held"),
        of<bigint>("burned"),
        l1.client.getBalance({ address: contracts.claimRegistry }),
      ]);
      const accounts = [...PLAYERS.map((i) => account(i).address), ...others];
      const credits = await Promise.all(accounts.map((address) => of<bigint>("credits", address)));
      assert.equal(held + burned + credits.reduce((sum, credit) => sum + credit, 0n), balance);
    },
  };
};
export type Dispute = Awaited<ReturnType<typeof createDispute>>;
