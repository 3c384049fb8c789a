import assert from "node:assert/strict";
import test from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Hex, toHex, uintBE } from "../foundation/bytes.ts";
import { DEVNET_PARAMETERS } from "../protocol/parameters.ts";
import { createCallTurns } from "./call-turns.ts";
import { AT, funded, openChain, sign } from "./chain.fixture.ts";
import { createGenesis } from "./genesis.ts";

const address = (n: number): Hex => toHex(uintBE(n, 20));
const LOOP = address(0xc0);
const TREE = address(0xc1);
const CREATOR = address(0xc2);
const PAIRINGS = address(0xc3);
const alloc = {
  ...funded(2),
  // for (;;) sload(0)
  [LOOP]: { code: "0x5b5f54505f56" as Hex },
  // Calls itself twice: no frame runs 64 opcodes.
  [TREE]: { code: "0x5f5f5f5f5f305af15f5f5f5f5f305af100" as Hex },
  // for (;;) create(0, 0, 0)
  [CREATOR]: { code: "0x5b5f5f5ff0505f56" as Hex },
  // for (;;) staticcall(gas, 8, 0, 3840, 0, 0): twenty pairs at infinity
  [PAIRINGS]: { code: "0x5b5f5f610f005f60085afa505f56" as Hex },
};

const FOREVER = 2n ** 40n;
/** A chain whose calls may use any gas. */
const openUnbounded = (calls: object) =>
  openChain({ calls, genesis: createGenesis({ ...DEVNET_PARAMETERS, blockGasLimit: FOREVER }, alloc) });

for (const [name, to] of Object.entries({ LOOP, TREE, CREATOR, PAIRINGS }))
  test(`a call that does not end is aborted in time, the event loop runs on: ${name}`, async () => {
    const chain = await openUnbounded({ timeoutMs: 300 });
    let ended = false;
    const call = assert.rejects(chain.call({ to, gas: FOREVER }, 0n), { code: "CALL_TIMEOUT" }).finally(() => {
      ended = true;
    });
    let turns = 0;
    for (; !ended; turns++) await nextTurn();
    await call;
    // Without a pause the call would keep its first turn for ever.
    assert.ok(turns >= 2, `${turns} turns of the event loop`);
  });

test("a block is built and short calls are answered while long calls run", async () => {
  const chain = await openUnbounded({ timeoutMs: 60_000 });
  let ended = 0;
  const long = Array.from({ length: 3 }, () => chain.call({ to: LOOP, gas: 6_000_000n }, 0n).finally(() => ended++));
  await nextTurn();
  const builder = await chain.begin(AT);
  const added = await builder.add({ bytes: await sign({ nonce: 0, to: address(0xee), value: 1n }) });
  assert.ok(added.included);
  await builder.seal();
  assert.equal(chain.head.header.number, 1n);
  const short = await chain.call({ to: address(0xee) }, 1n);
  assert.deepEqual([short.ok, short.gasUsed], [true, 21_000n]);
  assert.equal(ended, 0, "the long calls still run");
  for (const { ok, error, gasUsed } of await Promise.all(long))
    assert.deepEqual([ok, error, gasUsed], [false, "out of gas", 6_000_000n]);
});

test("so many calls run at once, so many wait, the rest is refused; places are handed on in order", async () => {
  const turns = createCallTurns({ running: 2, waiting: 2, sliceMs: 60_000 });
  // From here on the slice lasts: who may run does so at once.
  await turns.run(performance.now(), async () => {});
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const order: number[] = [];
  let active = 0;
  let most = 0;
  const run = (id: number) =>
    turns.run(performance.now(), async () => {
      most = Math.max(most, ++active);
      order.push(id);
      await gate;
      active--;
      return id;
    });
  const all = [0, 1, 2, 3].map(run);
  await assert.rejects(run(4), { code: "CALL_LIMIT" });
  open();
  assert.deepEqual(await Promise.all(all), [0, 1, 2, 3]);
  assert.deepEqual([order, most], [[0, 1, 2, 3], 2]);
  await assert.rejects(
    turns.run(performance.now(), () => Promise.reject(new Error("fails"))),
    /fails/,
  );
  assert.equal(await run(5), 5, "a failure gives its place back");
});

test("time runs while a call waits, and before it when it shares a limit", async () => {
  const turns = createCallTurns({ running: 1, timeoutMs: 1000 });
  await assert.rejects(
    turns.run(performance.now() - 1001, async () => 1),
    { code: "CALL_TIMEOUT" },
  );
  assert.equal(await turns.run(performance.now() - 500, async () => 1), 1);
});

test("a call waits for something else no longer than its time; what comes in time is its own", async () => {
  const turns = createCallTurns({ timeoutMs: 30 });
  const late = Promise.withResolvers<number>();
  await assert.rejects(
    turns.run(performance.now(), ({ within }) => within(late.promise)),
    { code: "CALL_TIMEOUT" },
  );
  late.reject(new Error("heard by nobody"));
  assert.equal(await turns.run(performance.now(), ({ within }) => within(Promise.resolve(3))), 3);
  await assert.rejects(
    turns.run(performance.now(), ({ within }) => within(Promise.reject(new Error("fails")))),
    /fails/,
  );
});
