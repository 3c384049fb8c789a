import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { LONELY_AGAIN_MS, LONELY_MS, watchLoneliness } from "./loneliness.ts";
import { makeNetwork } from "./network.fixture.ts";

const NOBODY = "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";

const listen = () => {
  const lines: Record<string, unknown>[] = [];
  return { lines, logger: pino({ level: "warn" }, { write: (line: string) => void lines.push(JSON.parse(line)) }) };
};

test("a node without peers says so after half a minute, then every five minutes, and anew when it was not", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { lines, logger } = listen();
  const stopping = new AbortController();
  let peers = 0;
  const watching = watchLoneliness({ bootnodes: [NOBODY], logger, signal: stopping.signal, peers: () => peers });
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 5_000) {
      t.mock.timers.tick(5_000);
      for (let i = 0; i < 4; i++) await Promise.resolve();
    }
    return lines.splice(0).map(({ bootnodes, seconds }) => ({ bootnodes, seconds }));
  };
  assert.deepEqual(await pass(LONELY_MS - 5_000), []);
  assert.deepEqual(await pass(5_000), [{ bootnodes: [NOBODY], seconds: 30 }]);
  assert.deepEqual(await pass(LONELY_AGAIN_MS - 5_000), []);
  assert.deepEqual(await pass(5_000), [{ bootnodes: [NOBODY], seconds: 330 }]);
  peers = 1;
  assert.deepEqual(await pass(2 * LONELY_AGAIN_MS), []);
  peers = 0;
  assert.deepEqual(await pass(LONELY_MS), [{ bootnodes: [NOBODY], seconds: 30 }]);
  stopping.abort();
  await watching;
});

test("a node that was given no bootnodes may be alone", async () => {
  const { lines, logger } = listen();
  await watchLoneliness({ bootnodes: [], logger, signal: new AbortController().signal, peers: () => 0 });
  assert.deepEqual(lines, []);
});

test("a network looks for itself whether it is alone, until it stops", async (t) => {
  const { lines, logger } = listen();
  const { network } = await makeNetwork(t, { bootnodes: [NOBODY], logger });
  t.mock.timers.enable({ apis: ["setTimeout"] });
  await network.start();
  for (let passed = 0; passed < LONELY_MS; passed += 5_000) {
    t.mock.timers.tick(5_000);
    await new Promise(setImmediate);
  }
  assert.deepEqual(
    lines.map(({ bootnodes }) => bootnodes),
    [[NOBODY]],
  );
  t.mock.timers.reset();
  await network.stop();
});
