import assert from "node:assert/strict";
import { after, type TestContext, test } from "node:test";
import { createPublicClient, custom, type PublicClient } from "viem";
import { createClaimView, DEVNET_CLAIMS, DEVNET_WITHDRAWALS } from "../../bridge/index.ts";
import {
  type Bytes,
  type ChainState,
  type Claim,
  CodedError,
  type Hex,
  keccakOf,
  outputRootOf,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import { account } from "../support/anvil.ts";
import { BOND, createClaims, GUARDIAN, PERIOD, SPACING } from "../support/claims.ts";
import { telemetry } from "../support/stage.ts";

const ALICE = 2;
const MALLORY = 3;
const b = await createClaims({ after: after as TestContext["after"] });

/** The L1 block that the node has read. */
const l1: { head: { number: bigint; hash: Hex; timestamp: bigint } | undefined; isCurrent: boolean } = {
  head: undefined,
  isCurrent: true,
};
const readL1 = async () => {
  l1.head = await b.l1.client.getBlock();
};
let calls = 0;
const client = createPublicClient({
  transport: custom(
    {
      request: (call) => {
        calls++;
        return b.l1.client.request(call);
      },
    },
    { retryCount: 0 },
  ),
}) as PublicClient;
const view = createClaimView({ ...telemetry(), client, l1 }, b.contracts);

const stateOf = (number: number, seed = 0): ChainState => ({
  ...b.first,
  number: BigInt(number),
  parentHash: keccakOf(uintBE(number, 4), uintBE(seed, 4)),
});
const rootOf = ({ stateRoot, parentHash }: ChainState): Hex => toHex(outputRootOf(stateRoot, parentHash));
const claim = async (parent: Bytes, state: ChainState, from: number): Promise<Bytes> => {
  await b.l1.mine(Number(SPACING));
  return b.propose(parent, state, { from });
};
const seen = async (id: Bytes): Promise<Claim> => {
  const found = await view.claim(toHex(id));
  assert.ok(found);
  return found;
};
const codeOf = async (work: () => Promise<unknown>): Promise<readonly [string, string]> => {
  try {
    await work();
    return ["none", ""];
  } catch (error) {
    assert.ok(error instanceof CodedError, String(error));
    return [error.code, error.message];
  }
};

test("claims as L1 holds them, at every end that they can come to; which one has a block", async () => {
  const [right1, right2] = [stateOf(5), stateOf(9)];
  const roots = [right1, right2].map(rootOf);
  const isRight = ({ outputRoot }: Pick<Claim, "outputRoot">) => roots.includes(outputRoot as Hex);
  const covering = async (block: bigint) => (await view.covering(block, isRight))?.id;

  await readL1();
  assert.deepEqual([await view.newest(5), await covering(0n)], [[], undefined]);
  const genesis = await seen(b.firstClaim);
  assert.deepEqual([genesis.state, genesis.parent, genesis.staker], ["confirmed", undefined, undefined]);

  const one = await claim(b.firstClaim, right1, ALICE);
  await b.l1.mine(3);
  await readL1();
  const found = await seen(one);
  const { number = 0n } = l1.head ?? {};
  assert.deepEqual([found.state, found.parent, found.outputRoot], ["open", toHex(b.firstClaim), roots[0]]);
  assert.deepEqual([found.blockNumber, found.timer, found.isRunning], [5n, number - found.madeAt, true]);
  assert.deepEqual([found.staker, found.stake], [account(ALICE).address.toLowerCase(), BOND]);
  assert.equal(found.confirmedAt, undefined);

  const two = await claim(one, right2, ALICE);
  await b.l1.mine(Number(PERIOD));
  const rival = await claim(b.firstClaim, stateOf(7, 1), MALLORY);
  await readL1();
  // In the very block in which the rival comes.
  assert.deepEqual([(await seen(one)).isRunning, (await seen(rival)).isRunning], [false, false]);
  assert.equal((await seen(two)).isRunning, true);
  const onRival = await claim(rival, stateOf(12, 1), MALLORY);
  await readL1();
  const ids = [onRival, rival, two, one].map(toHex);
  assert.deepEqual(
    (await view.newest(10)).map(({ id }) => id),
    ids,
  );
  assert.deepEqual(
    (await view.newest(2)).map(({ id }) => id),
    ids.slice(0, 2),
  );
  const expected = [one, one, two, two, undefined, undefined].map((id) => id && toHex(id));
  assert.deepEqual(await Promise.all([0n, 5n, 6n, 9n, 10n, 12n].map(covering)), expected);

  await b.send({ from: ALICE, ...b.registry }, "settle", [toHex(one)]);
  await readL1();
  assert.deepEqual(
    (await view.newest(10)).map(({ state }) => state),
    ["rejected", "rejected", "open", "confirmed"],
  );
  assert.deepEqual([(await seen(one)).stake, (await seen(one)).confirmedAt], [0n, l1.head?.timestamp]);
  assert.deepEqual(await Promise.all([5n, 9n, 12n].map(covering)), [toHex(one), toHex(two), undefined]);
  await b.send({ from: ALICE, ...b.registry }, "forfeit", [toHex(onRival)]);
  await readL1();
  assert.deepEqual([(await seen(onRival)).state, (await seen(onRival)).isRunning], ["forfeited", false]);
});

test("L1 is asked once for each of its blocks, and what it says of one is not taken for another's", async () => {
  const absent: Hex = `0x${"ab".repeat(32)}`;
  await readL1();
  assert.equal(await view.claim(absent), undefined);
  const before = calls;
  await Promise.all([view.claim(absent), view.claim(absent)]);
  assert.equal(calls, before);
  const [newest] = await view.newest(4);
  const listed = calls;
  assert.deepEqual(await view.claim(newest?.id ?? absent), newest);
  assert.equal(calls, listed, "a claim of the list is known");
  await b.l1.mine(1);
  assert.equal(await view.claim(absent), undefined);
  assert.equal(calls, listed, "the node has not read the new block");
  await readL1();
  await Promise.all([view.claim(absent), view.claim(absent)]);
  assert.ok(calls > listed);
});

test("what the contracts were made with", async () => {
  await readL1();
  const { proofMaturityDelay, finalityDelay, pauseDuration } = DEVNET_WITHDRAWALS;
  const { period, spacing, stakes } = DEVNET_CLAIMS;
  assert.deepEqual(await view.parameters(), {
    period,
    spacing,
    bond: stakes[0],
    proofMaturityDelay,
    finalityDelay,
    pauseDuration,
    guardian: account(GUARDIAN).address.toLowerCase(),
    pausedUntil: 0n,
  });
});

test("a node that still reads L1 says so; an L1 that has no such block is no answer, and is asked again", async () => {
  l1.isCurrent = false;
  assert.equal((await codeOf(() => view.parameters()))[0], "CLAIMS_NOT_READ");
  l1.isCurrent = true;
  l1.head = { number: 1n, hash: `0x${"cd".repeat(32)}`, timestamp: 1n };
  const [code, message] = await codeOf(() => view.parameters());
  assert.equal(code, "CLAIMS_UNREACHABLE");
  assert.ok(!message.includes(b.l1.url));
  const before = calls;
  assert.equal((await codeOf(() => view.parameters()))[0], "CLAIMS_UNREACHABLE");
  assert.ok(calls > before, "a failure is not remembered");
});
