import assert from "node:assert/strict";
import { test } from "node:test";
import { depositCall } from "../../bridge/index.ts";
import { createMemoryStore, type Hex, type KeyValueStore, readAccount } from "../../executor/index.ts";
import { createStage, l2Account, type SequencerActor } from "../support/stage.ts";

const bob = l2Account(7).address.toLowerCase() as Hex;
const alice = l2Account(0).address.toLowerCase() as Hex;

/** A store whose process is killed before write number `limit`: that write and all later ones fail. */
const mortal = (store: KeyValueStore, limit: number) => {
  let writes = 0;
  const killed: KeyValueStore = {
    get: (key) => store.get(key),
    scan: (range) => store.scan(range),
    write: (batch) => (writes++ < limit ? store.write(batch) : Promise.reject(new Error("killed"))),
    get syncs() {
      return store.syncs;
    },
    close: async () => undefined,
  };
  return { store: killed, died: () => writes > limit };
};

/** Three batches: one on L1, one closed, one open; the first opens with a deposit. */
const live = async (sequencer: SequencerActor) => {
  await sequencer.follow();
  for (let nonce = 0; nonce < 3; nonce++) {
    await sequencer.send({ nonce, to: bob, value: 1n });
    await sequencer.producer.produce();
    await sequencer.send({ from: 1, nonce, to: bob });
    await sequencer.producer.produce();
    if (nonce === 0) await sequencer.post();
    if (nonce === 1) await sequencer.batches.close("full");
  }
  await sequencer.follower.sync();
};

test("killed before any of its writes, a sequencer goes on where L1 and its disk say", async (t) => {
  const stage = await createStage(t);
  const { to, data, value } = depositCall(stage.deployment.contracts.portal, {
    to: bob,
    mint: 9n,
    value: 9n,
    gas: 100_000n,
    data: new Uint8Array(),
  });
  const hash = await stage.anvil.wallet(5).sendTransaction({ to, data, value: value ?? 0n, gas: 1_000_000n });
  await stage.anvil.client.waitForTransactionReceipt({ hash });
  let deaths = 0;
  for (let limit = 0; ; limit++) {
    const snapshot = await stage.anvil.snapshot();
    const disk = createMemoryStore();
    const { store, died } = mortal(disk, limit);
    const first = await stage.sequencer(store).catch(() => undefined);
    await (first && live(first).catch(() => undefined));
    await first?.stop().catch(() => undefined);
    if (!died()) break;
    deaths++;

    const second = await stage.sequencer(disk);
    await second.follow();
    const state = second.chain.stateAt(second.chain.head.header.number);
    const { nonce } = await readAccount(state, alice);
    await second.send({ nonce: Number(nonce), to: bob, value: 1n });
    assert.ok(await second.producer.produce(), `killed before write ${limit}`);
    for (let i = 0; i < 2; i++) await second.post();
    await second.follower.sync();
    const executor = await stage.executor();
    await executor.follow();
    assert.equal(executor.chain.head.hash, second.chain.head.hash, `killed before write ${limit}`);
    assert.equal(second.chain.heads.safe, second.chain.head.header.number);
    assert.equal(executor.chain.position.delayed, 1n, "the deposit was taken once");
    await second.stop();
    await executor.stop();
    await stage.anvil.revert(snapshot);
  }
  assert.ok(deaths > 15, `${deaths} deaths`);
  t.diagnostic(`killed at ${deaths} writes`);
});
