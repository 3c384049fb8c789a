import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Bytes, Hex } from "../../foundation/bytes.ts";
import { CodedError } from "../../foundation/errors.ts";
import type { Handler, NetworkErrorCode } from "../network/network.ts";
import { createLoopNetwork, libraryOf, modelOf, noise, spoil, telemetry } from "./content.fixture.ts";
import { CONTENT_PROTOCOL, type ContentProvider, decodeContentRequest, MAX_HASHES } from "./content.ts";
import { type ContentExchangeOptions, createContentExchange } from "./exchange.ts";
import { serveContent } from "./serve.ts";

/** What `serveContent` registers. */
const handlerOf = (provide: ContentProvider): Handler => {
  let registered: Handler | undefined;
  serveContent(
    {
      serve(protocol, handler) {
        assert.equal(protocol, CONTENT_PROTOCOL);
        registered = handler;
      },
    },
    provide,
  );
  assert.ok(registered);
  return registered;
};

const never = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

/** Takes requests and gives nothing. */
const stalling: Handler = async function* (_request, _from, signal) {
  yield await never(signal);
};

const open = (options: ContentExchangeOptions = {}) => {
  const loop = createLoopNetwork();
  const components = telemetry();
  const exchange = createContentExchange(
    { ...components, network: loop.network },
    { stallMs: 300, slowMs: 40, busyMs: 5, firstPeerMs: 0, ...options },
  );
  const kept = new Map<Hex, Bytes>();
  const outcomes = async (): Promise<Record<string, number>> => {
    const values = (await components.registry.getSingleMetric("assay_p2p_content_pieces_total")?.get())?.values ?? [];
    return Object.fromEntries(values.map(({ labels, value }) => [labels["outcome"], value]));
  };
  const keep = async (hash: Hex, bytes: Bytes) => {
    assert.equal(kept.has(hash), false, "a piece is kept once");
    kept.set(hash, bytes);
  };
  /** How often each hash was asked of the peer. */
  const askedOf = (peer: string): Hex[] =>
    loop.asked.filter((ask) => ask.peer === peer).flatMap(({ request }) => decodeContentRequest(request).hashes);
  return { ...loop, exchange, kept, keep, outcomes, askedOf };
};

describe("fetching content", () => {
  it("takes from whoever is honest and quick, drops who gives other bytes, waits for nobody", async () => {
    const model = modelOf(400, 2_000);
    // Whoever waits for a stall here waits for longer than the test may last.
    const { exchange, connect, kept, keep, penalties, askedOf, listeners } = open({ stallMs: 3_600_000 });
    connect("honest", handlerOf(model.provide));
    connect(
      "garbage",
      handlerOf((kind, hash) => spoil(model.provide(kind, hash) as Bytes)),
    );
    connect("stalling", stalling);
    assert.deepEqual(await exchange.fetch("chunk", model.hashes, { keep }), []);
    assert.deepEqual(kept, model.chunks);
    assert.deepEqual(penalties, [{ peer: "garbage", why: "content" }]);
    assert.equal(askedOf("garbage").length, 4, "it was asked once");
    assert.equal(listeners(), 0);
  });

  it("asks for no more than a request takes, and spreads the work", async () => {
    const model = modelOf(3 * MAX_HASHES, 200);
    const { exchange, connect, kept, keep, asked, outcomes } = open({ slowMs: 3_600_000 });
    const served = { a: 0, b: 0 };
    for (const peer of ["a", "b"] as const)
      connect(
        peer,
        handlerOf((kind, hash) => {
          served[peer]++;
          return model.provide(kind, hash);
        }),
      );
    assert.deepEqual(await exchange.fetch("chunk", [...model.hashes, ...model.hashes], { keep }), []);
    assert.equal(kept.size, model.hashes.length);
    assert.ok(asked.every(({ request }) => request.length <= CONTENT_PROTOCOL.maxRequestBytes));
    assert.ok(served.a >= 4 && served.b >= 4);
    assert.deepEqual(await outcomes(), { kept: model.hashes.length });
  });

  it("does not ask twice who lacks a piece, and answers what nobody has", async () => {
    const { byHash, hashes } = libraryOf(Array.from({ length: 30 }, (_, i) => noise(i, 50)));
    const { exchange, connect, kept, keep, askedOf, penalties, outcomes } = open();
    const half = new Set(hashes.filter((_, i) => i % 2 === 0));
    connect(
      "poor",
      handlerOf(() => undefined),
    );
    connect(
      "half",
      handlerOf((_, hash) => (half.has(hash) ? byHash.get(hash) : undefined)),
    );
    const missing = await exchange.fetch("batch", hashes, { keep });
    assert.deepEqual(
      missing,
      hashes.filter((hash) => !half.has(hash)),
    );
    assert.equal(kept.size, half.size);
    for (const peer of ["poor", "half"]) assert.equal(new Set(askedOf(peer)).size, askedOf(peer).length);
    assert.deepEqual(penalties, []);
    assert.equal((await outcomes())["wrong"], undefined);
  });

  it("answers all hashes when every peer is bad, and at once when there is none", async () => {
    const model = modelOf(10, 100);
    const { exchange, connect, kept, keep, askedOf } = open({ stallMs: 20 });
    assert.deepEqual(await exchange.fetch("chunk", model.hashes, { keep }), model.hashes);
    connect(
      "garbage",
      handlerOf(() => noise(99, 50)),
    );
    connect(
      "long",
      handlerOf(() => noise(99, 100_001)),
    );
    connect("stalling", stalling);
    connect("short", () => []);
    connect("refusing", () => Promise.reject(new CodedError<NetworkErrorCode>("P2P_BUSY", "no room")));
    connect("strange", () => Promise.reject(new CodedError<NetworkErrorCode>("P2P_INVALID", "no answer")));
    assert.deepEqual(await exchange.fetch("chunk", model.hashes, { keep }), model.hashes);
    assert.equal(kept.size, 0);
    assert.ok(askedOf("refusing").length > askedOf("strange").length, "who is busy is asked again");
  });

  it("goes on with a peer that was busy, and with one that connects on the way", async () => {
    const model = modelOf(40, 100);
    const { exchange, connect, kept, keep } = open({ firstPeerMs: 60_000 });
    let refusals = 3;
    const fetched = exchange.fetch("chunk", model.hashes, { keep });
    const busy = handlerOf((kind, hash) => (hash < "0x8" ? model.provide(kind, hash) : undefined));
    connect("busy", (...args) => {
      if (refusals-- > 0) throw new CodedError<NetworkErrorCode>("P2P_BUSY", "no room");
      // The other half comes from a peer that was not there at first.
      connect("late", handlerOf(model.provide));
      return busy(...args);
    });
    assert.deepEqual(await fetched, []);
    assert.equal(kept.size, 40);
  });

  it("loses a peer on the way and takes its share elsewhere", async () => {
    const model = modelOf(60, 100);
    const { exchange, connect, drop, kept, keep } = open();
    let given = 0;
    connect(
      "leaving",
      handlerOf((kind, hash) => {
        if (++given === 3) drop("leaving");
        return model.provide(kind, hash);
      }),
    );
    connect("staying", handlerOf(model.provide));
    assert.deepEqual(await exchange.fetch("chunk", model.hashes, { keep }), []);
    assert.equal(kept.size, 60);
  });

  it("reads no further before a piece is kept; breaks off with its signal or with what cannot be kept", async () => {
    const model = modelOf(50, 100);
    const { exchange, connect, kept, askedOf, listeners } = open();
    let given = 0;
    connect(
      "peer",
      handlerOf((kind, hash) => {
        given++;
        return model.provide(kind, hash);
      }),
    );
    const aborter = new AbortController();
    const broken = exchange.fetch("chunk", model.hashes, {
      signal: aborter.signal,
      async keep(hash, bytes) {
        assert.equal(given, kept.size + 1);
        await new Promise(setImmediate);
        kept.set(hash, bytes);
        if (kept.size === 20) aborter.abort(new Error("broken off"));
      },
    });
    await assert.rejects(broken, /broken off/);
    assert.equal(kept.size, 20);
    assert.equal(listeners(), 0);
    // What was kept is not asked for again.
    const before = askedOf("peer").length;
    const left = model.hashes.filter((hash) => !kept.has(hash));
    const keep = async (hash: Hex, bytes: Bytes) => void kept.set(hash, bytes);
    assert.deepEqual(await exchange.fetch("chunk", left, { keep }), []);
    assert.deepEqual(new Set(askedOf("peer").slice(before)), new Set(left));
    assert.equal(askedOf("peer").length - before, 30);

    const full = exchange.fetch("chunk", model.hashes, { keep: () => Promise.reject(new Error("the disk is full")) });
    await assert.rejects(full, /the disk is full/);
    await assert.rejects(exchange.fetch("chunk", left, { keep, signal: aborter.signal }), /broken off/);
  });
});
