import assert from "node:assert/strict";
import { test } from "node:test";
import { CodedError, hasCode } from "../../foundation/errors.ts";
import { type Context, collect, connect, disconnected, makeNetwork, PROTOCOL } from "./network.fixture.ts";
import type { Handler, NetworkErrorCode, Protocol } from "./network.ts";
import { PENALTY } from "./reputation.ts";

const REQUEST = new Uint8Array(8);
const is = (code: NetworkErrorCode) => (error: unknown) => hasCode(error, code);
const near = (score: number | undefined, expected: number) =>
  assert.ok(Math.abs((score ?? 0) - expected) < 0.1, `score ${score}, expected ${expected}`);

/** An asker and a server that answers by `handler`. */
const pair = async (t: Context, handler: Handler, protocol: Protocol = PROTOCOL) => {
  const [asker, server] = await Promise.all([makeNetwork(t), makeNetwork(t)]);
  server.network.serve(protocol, handler);
  await Promise.all([asker.network.start(), server.network.start()]);
  await connect(asker.network, server.network);
  const scoreOf = (of: "asker" | "server") =>
    (of === "server" ? asker : server).network.peers.find(
      ({ id }) => id === (of === "server" ? server : asker).network.id,
    )?.score;
  return { asker: asker.network, server: server.network, registry: server.registry, scoreOf };
};

test("large answers arrive whole and in order, and are made no faster than they are read", async (t) => {
  let made = 0;
  const { asker, server } = await pair(t, function* () {
    for (; made < 40; made++) yield new Uint8Array(2 ** 20).fill(made);
  });
  const answers = asker.request(server.id, PROTOCOL, REQUEST)[Symbol.asyncIterator]();
  const first = await answers.next();
  assert.equal(first.value?.length, 2 ** 20);
  // Everything under way settles: what is made beyond is bounded by what both sides may buffer.
  await collect(asker.request(server.id, { ...PROTOCOL, maxAnswers: 1 }, REQUEST)).catch(() => undefined);
  assert.ok(made < 12, `${made} answers were made for one that was read`);
  for (let i = 1; i < 40 && made < 40; i++) {
    const { value, done } = await answers.next();
    if (done) break;
    assert.ok(value?.every((byte: number) => byte === value[0]));
  }
  await answers.return?.();
});

test("forty answers of a mebibyte are all there", async (t) => {
  const { asker, server } = await pair(t, function* () {
    for (let i = 0; i < 40; i++) yield new Uint8Array(2 ** 20).fill(i);
  });
  const answers = await collect(asker.request(server.id, PROTOCOL, REQUEST));
  assert.deepEqual(
    answers.map((answer) => [answer.length, answer[0], answer.at(-1)]),
    Array.from({ length: 40 }, (_, i) => [2 ** 20, i, i]),
  );
});

test("a consumer that stops early ends the answering", async (t) => {
  const ended = Promise.withResolvers<void>();
  const { asker, server } = await pair(t, async function* () {
    try {
      for (;;) yield new Uint8Array(2 ** 18);
    } finally {
      ended.resolve();
    }
  });
  for await (const answer of asker.request(server.id, PROTOCOL, REQUEST)) {
    assert.equal(answer.length, 2 ** 18);
    break;
  }
  await ended.promise;
});

test("a signal ends a request on both sides", async (t) => {
  const asked = Promise.withResolvers<AbortSignal>();
  const { asker, server, scoreOf } = await pair(t, async (_, __, signal) => {
    asked.resolve(signal);
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    return [];
  });
  const controller = new AbortController();
  const request = collect(asker.request(server.id, PROTOCOL, REQUEST, controller.signal));
  const signal = await asked.promise;
  controller.abort();
  await assert.rejects(request, is("P2P_TIMEOUT"));
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  assert.equal(scoreOf("server"), 0);
  await assert.rejects(collect(asker.request(server.id, PROTOCOL, REQUEST, AbortSignal.abort())), is("P2P_TIMEOUT"));
});

test("a peer that does not answer in time is left and blamed", async (t) => {
  const protocol = { ...PROTOCOL, stallMs: 100 };
  const { asker, server, scoreOf } = await pair(
    t,
    (_, __, signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve([]), { once: true })),
    protocol,
  );
  await assert.rejects(collect(asker.request(server.id, protocol, REQUEST)), is("P2P_TIMEOUT"));
  near(scoreOf("server"), -PENALTY.stall);
});

test("a peer that answers too much is left and blamed", async (t) => {
  const { asker, server, scoreOf } = await pair(t, function* () {
    for (let i = 0; i < 10; i++) yield new Uint8Array(100);
  });
  await assert.rejects(collect(asker.request(server.id, { ...PROTOCOL, maxAnswers: 9 }, REQUEST)), is("P2P_INVALID"));
  near(scoreOf("server"), -PENALTY.malformed);
  await assert.rejects(
    collect(asker.request(server.id, { ...PROTOCOL, maxAnswerBytes: 99 }, REQUEST)),
    is("P2P_INVALID"),
  );
  near(scoreOf("server"), -2 * PENALTY.malformed);
  assert.equal((await collect(asker.request(server.id, { ...PROTOCOL, maxAnswers: 10 }, REQUEST))).length, 10);
});

test("a request that is too large, or that the handler finds invalid, is blamed on the asker", async (t) => {
  const { asker, server, scoreOf } = await pair(t, () => {
    throw new CodedError("P2P_INVALID", "nonsense");
  });
  await assert.rejects(collect(asker.request(server.id, PROTOCOL, REQUEST)), is("P2P_TIMEOUT"));
  near(scoreOf("asker"), -PENALTY.malformed);
  await assert.rejects(
    collect(asker.request(server.id, PROTOCOL, new Uint8Array(PROTOCOL.maxRequestBytes + 1))),
    is("P2P_TIMEOUT"),
  );
  near(scoreOf("asker"), -2 * PENALTY.malformed);
});

test("a handler that fails ends that request alone", async (t) => {
  let calls = 0;
  const { asker, server, scoreOf } = await pair(t, async function* () {
    yield REQUEST;
    if (calls++ === 0) throw new Error("a defect");
  });
  await assert.rejects(collect(asker.request(server.id, PROTOCOL, REQUEST)), is("P2P_TIMEOUT"));
  assert.equal((await collect(asker.request(server.id, PROTOCOL, REQUEST))).length, 1);
  assert.equal(scoreOf("asker"), 0);
  assert.equal(scoreOf("server"), 0);
});

test("a peer without the protocol, and one that is not connected, are told apart from slow ones", async (t) => {
  const { asker, server } = await pair(t, () => []);
  await assert.rejects(collect(asker.request(server.id, { ...PROTOCOL, name: "other/1" }, REQUEST)), is("P2P_PEER"));
  await asker.removePeer(server.id);
  await disconnected(asker, server.id);
  await assert.rejects(collect(asker.request(server.id, PROTOCOL, REQUEST)), is("P2P_PEER"));
});

test("requests beyond the rate are refused, those far beyond are blamed, those at once are bounded", async (t) => {
  const protocol = { ...PROTOCOL, rate: { ...PROTOCOL.rate, requests: 0.001, requestBurst: 3 } };
  const { asker, server, scoreOf } = await pair(t, () => [REQUEST], protocol);
  const request = () => collect(asker.request(server.id, protocol, REQUEST));
  for (let i = 0; i < 3; i++) await request();
  for (let i = 0; i < 3; i++) await assert.rejects(request(), is("P2P_BUSY"));
  assert.equal(scoreOf("asker"), 0);
  await assert.rejects(request(), is("P2P_BUSY"));
  near(scoreOf("asker"), -PENALTY.rate);
});

test("a peer has eight requests answered at once", async (t) => {
  const go = Promise.withResolvers<void>();
  const { asker, server } = await pair(t, async () => {
    await go.promise;
    return [REQUEST];
  });
  const requests = Array.from({ length: 9 }, () => collect(asker.request(server.id, PROTOCOL, REQUEST)));
  const outcome = await Promise.race(
    requests.map((request) =>
      request.then(
        () => "ok",
        (error) => error.code,
      ),
    ),
  );
  assert.equal(outcome, "P2P_BUSY");
  go.resolve();
  const outcomes = await Promise.allSettled(requests);
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 8);
});

test("answers beyond the rate come later, and all come", async (t) => {
  const protocol = { ...PROTOCOL, rate: { ...PROTOCOL.rate, bytes: 100_000, byteBurst: 1_000 } };
  const { asker, server } = await pair(t, () => Array.from({ length: 5 }, () => new Uint8Array(10_000)), protocol);
  const start = performance.now();
  assert.equal((await collect(asker.request(server.id, protocol, REQUEST))).length, 5);
  assert.ok(performance.now() - start > 400, "50 kB at 100 kB a second");
});

test("a peer that goes away in the middle leaves an error, not an end", async (t) => {
  const { asker, server } = await pair(t, async function* (_, __, signal) {
    yield REQUEST;
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  });
  const answers = asker.request(server.id, PROTOCOL, REQUEST)[Symbol.asyncIterator]();
  await answers.next();
  const rest = answers.next();
  await Promise.all([assert.rejects(rest, is("P2P_TIMEOUT")), server.stop()]);
});

test("stopping ends the requests that are under way on either side", async (t) => {
  const asked = Promise.withResolvers<void>();
  const { asker, server } = await pair(t, async (_, __, signal) => {
    asked.resolve();
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    return [];
  });
  const request = collect(asker.request(server.id, PROTOCOL, REQUEST));
  await asked.promise;
  await Promise.all([assert.rejects(request, is("P2P_TIMEOUT")), asker.stop(), asker.stop()]);
  await assert.rejects(collect(asker.request(server.id, PROTOCOL, REQUEST)), is("P2P_PEER"));
  await server.stop();
});
