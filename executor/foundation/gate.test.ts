import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "./errors.ts";
import { createGate, type GateErrorCode } from "./gate.ts";

test("a gate lets so many in, the others in order, refuses beyond, and lets go who gives up", async () => {
  const gate = createGate({ running: 2, waiting: 2 });
  const { signal } = new AbortController();
  const ends: (() => void)[] = [];
  const order: number[] = [];
  const work = (i: number) => () =>
    new Promise<number>((resolve) => {
      order.push(i);
      ends.push(() => resolve(i));
    });
  const first = gate(signal, work(0));
  const second = gate(signal, work(1));
  const aborter = new AbortController();
  const third = gate(aborter.signal, work(2));
  const fourth = gate(signal, work(3));
  await assert.rejects(gate(signal, work(4)), (error) => hasCode<GateErrorCode>(error, "GATE_FULL"));
  assert.deepEqual(order, [0, 1]);
  aborter.abort(new Error("enough"));
  await assert.rejects(third, /enough/);
  ends[0]?.();
  assert.equal(await first, 0);
  await Promise.resolve();
  assert.deepEqual(order, [0, 1, 3]);
  ends[1]?.();
  ends[2]?.();
  assert.deepEqual(await Promise.all([second, fourth]), [1, 3]);
  await assert.rejects(
    gate(signal, () => Promise.reject(new Error("failed"))),
    /failed/,
  );
  assert.equal(await gate(signal, async () => 5), 5);
  await assert.rejects(gate(aborter.signal, work(6)), /enough/);
});
