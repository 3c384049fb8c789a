import assert from "node:assert/strict";
import { test } from "node:test";
import { type Abi, encodeDeployData, zeroAddress } from "viem";
import {
  appendCall,
  claimGames,
  claimRegistry,
  DEVNET_CLAIMS,
  deployBridge,
  rootOverLast,
} from "../../bridge/index.ts";
import {
  type BytesOf,
  type ChainState,
  encodeChainState,
  type Hex,
  keccakOf,
  type NodeHash,
  outputRootOf,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import { account } from "../support/anvil.ts";
import { BOND, type Claims, createClaims, HEIGHT, PERIOD, SPACING, TARIFF } from "../support/claims.ts";
import { settlement } from "../support/settlement.ts";
import { compile } from "../support/solidity.ts";

const ALICE = 2;
const MALLORY = 3;

/** Another state than `first`, by number. */
const stateOf = (first: ChainState, number: number): ChainState => ({
  ...first,
  number: BigInt(number),
  parentHash: keccakOf(uintBE(number, 4)),
  stateRoot: keccakOf(uintBE(number, 5)),
});

/** Section 6: what came in is at stake, credited, burned, or was paid out. */
const assertBalanced = async (b: Claims) => {
  const [held, burned, balance] = await Promise.all([
    b.of<bigint>("held"),
    b.of<bigint>("burned"),
    b.l1.client.getBalance({ address: b.contracts.claimRegistry }),
  ]);
  const credits = await Promise.all([ALICE, MALLORY, 4].map((i) => b.of<bigint>("credits", account(i).address)));
  assert.equal(held + burned + credits.reduce((sum, credit) => sum + credit, 0n), balance);
};

const statusOf = async (b: Claims, id: Uint8Array) => (await b.of<{ status: number }>("claimOf", toHex(id))).status;
const [OPEN, CONFIRMED, FORFEITED] = [1, 2, 3];

test("a claim: its id, what is kept of it, and every reason to refuse one", async (t) => {
  const b = await createClaims(t);
  const state = stateOf(b.first, 1);
  const args = await b.argsOf(b.firstClaim, state);
  const propose = { from: ALICE, ...b.registry, value: BOND };
  const { firstClaim } = b;
  const genesis = await b.of<{ madeAt: bigint; status: number; outputRoot: string }>("claimOf", toHex(firstClaim));
  assert.equal(genesis.status, CONFIRMED);
  assert.equal(genesis.outputRoot, toHex(outputRootOf(b.first.stateRoot, b.first.parentHash)));

  assert.ok((await b.l1.client.getBlockNumber()) < genesis.madeAt + SPACING);
  assert.equal(await b.refusal(propose, "propose", args), "TooEarly");
  await b.l1.mine(Number(SPACING));
  assert.equal(await b.refusal(propose, "propose", args), undefined);
  const [parent, game, endState, node, path] = args;
  const refusal = (change: readonly unknown[], call: object = {}) =>
    b.refusal({ ...propose, ...call }, "propose", change);
  assert.equal(await refusal([parent, node, endState, node, path]), "WrongGame");
  assert.equal(await refusal([node, game, endState, node, path]), "UnknownParent");
  assert.equal(await refusal([parent, game, endState.slice(0, -2), node, path]), "BadEnd");
  assert.equal(await refusal([parent, game, `${endState.slice(0, -2)}ff`, node, path]), "BadEnd");
  assert.equal(await refusal([parent, game, endState, node, path.slice(1)]), "BadEnd");
  assert.equal(await refusal([parent, game, endState, node, [...path, node]]), "BadEnd");
  assert.equal(await refusal([parent, game, endState, path[0], path]), "BadEnd");
  assert.equal(await refusal([parent, game, endState, node, [...path].reverse()]), "BadEnd");
  for (const value of [0n, BOND - 1n, BOND + 1n]) assert.equal(await refusal(args, { value }), "BadStake");

  const { events, gasUsed } = await b.send(propose, "propose", args);
  t.diagnostic(`propose: ${gasUsed} gas`);
  const id = toHex(await b.idOf(firstClaim, state));
  assert.deepEqual(
    events.map(({ eventName }) => eventName),
    ["ClaimProposed", "DisputeGameCreated"],
  );
  const limits = { limitBatch: 0n };
  assert.deepEqual(events[0]?.args, { id, parent, node, endState, ...limits, staker: account(ALICE).address });
  const block = await b.l1.client.getBlock();
  assert.deepEqual(await b.of("claimOf", id), {
    parent,
    endState: toHex(keccakOf(Buffer.from(endState.slice(2), "hex"))),
    outputRoot: toHex(outputRootOf(state.stateRoot, state.parentHash)),
    ...limits,
    madeAt: block.number,
    status: OPEN,
    blockNumber: 1n,
    createdAt: block.timestamp,
    confirmedAt: 0n,
  });
  assert.equal(HEIGHT, path.length);

  // Once more, by another: nothing is taken.
  await b.send({ ...propose, from: MALLORY }, "propose", args);
  assert.equal(await b.of("credits", account(MALLORY).address), BOND);
  assert.equal(await b.of("held"), BOND);
  assert.deepEqual(await b.of("rootOf", id), {
    staker: account(ALICE).address,
    stake: BOND,
    claimed: toHex(new Uint8Array(32)),
  });
  await assertBalanced(b);
  const before = await b.l1.client.getBalance({ address: account(MALLORY).address });
  await b.send({ from: MALLORY, ...b.registry }, "withdraw");
  assert.ok((await b.l1.client.getBalance({ address: account(MALLORY).address })) > before + BOND / 2n);
  assert.equal(await b.of("credits", account(MALLORY).address), 0n);
  await b.send({ from: MALLORY, ...b.registry }, "withdraw");
  await assertBalanced(b);
});

test("a game says what the inbox holds: what L1 holds otherwise after a reorg is another game, and no claim of it", async (t) => {
  const b = await createClaims(t);
  const { client } = b.l1;
  await b.l1.mine(Number(SPACING));
  const before = await b.l1.snapshot();
  /** One batch of these bytes, then the claim of what was there before. */
  const history = async (data: Uint8Array) => {
    const { number, timestamp } = await client.getBlock();
    const call = appendCall(b.contracts.batchInbox, {
      index: 0n,
      origin: { number, timestamp },
      delayedEnd: 0n,
      delayedAccumulator: toHex(new Uint8Array(32)),
      data,
    });
    const hash = await b.l1.wallet(1).sendTransaction({ to: call.to, data: call.data });
    await client.waitForTransactionReceipt({ hash });
    const parent = await b.propose(b.firstClaim, stateOf(b.first, 1));
    await b.l1.mine(Number(SPACING));
    return { parent, args: await b.argsOf(parent, stateOf(b.first, 2)) };
  };
  const one = await history(Uint8Array.of(1));
  await b.l1.revert(before);
  const other = await history(Uint8Array.of(2));
  assert.deepEqual(one.parent, other.parent);
  assert.notEqual(one.args[1], other.args[1]);
  const propose = { from: ALICE, ...b.registry, value: BOND };
  assert.equal(await b.refusal(propose, "propose", one.args), "WrongGame");
  assert.equal(await b.refusal(propose, "propose", other.args), undefined);
});

test("a claim whose game has its address taken is made all the same, and not listed", async (t) => {
  const b = await createClaims(t);
  await b.l1.mine(Number(SPACING));
  const games = { address: b.contracts.claimGames, abi: claimGames.abi } as const;
  const before = await b.l1.snapshot();
  await b.propose(b.firstClaim, stateOf(b.first, 1));
  const [, , address] = await b.l1.client.readContract({ ...games, functionName: "gameAtIndex", args: [0n] });
  await b.l1.revert(before);
  await b.l1.control.setCode({ address, bytecode: "0x00" });
  const id = await b.propose(b.firstClaim, stateOf(b.first, 1));
  assert.equal(await statusOf(b, id), OPEN);
  assert.equal(await b.l1.client.readContract({ ...games, functionName: "gameCount" }), 0n);
  const next = await b.propose(b.firstClaim, stateOf(b.first, 3), { from: MALLORY });
  assert.equal(await statusOf(b, next), OPEN);
  assert.equal(await b.l1.client.readContract({ ...games, functionName: "gameCount" }), 1n);
});

test("without a rival a claim is confirmed by the block in which the period is over, its parent first", async (t) => {
  const b = await createClaims(t);
  await b.l1.mine(Number(SPACING));
  const settle = { from: 4, ...b.registry };
  const one = await b.propose(b.firstClaim, stateOf(b.first, 1));
  await b.l1.mine(Number(SPACING));
  const two = await b.propose(one, stateOf(b.first, 2));
  // Calls run on the block that was mined last: one block more has passed for the transaction after them.
  const { madeAt } = await b.of<{ madeAt: bigint }>("claimOf", toHex(one));
  const left = madeAt + PERIOD - 1n - (await b.l1.client.getBlockNumber());
  await b.l1.mine(Number(left));
  assert.equal(await b.of("timerOf", toHex(one)), PERIOD - 1n);
  assert.equal(await b.refusal(settle, "settle", [toHex(one)]), "TooEarly");
  assert.equal(await b.refusal(settle, "settle", [toHex(b.firstClaim)]), "NotRoot");
  assert.equal(await b.refusal(settle, "settle", [toHex(keccakOf(one))]), "NotRoot");
  await b.l1.mine(1);
  assert.equal(await b.refusal(settle, "settle", [toHex(one)]), undefined);
  await b.l1.mine(Number(SPACING) + 1);
  assert.equal(await b.refusal(settle, "settle", [toHex(two)]), "ParentOpen");
  const { gasUsed, events } = await b.send(settle, "settle", [toHex(one)]);
  t.diagnostic(`settle: ${gasUsed} gas`);
  assert.deepEqual(
    events.map(({ eventName }) => eventName),
    ["LevelSettled", "ClaimConfirmed"],
  );
  assert.deepEqual((await b.send(settle, "settle", [toHex(one)])).events, [], "a second time changes nothing");
  assert.equal(await b.of("credits", account(ALICE).address), BOND);
  await b.send(settle, "settle", [toHex(two)]);
  assert.deepEqual([await statusOf(b, one), await statusOf(b, two)], [CONFIRMED, CONFIRMED]);
  await assertBalanced(b);

  // A rival that comes after the end is told so, and loses nothing.
  await b.send(
    { from: MALLORY, ...b.registry, value: BOND },
    "propose",
    await b.argsOf(b.firstClaim, stateOf(b.first, 7)),
  );
  assert.equal(await b.of("credits", account(MALLORY).address), BOND);
  assert.equal(await statusOf(b, await b.idOf(b.firstClaim, stateOf(b.first, 7))), 0);
  await assertBalanced(b);
});

test("a rival stops the time: if nobody disputes, neither is ever confirmed", async (t) => {
  const b = await createClaims(t);
  await b.l1.mine(Number(SPACING));
  const right = await b.propose(b.firstClaim, stateOf(b.first, 1));
  await b.l1.mine(100);
  const wrong = await b.propose(b.firstClaim, stateOf(b.first, 1), { seed: 2, from: MALLORY });
  const late = await b.propose(b.firstClaim, stateOf(b.first, 3), { from: MALLORY });
  await b.l1.mine(3 * Number(PERIOD));
  const timers = await Promise.all([right, wrong, late].map((id) => b.of<bigint>("timerOf", toHex(id))));
  assert.deepEqual(timers, [101n, 0n, 0n]);
  for (const id of [right, wrong, late]) {
    assert.equal(await b.refusal({ from: ALICE, ...b.registry }, "settle", [toHex(id)]), "TooEarly");
    assert.equal(await b.refusal({ from: ALICE, ...b.registry }, "collect", [toHex(id)]), "NotLoser");
    assert.equal(await b.refusal({ from: ALICE, ...b.registry }, "forfeit", [toHex(id)]), "ParentAlive");
    assert.equal(await b.of("isRejected", toHex(id)), false);
  }
  await assertBalanced(b);
});

test("a rival that comes when the period is over loses its bond, and what stands on it is forfeited", async (t) => {
  const b = await createClaims(t);
  await b.l1.mine(Number(SPACING));
  const right = await b.propose(b.firstClaim, stateOf(b.first, 1));
  await b.l1.mine(Number(PERIOD));
  const wrong = await b.propose(b.firstClaim, stateOf(b.first, 8), { from: MALLORY });
  await b.l1.mine(Number(SPACING));
  const child = await b.propose(wrong, stateOf(b.first, 9), { from: MALLORY });
  await b.l1.mine(Number(SPACING));
  const grandchild = await b.propose(child, stateOf(b.first, 10), { from: 4 });
  const call = { from: 4, ...b.registry };
  assert.equal(await b.refusal(call, "settle", [toHex(wrong)]), "TooEarly");
  await b.send(call, "settle", [toHex(right)]);

  assert.equal(await b.refusal({ ...call, value: BOND }, "propose", await b.argsOf(wrong, b.first)), "UnknownParent");
  assert.deepEqual(await Promise.all([right, wrong, child, grandchild].map((id) => b.of("isRejected", toHex(id)))), [
    false,
    true,
    true,
    false,
  ]);
  assert.equal(await b.refusal(call, "collect", [toHex(right)]), "NotLoser");
  assert.equal(await b.refusal(call, "collect", [toHex(child)]), "NotLoser");
  const { events } = await b.send(call, "collect", [toHex(wrong)]);
  assert.deepEqual(events[0]?.args, { edge: toHex(wrong), tariff: TARIFF, burned: BOND - TARIFF });
  assert.deepEqual((await b.send(call, "collect", [toHex(wrong)])).events, []);
  assert.equal(await b.of("credits", account(ALICE).address), BOND + TARIFF);
  await assertBalanced(b);

  assert.equal(await b.refusal(call, "forfeit", [toHex(grandchild)]), "ParentAlive");
  assert.equal(await b.refusal(call, "forfeit", [toHex(wrong)]), "ParentAlive");
  await b.send(call, "forfeit", [toHex(child)]);
  assert.deepEqual((await b.send(call, "forfeit", [toHex(child)])).events, []);
  await b.send(call, "forfeit", [toHex(grandchild)]);
  assert.deepEqual([await statusOf(b, child), await statusOf(b, grandchild)], [FORFEITED, FORFEITED]);
  assert.equal(await b.of("burned"), BOND - TARIFF + 2n * BOND);
  assert.equal(await b.of("held"), 0n);
  await assertBalanced(b);
});

const IMPOSTOR = compile(
  "Impostor",
  "contract Impostor { bytes32 public claimId; function pose(bytes32 id) external { claimId = id; } }",
);

test("a claim that ends inside a block is one like others, but no game: it has no output root", async (t) => {
  const b = await createClaims(t);
  const games = { from: ALICE, to: b.contracts.claimGames, abi: claimGames.abi as Abi };
  const gameOf = <T>(functionName: string, ...args: readonly unknown[]) =>
    b.read<T>(games.to, games.abi, functionName, args);
  await b.l1.mine(Number(SPACING));
  const inside: ChainState = { ...stateOf(b.first, 1), phase: "open" };
  const id = await b.propose(b.firstClaim, inside);
  const { outputRoot, status } = await b.of<{ outputRoot: string; status: number }>("claimOf", toHex(id));
  assert.deepEqual([outputRoot, status], [toHex(new Uint8Array(32)), OPEN]);
  assert.equal(await gameOf("gameCount"), 0n);
  await b.l1.mine(Number(SPACING));
  const child = await b.propose(id, stateOf(b.first, 2));
  assert.equal(await gameOf("gameCount"), 1n);

  // There are two phases.
  const bytes = encodeChainState(inside);
  bytes[1] = 2;
  const path = b.treeOver(inside, 1).path;
  const node = rootOverLast(keccakOf(bytes) as BytesOf<NodeHash>, path);
  const args = [
    toHex(b.firstClaim),
    await b.of("gameOn", toHex(b.firstClaim)),
    toHex(bytes),
    toHex(node),
    path.map(toHex),
  ];
  assert.equal(await b.refusal({ from: ALICE, ...b.registry, value: BOND }, "propose", args), "BadEnd");

  // A game is what the registry listed, at the address that follows from its claim.
  assert.equal(await b.refusal(games, "present", [toHex(id), outputRoot, true]), "OnlyRegistry");
  const [, , game] = await gameOf<readonly [number, bigint, Hex]>("gameAtIndex", 0n);
  assert.equal(await gameOf("isGameProper", game), true);
  const hash = await b.l1.wallet(MALLORY).deployContract(IMPOSTOR);
  const { contractAddress } = await b.l1.client.waitForTransactionReceipt({ hash });
  assert.ok(contractAddress);
  await b.send({ from: MALLORY, to: contractAddress, abi: IMPOSTOR.abi }, "pose", [toHex(child)]);
  await b.confirm(id);
  await b.send({ from: 4, ...b.registry }, "settle", [toHex(child)]);
  await b.l1.warp(1_000);
  for (const name of ["isGameProper", "isGameRespected", "isGameFinalized"])
    assert.deepEqual([await gameOf(name, game), await gameOf(name, contractAddress)], [true, false], name);
});

test("a registry is not made with a period too short for an honest answer, nor with stakes that pay for quarrels", async (t) => {
  const b = await createClaims(t);
  const { heights, censorship, delay, tariffs } = DEVNET_CLAIMS;
  const moves = heights.reduce((sum, height) => sum + BigInt(height) + 1n, 0n);
  const shortest = censorship + (delay + 1n) * moves + 1n;
  const first = toHex(encodeChainState(b.first));
  const made = (change: Partial<typeof DEVNET_CLAIMS>, genesis = first) => {
    const { batchInbox, claimGames } = b.contracts;
    const args = [batchInbox, claimGames, claimGames, zeroAddress, genesis, { ...DEVNET_CLAIMS, ...change }];
    return b.l1.client
      .call({ data: encodeDeployData({ abi: claimRegistry.abi, bytecode: claimRegistry.bytecode, args } as never) })
      .then(
        () => true,
        () => false,
      );
  };
  assert.equal(await made({ period: shortest }), true);
  assert.equal(await made({ period: shortest - 1n }), false);
  for (const level of [0, 1, 2]) {
    const higher = tariffs.map((tariff, i) => (i === level ? tariff + 1n : tariff)) as unknown as typeof tariffs;
    assert.equal(await made({ tariffs: higher }), false);
  }
  assert.equal(await made({ heights: [64, 1, 1, 1] }), false);
  assert.equal(await made({}, "0x11"), false);

  // Whoever deploys is told which of the contracts was refused.
  const clients = { wallet: b.l1.wallet(0), reader: b.l1.client };
  const rules = settlement({ guardian: account(5).address, sequencer: account(1).address });
  const options = { forceDelay: 3_600n, genesisOf: () => b.genesis, ...rules };
  const claims = { ...rules.claims, period: shortest - 1n };
  await assert.rejects(deployBridge(clients, { ...options, claims }), {
    code: "DEPLOY_FAILED",
    data: { contract: "claimRegistry" },
  });
});
