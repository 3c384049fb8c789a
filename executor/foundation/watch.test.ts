import assert from "node:assert/strict";
import { test } from "node:test";
import { createWatch } from "./watch.ts";

/** A watch whose looks a test waits for. */
const createScene = (fails: (look: number) => boolean = () => false) => {
  const aborter = new AbortController();
  const failures: number[] = [];
  let looks = 0;
  let waiting: { readonly count: number; readonly resolve: () => void } | undefined;
  const watch = createWatch({
    async look() {
      looks++;
      if (waiting !== undefined && looks >= waiting.count) waiting.resolve();
      if (fails(looks)) throw new Error("not now");
    },
    onFailure: (_, failed) => void failures.push(failed),
    pollMs: 1,
    maxBackoffMs: 4,
    signal: aborter.signal,
  });
  return {
    watch,
    failures,
    looks: () => looks,
    until: (count: number) =>
      looks >= count
        ? Promise.resolve()
        : new Promise<void>((resolve) => {
            waiting = { count, resolve };
          }),
    async stop() {
      aborter.abort();
      await watch.ended();
    },
  };
};

test("it looks once when it starts, and again only when it is roused", async () => {
  const scene = createScene();
  scene.watch.start();
  scene.watch.start();
  await scene.until(1);
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(scene.looks(), 1);
  scene.watch.rouse();
  await scene.until(2);
  await scene.stop();
  assert.equal(scene.looks(), 2);
});

test("after a failure it looks again by itself, and counts failures in a row", async () => {
  const scene = createScene((look) => look < 4 || look === 5);
  scene.watch.start();
  await scene.until(4);
  scene.watch.rouse();
  await scene.until(6);
  await scene.stop();
  assert.deepEqual(scene.failures, [1, 2, 3, 1]);
});

test("the signal ends it while it waits", async () => {
  const scene = createScene();
  scene.watch.start();
  await scene.until(1);
  await scene.stop();
  scene.watch.rouse();
  assert.equal(scene.looks(), 1);
});
