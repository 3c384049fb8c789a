import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { encodeFunctionData } from "viem";
import { claimRegistry } from "../../bridge/index.ts";
import { CodedError, type Hex } from "../../executor/index.ts";
import { account } from "../support/anvil.ts";
import { claimsOn, createLife, startClaimant } from "../support/claimant.ts";
import {
  type ChallengerActor,
  createDisputeStage,
  type LiarActor,
  LOW,
  MODEL,
  playOut,
  registryOf,
  startChallenger,
  startLiar,
} from "../support/disputes.ts";
import { machineStep, modelLies, only, otherEnvelope, type Told, unitLies } from "../support/lies.ts";

const [OPEN, CONFIRMED, FORFEITED] = [1, 2, 3];
const [FIRST, SECOND, POOR] = [6, 8, 31];
const CLAIMANT = 9;
const { element } = modelLies(MODEL.program);
const LIE = element(2, 17);
/** Units of the range: a transfer, and the call of the model behind it. */
const [TRANSFER, CALL] = [4, 5];

test("a challenger alone against L1, its node and time", async (t) => {
  const stage = await createDisputeStage(t, { transfers: 1 });
  const { anvil } = stage;
  const registry = registryOf(stage);
  let node = await stage.open();

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
  const liar = (t: TestContext, { story, seed = 1 }: Told, from = 20): Promise<LiarActor> =>
    startLiar(t, stage, node, { story, seed, from });
  const assertWon = async (challengers: readonly ChallengerActor[], liars: readonly LiarActor[]): Promise<void> => {
    const right = challengers[0]?.disputes[0]?.right;
    assert.ok(right);
    assert.equal(await registry.status(right), CONFIRMED);
    for (const { claim } of liars) assert.equal(await registry.status(claim), OPEN);
    assert.equal(await registry.read("held"), 0n, "every stake was decided");
    const losers = await registry.losers();
    for (const { address } of challengers) assert.ok(!losers.includes(address), "an honest stake was lost");
    for (const { address } of liars) assert.ok(losers.includes(address), "a liar's stake was not lost");
  };

  await scenario(
    "a wrong step of the machine and another envelope are proven wrong, as a lie in a model is",
    async (t) => {
      const liars = [
        await liar(t, { ...machineStep(CALL, 2), seed: 1 }, 20),
        await liar(t, { ...otherEnvelope(TRANSFER, CALL), seed: 2 }, 21),
        await liar(t, { ...LIE, seed: 3 }, 22),
      ];
      const challenger = startChallenger(t, stage, node);
      const nonces: number[] = [];
      for (let round = 0; round < 24; round++) {
        nonces.push(await anvil.client.getTransactionCount({ address: challenger.address }));
        if (round < 14) for (const each of liars) await each.act();
        await challenger.act();
        await anvil.mine(round < 14 ? 1 : 60);
      }
      const [dispute] = challenger.disputes;
      assert.ok(dispute);
      assert.equal(dispute.state, "settled");
      assert.deepEqual(dispute.refusals, []);
      assert.equal(nonces.at(-1), nonces.at(-4), "nothing is sent in vain");
      // Of each lie the leaf where it parts from the truth.
      assert.equal((await registry.proven()).length, liars.length);
      assert.ok(dispute.right);
      assert.equal(await registry.status(dispute.right), CONFIRMED);
      // Where one liar was right against another, what he won is his to take.
      const losers = await registry.losers();
      assert.ok(!losers.includes(challenger.address), "an honest stake was lost");
      for (const { address } of liars) assert.ok(losers.includes(address), "a liar's stake was not lost");
    },
  );

  await scenario("killed at any step, and started again with nothing but its account", async (t) => {
    const lying = await liar(t, unitLies.lastLeaf);
    let steps = 0;
    let killed = 0;
    const reborn = {
      disputes: [] as ChallengerActor["disputes"],
      address: account(FIRST).address.toLowerCase() as Hex,
      async act() {
        const life = createLife(steps % 3 === 2 ? Number.POSITIVE_INFINITY : 3 + ((steps * 5) % 24));
        steps++;
        const challenger = startChallenger(t, stage, node, { from: FIRST, life });
        await challenger.act().catch(() => undefined);
        if (life.isOver) killed++;
        else reborn.disputes = challenger.disputes;
        await challenger.stop();
      },
    } as ChallengerActor & { disputes: ChallengerActor["disputes"] };
    await playOut(stage, [reborn], { liars: [lying] });
    assert.ok(killed >= 3, `killed ${killed} times`);
    await assertWon([reborn], [lying]);
  });

  await scenario("moves that an L1 reorg drops are made again", async (t) => {
    const lying = await liar(t, LIE);
    const challenger = startChallenger(t, stage, node);
    let rounds = 0;
    let dropped = 0;
    const shaken = Object.assign(Object.create(challenger) as ChallengerActor, {
      async act() {
        await challenger.act();
        if (rounds++ % 2 === 1 || dropped >= 6) return;
        await anvil.reorg(1 + (dropped++ % 3));
      },
    });
    await playOut(stage, [shaken], { liars: [lying] });
    assert.equal(dropped, 6);
    await assertWon([challenger], [lying]);
  });

  await scenario("two honest challengers share edges, and neither loses a stake", async (t) => {
    const liars = [
      await liar(t, LIE),
      await liar(
        t,
        only("the first unit", () => 0, 4),
        21,
      ),
    ];
    const both = [FIRST, SECOND].map((from) => startChallenger(t, stage, node, { from }));
    await playOut(stage, both, { liars });
    await assertWon(both, liars);
  });

  await scenario("what its node lacks is told, nothing is signed, and it goes on when that is there", async (t) => {
    const lying = await liar(t, LIE);
    const lacks = new Set<string>();
    const gate = <T extends object>(inner: T, name: string, method: keyof T): T =>
      new Proxy(inner, {
        get(target, key) {
          if (key === method && lacks.has(name))
            return () => {
              throw new CodedError(name, "not here");
            };
          const value = Reflect.get(target, key, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    const lacking = {
      ...node,
      chain: gate(node.chain, "STATE_PRUNED", "ground"),
      models: gate(node.models, "MODEL_MISSING", "program"),
    };
    const challenger = startChallenger(t, stage, lacking);
    const nonce = () => anvil.client.getTransactionCount({ address: challenger.address });
    const play = async (rounds: number) => {
      for (let round = 0; round < rounds; round++) {
        await lying.act();
        await challenger.act();
      }
    };
    for (const lack of ["STATE_PRUNED", "MODEL_MISSING"]) {
      lacks.add(lack);
      let looks = 0;
      for (; challenger.disputes[0]?.state !== "blocked"; looks++) {
        assert.ok(looks < 12, `${lack} is found`);
        await play(1);
      }
      const before = await nonce();
      await play(3);
      const [dispute] = challenger.disputes;
      assert.equal(dispute?.state, "blocked");
      assert.ok(dispute?.lack?.startsWith(lack), dispute?.lack);
      assert.equal(await nonce(), before, "nothing is signed");
      lacks.delete(lack);
      await play(1);
      assert.notEqual(challenger.disputes[0]?.state, "blocked");
    }
    await playOut(stage, [challenger], { liars: [lying] });
    await assertWon([challenger], [lying]);
  });

  await scenario("an account without funds", async (t) => {
    const lying = await liar(t, unitLies.lastLeaf);
    const challenger = startChallenger(t, stage, node, { from: POOR });
    const { address } = challenger;
    await anvil.control.setBalance({ address, value: 10n ** 15n });
    await challenger.act();
    const [dispute] = challenger.disputes;
    assert.equal(dispute?.state, "blocked");
    assert.ok(dispute?.lack?.startsWith("CHALLENGER_FUNDS"), dispute?.lack);
    assert.equal(await anvil.client.getTransactionCount({ address }), 0);
    await anvil.control.setBalance({ address, value: 10n ** 20n });
    await playOut(stage, [challenger], { liars: [lying] });
    await assertWon([challenger], [lying]);
  });

  const claimRight = async (t: TestContext): Promise<void> => {
    const claimant = startClaimant(t, stage, node, { from: CLAIMANT, depth: 0n, intervalBlocks: 1n });
    const before = (await claimsOn(stage).proposed()).length;
    for (let looks = 0; (await claimsOn(stage).proposed()).length === before; looks++) {
      assert.ok(looks < 20, "there is a right claim");
      await anvil.mine(1);
      await claimant.act();
    }
    await claimant.stop();
  };

  await scenario("the right claim was there first, and the wrong one comes in the period's last block", async (t) => {
    await claimRight(t);
    // The claim's own block, and the one in which the liar's is mined.
    await anvil.mine(Number(LOW.period) - 2);
    const lying = await startLiar(t, stage, node, { ...unitLies.lastLeaf, seed: 1, back: 1 });
    const challenger = startChallenger(t, stage, node);
    await challenger.act();
    assert.ok((challenger.disputes[0]?.rivals[0]?.timer ?? 99n) < 2n);
    // The stake of the wrong claim is for who made the right one, to collect.
    await playOut(stage, [challenger], { liars: [lying], left: LOW.stakes[0] });
    const { right } = challenger.disputes[0] ?? {};
    assert.ok(right);
    assert.deepEqual([await registry.status(right), await registry.status(lying.claim)], [CONFIRMED, OPEN]);
  });

  await scenario("a wrong claim on a wrong claim is ignored, and forfeited", async (t) => {
    const lying = await liar(t, unitLies.lastLeaf);
    const above = await registry.proposeOn(lying.claim, 7);
    const challenger = startChallenger(t, stage, node);
    await playOut(stage, [challenger], { liars: [lying], left: LOW.stakes[0] });
    assert.deepEqual(
      challenger.disputes.map(({ rivals }) => rivals.map(({ id }) => id)),
      [[lying.claim]],
    );
    const data = encodeFunctionData({ abi: claimRegistry.abi, functionName: "forfeit", args: [above] });
    const hash = await anvil.wallet(7).sendTransaction({ to: stage.deployment.contracts.claimRegistry, data });
    assert.equal((await anvil.client.waitForTransactionReceipt({ hash })).status, "success");
    assert.equal(await registry.status(above), FORFEITED);
    await assertWon([challenger], [lying]);
  });
});
