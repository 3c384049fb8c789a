import assert from "node:assert/strict";
import { test } from "node:test";
import { depositCall } from "../../bridge/index.ts";
import { createMemoryStore, type Hex, type KeyValueStore } from "../../executor/index.ts";
import { startAnvil } from "../support/anvil.ts";
import { batchOf, l2Account, layOut, SEQUENCER, startNode, startSender, tip, transfer } from "../support/l2-node.ts";

const copyOf = async (store: KeyValueStore): Promise<KeyValueStore> => {
  const copy = createMemoryStore();
  const all = [...store.scan({ gte: new Uint8Array(0), lt: new Uint8Array(64).fill(255) })];
  await copy.write(all.map(([key, value]) => ({ type: "put", key, value })));
  return copy;
};

/** A store whose process dies just before its write number `limit`. */
const dyingAfter = (store: KeyValueStore, limit: number) => {
  let writes = 0;
  return {
    store: {
      ...store,
      get: store.get.bind(store),
      scan: store.scan.bind(store),
      get syncs() {
        return store.syncs;
      },
      write: (batch) => (writes++ < limit ? store.write(batch) : Promise.reject(new Error("killed"))),
    } satisfies KeyValueStore,
    survived: () => writes <= limit,
  };
};

test("killed before any of its writes, a node comes to the same chain; also in the middle of an L1 reorg", async (t) => {
  const l1 = await startAnvil(t);
  const layout = await layOut(l1);
  const sequencer = await startNode(l1, layout, { keepUnsafe: true });
  const batcher = startSender(l1, SEQUENCER);
  const to = l2Account(7).address as Hex;
  const deposit = { to, mint: 5n, value: 5n, gas: 100_000n, data: new Uint8Array(0) };
  await startSender(l1, 2).land(depositCall(layout.contracts.portal, deposit));
  await sequencer.sync();
  const head = sequencer.source.head;
  assert.ok(head);
  const origin = { number: head.number, timestamp: head.timestamp };
  const first = await sequencer.build([...sequencer.delayed(0n, 1n), await transfer(0, 0)], origin);
  const second = await sequencer.build([await transfer(0, 1)], origin);
  const third = await sequencer.build([await transfer(1, 0)], origin);
  const batch = { index: 0n, origin, delayedEnd: 1n };
  await batcher.land(batchOf(layout, sequencer, [first.block, second.block], { ...batch, taken: 1 }));
  await batcher.land(batchOf(layout, sequencer, [third.block], { ...batch, index: 1n }));

  /** Kills a node at each of its writes in turn; opens it again; it must reach what a fresh node reaches. */
  const survive = async (start: KeyValueStore): Promise<number> => {
    const fresh = await startNode(l1, layout);
    await fresh.sync();
    for (let limit = 0; ; limit++) {
      const store = await copyOf(start);
      const dying = dyingAfter(store, limit);
      let died = false;
      try {
        const node = await startNode(l1, layout, { store: dying.store, window: 2n });
        await node.sync();
      } catch {
        died = true;
      }
      assert.equal(died, !dying.survived());
      const again = await startNode(l1, layout, { store });
      await again.sync();
      assert.deepEqual(tip(again.chain), tip(fresh.chain), `killed before write ${limit}`);
      assert.deepEqual(again.chain.heads, fresh.chain.heads);
      assert.deepEqual(again.chain.position, fresh.chain.position);
      if (!died) return limit;
    }
  };
  const whole = await survive(createMemoryStore());
  assert.ok(whole > 8, `${whole} writes`);

  const store = createMemoryStore();
  const node = await startNode(l1, layout, { store });
  await node.sync();
  assert.equal(node.chain.head.hash, third.block.hash);
  await l1.reorg(2);
  const other = await sequencer.build([await transfer(2, 0)], origin);
  await startSender(l1, SEQUENCER).land(batchOf(layout, sequencer, [other.block], batch));
  const changed = await survive(store);
  assert.ok(changed > 4, `${changed} writes`);
  t.diagnostic(`killed at ${whole} and at ${changed} writes`);
});
