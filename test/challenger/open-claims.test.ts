import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import pino from "pino";
import { Registry } from "prom-client";
import { createPublicClient, custom, type PublicClient, parseEther } from "viem";
import { createLogWindows } from "../../bridge/index.ts";
import type { Challenger } from "../../challenger/index.ts";
import { CodedError, createMemoryStore, type Hex } from "../../executor/index.ts";
import { account } from "../support/anvil.ts";
import { type ClaimantActor, claimsOn, startClaimant } from "../support/claimant.ts";
import {
  type ChallengerActor,
  createDisputeStage,
  LOW,
  registryOf,
  startChallenger,
  startLiar,
} from "../support/disputes.ts";
import { unitLies } from "../support/lies.ts";

/** Claims at any depth below the newest, and a challenger that must see them all. */

const [OPEN, CONFIRMED, FORFEITED] = [1, 2, 3];
const [CHALLENGER, CLAIMANT, STRANGER] = [6, 9, 8];
/** Right claims that stand above the one that is lied on. */
const ABOVE = 18;

const metricOf = async (registry: Registry, name: string): Promise<number> =>
  (await registry.getSingleMetric(name)?.get())?.values[0]?.value ?? Number.NaN;

/** L1 as `alter` answers. */
const through = (client: PublicClient, alter: (method: string, params: unknown, answer: unknown) => unknown) =>
  createPublicClient({
    chain: client.chain,
    transport: custom(
      { request: async (call) => alter(call.method, call.params, await client.request(call as never)) },
      { retryCount: 0 },
    ),
    cacheTime: 0,
  }) as PublicClient;

const doubtsOf = ({ findings }: Pick<Challenger, "findings">) =>
  findings?.doubts.map(({ id, verdict }) => ({ id, verdict })) ?? [];

test("a rival on any open claim is seen and beaten", async (t) => {
  const stage = await createDisputeStage(t);
  const { anvil } = stage;
  const { client } = anvil;
  const registry = registryOf(stage);
  let node = await stage.open();
  const claimant: ClaimantActor = startClaimant(t, stage, await stage.open(), {
    from: CLAIMANT,
    depth: 0n,
    intervalBlocks: 1n,
  });
  const ids = async (): Promise<readonly Hex[]> => (await claimsOn(stage).proposed()).map(({ id }) => id);
  const sequencer = await stage.sequencer();
  await sequencer.follow();
  for (let nonce = 1; (await ids()).length < ABOVE + 2; nonce++) {
    await sequencer.send({ nonce, to: account(1).address.toLowerCase() as Hex, value: 1n });
    await sequencer.producer.produce();
    await sequencer.post();
    await claimant.act();
    await claimant.act();
    assert.ok(nonce < 4 * ABOVE, "each batch is claimed");
  }
  await claimant.stop();
  const claims = await ids();
  const [first = "0x"] = claims;

  /** On the same L1, as it was before anybody lied. */
  const scenario = (name: string, body: (t: TestContext) => Promise<void>) =>
    t.test(name, async (t) => {
      const fresh = await anvil.snapshot();
      node = await stage.open();
      try {
        await body(t);
      } finally {
        await anvil.revert(fresh);
      }
    });
  const liar = (t: TestContext) =>
    startLiar(t, stage, node, { ...unitLies.lastLeaf, seed: 1, from: 20, back: claims.length - 1 });
  const nonce = (of: number) => client.getTransactionCount({ address: account(of).address });
  const play = async (challenger: ChallengerActor, lying: { act(): Promise<void> }, rounds: number) => {
    for (let round = 0; round < rounds; round++) {
      await lying.act();
      await challenger.act();
      await anvil.mine(1);
    }
  };
  const assertHeld = async (wrong: Hex) => {
    await anvil.mine(Number(LOW.period));
    const data = await registry.status(wrong);
    assert.equal(data, OPEN, "the wrong claim is not confirmed");
  };

  await scenario("on a claim with many right ones above it, still open", async (t) => {
    const told = { logger: pino({ level: "silent" }), registry: new Registry() };
    const lying = await liar(t);
    const challenger = startChallenger(t, stage, node, { from: CHALLENGER, told, isJanitor: true });
    await play(challenger, lying, 12);
    const [dispute] = challenger.disputes;
    assert.equal(dispute?.parent, first);
    assert.deepEqual(doubtsOf(challenger), [{ id: lying.claim, verdict: "wrong" }]);
    assert.equal(await metricOf(told.registry, "assay_challenger_wrong_claims"), 1);
    assert.equal(await metricOf(told.registry, "assay_challenger_unjudged_claims"), 0);
    assert.ok((await nonce(CHALLENGER)) > 0);
    for (let round = 0; round < 12; round++) {
      await anvil.mine(40);
      await lying.act();
      await challenger.act();
    }
    assert.equal(await registry.status(lying.claim), OPEN);
    const right = challenger.disputes.find(({ parent }) => parent === first)?.right as Hex;
    assert.equal(right, claims[1]);
    for (const id of claims) assert.equal(await registry.status(id), CONFIRMED, "a right claim is not confirmed");
    assert.equal(await registry.read("held"), 0n, "the janitor takes every stake that is lost");
    assert.deepEqual(doubtsOf(challenger), []);
  });

  await scenario("what one game lacks hides no other, and is told with its code", async (t) => {
    const lying = await liar(t);
    const other = await startLiar(t, stage, node, { ...unitLies.lastLeaf, seed: 2, from: 21, back: 4 });
    const stuck = claims.at(-5) as Hex;
    const challenger = startChallenger(t, stage, node, {
      from: CHALLENGER,
      wrapTraces: (traceOf) => async (succession, signal) => {
        if (succession.parent.id === stuck) throw new CodedError("STATE_PRUNED", "not here");
        return traceOf(succession, signal);
      },
    });
    await play(challenger, lying, 12);
    const stateOn = (parent: Hex) => challenger.disputes.find((dispute) => dispute.parent === parent);
    assert.equal(stateOn(stuck)?.state, "blocked");
    assert.match(stateOn(stuck)?.lack ?? "", /^STATE_PRUNED/);
    assert.notEqual(stateOn(first)?.state, "blocked");
    assert.equal(doubtsOf(challenger).length, 2);
    await assertHeld(lying.claim);
    assert.ok(other.claim);
  });

  await scenario("a game that takes for ever delays no other", async (t) => {
    const lying = await liar(t);
    await startLiar(t, stage, node, { ...unitLies.lastLeaf, seed: 2, from: 21, back: 4 });
    const stuck = claims.at(-5) as Hex;
    const challenger = startChallenger(t, stage, node, {
      from: CHALLENGER,
      patienceMs: 2_000,
      wrapTraces: (traceOf) => (succession, signal) =>
        succession.parent.id === stuck ? new Promise(() => undefined) : traceOf(succession, signal),
    });
    await play(challenger, lying, 4);
    assert.equal(challenger.disputes.find(({ parent }) => parent === stuck)?.state, "computing");
    assert.ok((await nonce(CHALLENGER)) > 0, "the other game is played");
  });

  await scenario("an L1 that gives few blocks' logs at a time, and a walk that fails", async (t) => {
    const lying = await liar(t);
    let longest = 0n;
    const strict = through(client, (method, params, answer) => {
      if (method !== "eth_getLogs") return answer;
      const [{ fromBlock, toBlock }] = params as [{ fromBlock: Hex; toBlock: Hex }];
      const length = BigInt(toBlock) - BigInt(fromBlock) + 1n;
      if (length > 10n) throw new Error("query exceeds the range of 10 blocks");
      longest = longest > length ? longest : length;
      return answer;
    });
    const challenger = startChallenger(t, stage, node, {
      from: CHALLENGER,
      client: strict,
      windows: createLogWindows(),
      wrapRight: (right) => ({
        ...right,
        get steps() {
          return right.steps;
        },
        get effort() {
          return right.effort;
        },
        walk: async (head) => {
          await right.walk(head);
          throw new CodedError("STATE_PRUNED", "the walk lacks a state");
        },
      }),
    });
    await play(challenger, lying, 6);
    assert.ok(longest > 1n && longest <= 10n);
    assert.deepEqual(
      challenger.findings?.failures.map(({ part }) => part),
      ["walk"],
    );
    assert.ok((await nonce(CHALLENGER)) > 0, "the games go on");
  });

  await scenario("a rehearsal says what it would send, and sends nothing", async (t) => {
    const lying = await liar(t);
    const challenger = startChallenger(t, stage, node, { from: CHALLENGER, isRehearsal: true });
    await play(challenger, lying, 3);
    assert.equal(await nonce(CHALLENGER), 0);
    assert.ok((challenger.plan?.moves.length ?? 0) > 0);
    assert.equal(challenger.disputes[0]?.state, "playing");
  });

  await scenario("a cap on what is spent in a day holds over restarts, is told, and ends with the day", async (t) => {
    const lying = await liar(t);
    const store = createMemoryStore();
    const told = { logger: pino({ level: "silent" }), registry: new Registry() };
    const spendCap = parseEther("0.00035");
    const address = account(CHALLENGER).address;
    const start = (registry: Registry) =>
      startChallenger(t, stage, node, { from: CHALLENGER, store, spendCap, told: { ...told, registry } });
    let challenger = start(told.registry);
    const before = await client.getBalance({ address });
    await play(challenger, lying, 8);
    const sent = await nonce(CHALLENGER);
    assert.ok(sent > 0, "what the cap allows is sent");
    assert.ok(before - (await client.getBalance({ address })) <= spendCap);
    assert.match(challenger.findings?.heldBack ?? `${sent} sent`, /^CHALLENGER_SPEND_CAP/);
    assert.equal(challenger.disputes[0]?.state, "blocked");
    assert.equal(await metricOf(told.registry, "assay_challenger_held_back"), 1);
    assert.ok((await metricOf(told.registry, "assay_challenger_spent_ether")) <= 0.00035);
    await challenger.stop();
    challenger = start(new Registry());
    await play(challenger, lying, 2);
    assert.equal(await nonce(CHALLENGER), sent, "a restart forgets nothing");
    await anvil.control.increaseTime({ seconds: 86_401 });
    await anvil.mine(1);
    await play(challenger, lying, 1);
    assert.ok((await nonce(CHALLENGER)) > sent, "a day later it goes on");
  });

  await scenario("nothing is signed where a second source of L1 says otherwise, or nothing", async (t) => {
    const lying = await liar(t);
    let lie = "";
    const second = through(client, (method, _, answer) => {
      if (lie === "silent") throw new Error("connection refused");
      if (lie === "blocks" && method === "eth_getBlockByNumber")
        return { ...(answer as object), hash: `0x${"22".repeat(32)}` };
      if (lie === "claims" && method === "eth_call")
        return (answer as Hex).replace(first.slice(2), "00".repeat(32)) as Hex;
      return answer;
    });
    const challenger = startChallenger(t, stage, node, { from: CHALLENGER, others: [second] });
    for (const [kind, code] of [
      ["blocks", "L1_SOURCES_DISAGREE"],
      ["claims", "L1_SOURCES_DISAGREE"],
      ["silent", "L1_SOURCE_SILENT"],
    ] as const) {
      lie = kind;
      await play(challenger, lying, 1);
      assert.match(challenger.findings?.heldBack ?? "", new RegExp(`^${code}`), kind);
      assert.equal(await nonce(CHALLENGER), 0, kind);
    }
    lie = "";
    await play(challenger, lying, 1);
    assert.equal(challenger.findings?.heldBack, undefined);
    assert.ok((await nonce(CHALLENGER)) > 0);
  });

  await scenario("who is right has his claims confirmed and his winnings taken, and orphans are ended", async (t) => {
    const lying = await liar(t);
    const orphan = await registry.proposeOn(lying.claim, STRANGER);
    const served = account(CLAIMANT).address.toLowerCase() as Hex;
    const challenger = startChallenger(t, stage, node, { from: CHALLENGER, also: [served] });
    await play(challenger, lying, 8);
    const credit = await claimsOn(stage).credit(served);
    for (let round = 0; round < 14; round++) {
      await anvil.mine(40);
      await challenger.act();
    }
    for (const id of claims) assert.equal(await registry.status(id), CONFIRMED);
    assert.equal(await registry.status(orphan), FORFEITED);
    const bonds = BigInt(claims.length - 1) * LOW.stakes[0];
    assert.ok((await claimsOn(stage).credit(served)) - credit >= bonds + LOW.tariffs[0], "his bonds, and the liar's");
    assert.ok((await registry.losers()).includes(lying.address));
  });
});
