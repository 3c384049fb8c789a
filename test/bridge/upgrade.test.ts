import assert from "node:assert/strict";
import { test } from "node:test";
import { type Abi, type Address, getAddress, type Hex, parseEther, type TransactionReceipt, zeroAddress } from "viem";
import { getWithdrawals } from "viem/op-stack";
import {
  claimGame,
  claimRegistry,
  createJudges,
  DEVNET_CLAIMS,
  DEVNET_WITHDRAWALS,
  describeSystem,
  openSystemWatch,
  readSystem,
} from "../../bridge/index.ts";
import {
  type ChainParameters,
  type ChainState,
  DEVNET_PARAMETERS,
  encodeChainState,
  fromHex,
  hashChainState,
  keccakOf,
  toHex,
} from "../../executor/index.ts";
import { judgesCheck } from "../../infra/node/readiness.ts";
import { account } from "../support/anvil.ts";
import { BOND, PERIOD, SPACING } from "../support/claims.ts";
import { telemetry } from "../support/stage.ts";
import { createOwned, OWNER, type Owned } from "../support/upgrade.ts";

const STRANGER = 3;
const LIAR = 4;
const START = [`0x${"00".repeat(32)}`, "0x"];
const { proofMaturityDelay, finalityDelay } = DEVNET_WITHDRAWALS;

type Withdrawal = ReturnType<typeof getWithdrawals>[number];
const only = (receipt: TransactionReceipt): Withdrawal => {
  const [withdrawal] = getWithdrawals(receipt);
  assert.ok(withdrawal);
  return withdrawal;
};

/** Proves a withdrawal against the newest game that has it. */
const prove = async (s: Owned, receipt: TransactionReceipt) => {
  const withdrawal = only(receipt);
  const about = { targetChain: s.chain, l2BlockNumber: receipt.blockNumber, strategy: "latest" } as const;
  const game = await s.publicL1.getGame(about);
  const request = await s.publicL2.buildProveWithdrawal({ account: account(s.user), game, withdrawal });
  await s.publicL1.waitForTransactionReceipt({ hash: await s.walletL1.proveWithdrawal(request) });
  return game;
};

const finalize = async (s: Owned, receipt: TransactionReceipt, to: Address) => {
  const before = await s.publicL1.getBalance({ address: to });
  const hash = await s.walletL1.finalizeWithdrawal({ targetChain: s.chain, withdrawal: only(receipt) });
  assert.equal((await s.publicL1.waitForTransactionReceipt({ hash })).status, "success");
  return (await s.publicL1.getBalance({ address: to })) - before;
};

const statusOf = (s: Owned, receipt: TransactionReceipt) =>
  s.publicL1.getWithdrawalStatus({ receipt, targetChain: s.chain });

test("only a registry that goes on from the one in force, with no shorter delay, can be announced", async (t) => {
  const s = await createOwned(t);
  const refusal = (registry: Hex, from = OWNER) => s.refusal({ ...s.owner, from }, "scheduleUpgrade", [registry]);
  assert.equal(await refusal(await s.successor()), undefined);
  assert.equal(await refusal(await s.successor(), STRANGER), "NotOwner");
  assert.equal(await refusal(account(STRANGER).address), "ForeignRegistry");
  assert.equal(await refusal(s.contracts.claimRegistry), "ForeignRegistry");
  assert.equal(await refusal(await s.successor({ period: PERIOD - 1n })), "PeriodShortened");
  // A longer game would make the exit longer than the next upgrade is announced.
  assert.equal(await refusal(await s.successor({ period: PERIOD + 1_000n })), "UpgradeDelayTooShort");

  const [one, other] = [await s.successor(), await s.successor({ period: PERIOD + 1n })];
  await s.schedule(one);
  assert.equal(await refusal(other), "UpgradePending");
  const { scheduled, block } = await readSystem(s.l1.client, s.contracts);
  assert.equal(scheduled?.registry, one);
  const execute = (state: ChainState = s.first, from = STRANGER, id: Hex = toHex(s.firstClaim)) =>
    s.refusal({ from, ...s.config }, "executeUpgrade", [id, toHex(encodeChainState(state))]);
  // Nobody, the owner included, before its time; nor is anything of it in force.
  for (const from of [OWNER, STRANGER]) assert.equal(await execute(s.first, from), "UpgradeTooEarly");
  await s.l1.warp(Number((scheduled?.time ?? 0n) - block.timestamp - 10n));
  assert.equal(await execute(s.first, OWNER), "UpgradeTooEarly");
  await s.l1.warp(10);
  assert.equal(await execute(), undefined);
  // It can be taken back until it is executed, and is then as if it had never been.
  assert.equal(await s.refusal({ ...s.owner, from: STRANGER }, "cancelUpgrade"), "NotOwner");
  await s.send(s.owner, "cancelUpgrade");
  assert.deepEqual(
    [await execute(), await s.refusal(s.owner, "cancelUpgrade")],
    ["NothingScheduled", "NothingScheduled"],
  );

  // The next one has its own delay, and begins with what is confirmed, whoever executes it.
  await s.schedule(other);
  assert.equal(await execute(), "UpgradeTooEarly");
  await s.pass();
  assert.equal(await execute({ ...s.first, number: 1n }), "BadEnd");
  assert.equal(await execute(s.first, STRANGER, `0x${"11".repeat(32)}`), "NotLatest");
  await s.execute(s.firstClaim, s.first, STRANGER);
  assert.deepEqual((await readSystem(s.l1.client, s.contracts)).registries, [
    s.contracts.claimRegistry,
    other.toLowerCase(),
  ]);
  assert.equal(getAddress(await s.read<Hex>(s.contracts.claimGames, s.games, "registry")), getAddress(other));
  assert.equal(await s.read(other, s.onRegistry(other).abi, "anchorClaim"), toHex(s.firstClaim));
  assert.equal(await s.refusal({ from: STRANGER, ...s.onRegistry(other) }, "start", START), "CannotStart");
  assert.equal(await s.refusal({ from: STRANGER, ...s.onRegistry(one) }, "start", START), "CannotStart");
  // What was announced for the former one is of no use any more.
  assert.equal(await refusal(one), "ForeignRegistry");
});

test("an upgrade across an open dispute: withdrawals before, during and after it, each by the rules of its claim", async (t) => {
  const s = await createOwned(t);
  const { l1, contracts } = s;
  const to = account(STRANGER).address;
  await s.deposit(parseEther("9"));
  const before = await s.initiate({ to, value: parseEther("1") });
  const confirmed = await s.claim();
  await s.confirm(confirmed);
  const confirmedState = s.chainState();
  await prove(s, before);

  // Announced, and its time passes: the exit of whoever does not want it.
  const next = await s.successor();
  await s.schedule(next);
  await l1.warp(Number(proofMaturityDelay) + 1);
  assert.equal(await finalize(s, before, to), parseEther("1"));
  const during = await s.initiate({ to, value: parseEther("2") });
  await s.pass();
  const open = await s.claim();
  const openState = s.chainState();
  const openGame = await prove(s, during);
  // A dispute runs on the newest claim when the registry takes over.
  const wrong = { ...openState, stateRoot: keccakOf(fromHex("0x11")) };
  const lie = await s.propose(confirmed, wrong, { seed: 77, from: LIAR });
  const executed = await s.execute(confirmed, confirmedState);
  t.diagnostic(`executeUpgrade: ${executed.gasUsed} gas`);

  // Here nothing begins any more; what is disputed goes on, with new rivals, by the rules that it began with.
  await l1.mine(Number(SPACING));
  const childArgs = await s.argsOf(open, openState);
  assert.equal(await s.refusal({ from: 2, ...s.registry, value: BOND }, "propose", childArgs), "Superseded");
  const games = await s.read<bigint>(contracts.claimGames, s.games, "gameCount");
  const third = await s.propose(confirmed, { ...wrong, gasUsed: 1n }, { seed: 78, from: LIAR });
  assert.equal(await s.read<bigint>(contracts.claimGames, s.games, "gameCount"), games);
  for (const id of [open, lie, third]) assert.equal((await s.of<{ status: number }>("claimOf", toHex(id))).status, 1);

  // The new one begins where the former had confirmed, and takes claims.
  const registry = { ...s.onRegistry(next) };
  const of = <T>(name: string, ...args: readonly unknown[]) => s.read<T>(next, registry.abi, name, args);
  assert.equal(await of("anchorClaim"), toHex(confirmed));
  const first = await of<{ endState: Hex; blockNumber: bigint; status: number; limitBatch: bigint }>(
    "claimOf",
    toHex(confirmed),
  );
  assert.deepEqual(
    [first.endState, first.blockNumber, first.status],
    [toHex(hashChainState(confirmedState)), confirmedState.number, 2],
  );
  const after = await s.initiate({ to, value: parseEther("3") });
  const newState = s.chainState();
  const { path, node } = s.treeOver(newState, 5);
  const game = await of<Hex>("gameOn", toHex(confirmed));
  const args = [toHex(confirmed), game, toHex(encodeChainState(newState)), toHex(node), path.map(toHex)];
  const { events } = await s.send({ from: 2, ...registry, value: BOND }, "propose", args);
  const claimed = events.find(({ eventName }) => eventName === "ClaimProposed")?.args["id"] as Hex;
  assert.equal(await s.read<bigint>(contracts.claimGames, s.games, "gameCount"), games + 1n);
  const newGame = await prove(s, after);
  assert.ok(newGame.index > openGame.index);

  // The new one confirms its claim, whatever becomes of the dispute in the former one.
  await l1.warp(Number(proofMaturityDelay) + 1);
  assert.deepEqual(
    [await statusOf(s, during), await statusOf(s, after)],
    ["waiting-to-finalize", "waiting-to-finalize"],
  );
  await l1.mine(Number(PERIOD));
  await s.send({ from: 9, ...registry }, "settle", [claimed]);
  await l1.warp(Number(finalityDelay) + 1);
  assert.equal(await statusOf(s, after), "ready-to-finalize");
  assert.equal(await finalize(s, after, to), parseEther("3"));
  assert.deepEqual(await Promise.all([confirmed, open].map((id) => s.of("isLatest", toHex(id)))), [true, false]);
  assert.deepEqual(await Promise.all([toHex(confirmed), claimed].map((id) => of("isLatest", id))), [false, true]);

  // Bonds stay where they are staked: the new registry holds its own, the former one its own.
  assert.equal(await s.of<bigint>("held"), 3n * BOND);
  assert.equal(await of<bigint>("held"), 0n);
  assert.equal(await l1.client.getBalance({ address: contracts.claimRegistry }), 4n * BOND);
  // Whoever proved against a claim that stands undecided proves again, against one of the new registry.
  assert.equal(await statusOf(s, during), "waiting-to-finalize");
  await prove(s, during);
  await l1.warp(Number(proofMaturityDelay) + 1);
  assert.equal(await finalize(s, during, to), parseEther("2"));
});

test("a claim that is open when another registry takes over is confirmed by its own rules, and withdrawn by", async (t) => {
  const s = await createOwned(t);
  const to = account(STRANGER).address;
  await s.deposit(parseEther("9"));
  const next = await s.successor();
  await s.schedule(next);
  await s.pass();
  const receipt = await s.initiate({ to, value: parseEther("4") });
  const open = await s.claim();
  await prove(s, receipt);
  await s.execute(s.firstClaim, s.first);
  await s.l1.warp(Number(proofMaturityDelay) + 1);
  await s.confirm(open);
  await s.l1.warp(Number(finalityDelay) + 1);
  assert.equal(await finalize(s, receipt, to), parseEther("4"));
  const [, , proxy] = await s.read<readonly [number, bigint, Hex]>(s.contracts.claimGames, s.games, "gameAtIndex", [
    0n,
  ]);
  assert.equal(await s.read(s.contracts.claimGames, s.games, "isGameFinalized", [proxy]), true);
});

test("an upgrade follows an upgrade, and each game knows the registry that decides it", async (t) => {
  const s = await createOwned(t);
  const terms = [s.contracts.claimRegistry as Hex];
  for (let i = 0; i < 2; i++) {
    const next = await s.successor({ period: DEVNET_CLAIMS.period + BigInt(i) });
    await s.schedule(next);
    await s.pass();
    await s.execute(s.firstClaim, s.first);
    terms.push(next);
  }
  const { registries } = await readSystem(s.l1.client, s.contracts);
  assert.deepEqual(
    registries,
    terms.map((term) => term.toLowerCase()),
  );
  await s.l1.mine(Number(SPACING));
  const [last] = terms.slice(-1) as [Hex];
  const state = { ...s.first, number: 1n };
  const { path, node } = s.treeOver(state, 1);
  const argsIn = async (registry: Hex) => {
    const parent = toHex(s.firstClaim);
    const game = await s.read<Hex>(registry, s.onRegistry(registry).abi, "gameOn", [parent]);
    return [parent, game, toHex(encodeChainState(state)), toHex(node), path.map(toHex)];
  };
  const propose = async (registry: Hex) =>
    s.refusal({ from: 2, ...s.onRegistry(registry), value: BOND }, "propose", await argsIn(registry));
  assert.deepEqual(await Promise.all(terms.map(propose)), ["Superseded", "Superseded", undefined]);
  await s.send({ from: 2, ...s.onRegistry(last), value: BOND }, "propose", await argsIn(last));
  const [, , game] = await s.read<readonly [number, bigint, Hex]>(s.contracts.claimGames, s.games, "gameAtIndex", [0n]);
  assert.equal(getAddress(await s.read<Hex>(game, claimGame.abi as Abi, "registry")), getAddress(last));
  assert.equal(await s.read(s.contracts.claimGames, s.games, "isGameProper", [game]), true);
});

test("a registry is judged by this version's contracts, made for this chain, or is foreign", async (t) => {
  const s = await createOwned(t);
  const judgesBy = (change: Partial<ChainParameters>) =>
    createJudges(s.l1.client, { ...s.contracts, parameters: { ...DEVNET_PARAMETERS, ...change } });
  const judges = judgesBy({});
  const others = judgesBy({ maxLag: DEVNET_PARAMETERS.maxLag + 1n });
  const why = async (registry: Hex, by = judges) => {
    const { from, why } = (await by.foreign(registry)) ?? {};
    assert.ok(from === 0n || from === undefined);
    return why ?? "";
  };
  const successor = await s.successor();
  assert.equal(await judges.foreign(successor), undefined);
  assert.match(await why(successor, others), /part derivation at 0x/);
  assert.match(await why(await s.successor({}, s.contracts.portal)), /no registry with/);
  assert.match(await why(account(STRANGER).address), /no registry with/);
  assert.equal(await judges.foreign(s.contracts.claimRegistry), undefined);
  // Honest rules behind another registry are worth nothing, nor is the right code where nothing proves what it began with.
  const rules = await s.read<Hex>(successor, claimRegistry.abi as Abi, "RULES");
  const { batchInbox: inbox, claimGames: games, portal, claimRegistry: first } = s.contracts;
  const genesis = toHex(encodeChainState(s.first));
  const made = async (...args: readonly unknown[]): Promise<Hex> => {
    const hash = await s.l1.wallet(9).deployContract({ ...claimRegistry, args } as never);
    return (await s.l1.client.waitForTransactionReceipt({ hash })).contractAddress as Hex;
  };
  const same = await made(inbox, games, rules, first, "0x", DEVNET_CLAIMS);
  assert.equal(await s.l1.client.getCode({ address: same }), await s.l1.client.getCode({ address: successor }));
  for (const registry of [same, await made(inbox, portal, rules, first, "0x", DEVNET_CLAIMS)])
    assert.match(await why(registry), /none that this version's creation code made/);
  assert.equal(await why(await made(inbox, games, rules, zeroAddress, genesis, DEVNET_CLAIMS)), "");
  assert.match(
    await why(await made(inbox, portal, rules, zeroAddress, genesis, DEVNET_CLAIMS)),
    /^the registry at 0x.* is another/,
  );

  // Told of from the announcement on; the one in force stays judged.
  const l1 = { onAdvance: () => () => undefined };
  const foreignRegistry = await s.successor({}, s.contracts.portal);
  const telling = telemetry();
  const system = await openSystemWatch({ ...telling, client: s.l1.client, l1, judges }, s.contracts);
  t.after(() => system.stop());
  assert.ok(!system.foreign.has(foreignRegistry));
  await s.schedule(foreignRegistry);
  await system.look();
  assert.ok(system.foreign.has(foreignRegistry));
  const { foreign, upgrade } = describeSystem(system.state, system.foreign);
  assert.equal(upgrade?.registry, foreignRegistry);
  assert.ok(foreign.some(({ registry }) => registry === foreignRegistry));
  const check = judgesCheck(system);
  assert.match(check.notice?.() ?? "", /is announced/);
  assert.equal(check.check(), undefined);

  // Taken back, it is nobody's business any more.
  await s.send(s.owner, "cancelUpgrade");
  await system.look();
  assert.deepEqual([system.foreign.size, check.notice?.()], [0, undefined]);
  assert.equal((await telling.registry.getSingleMetric("assay_system_foreign_registries")?.get())?.values[0]?.value, 0);
});
