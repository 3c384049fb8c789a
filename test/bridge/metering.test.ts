import assert from "node:assert/strict";
import { test } from "node:test";
import { batchInbox, enqueueCall } from "../../bridge/index.ts";
import { batchItemAt, concat, DEVNET_PARAMETERS, isBlockHeader, leastUnitPrice, uintBE } from "../../executor/index.ts";
import { bench, SEQUENCER, USER } from "../support/inbox-bench.ts";
import { furthestRecord, type MeteredRecord, unitsBound } from "../support/metering.ts";

/** Units of a batch that no block is open before, where the budget pays for all: one for each item, message, end of a block,
 * the step over what lies in no block, and the way to the next. */
const unitsOf = (data: Uint8Array, messages: number): number => {
  let [units, queued, isOpen] = [0, messages, false];
  for (let cursor = 0; ; ) {
    const item = batchItemAt(data, cursor);
    const isHeader = item !== undefined && isBlockHeader(item.body);
    units++;
    if (isOpen && queued > 0) queued--;
    else if (isOpen && (item === undefined || isHeader)) isOpen = false;
    else if (isHeader || (item !== undefined && isOpen)) [cursor, isOpen] = [item.next, true];
    else if (item !== undefined) cursor = data.length;
    else if (queued > 0) isOpen = true;
    else return units;
  }
};

test("units: the inbox counts at least as many as any bytes are, and says how many records fit", async (t) => {
  const b = await bench(t);
  const on = { address: b.batchInbox, abi: batchInbox.abi } as const;
  const item = (body: Uint8Array) => concat(uintBE(body.length, 4), body);
  const header = item(new Uint8Array(9));
  const many = (count: number, part: Uint8Array) => concat(...Array.from({ length: count }, () => part));
  const batches = [
    many(200, item(Uint8Array.of(7))),
    concat(header, many(100, item(Uint8Array.of(7)))),
    many(100, header),
    concat(many(3, item(Uint8Array.of(1))), many(50, concat(header, item(Uint8Array.of(2))))),
    new Uint8Array(0),
    many(4, new Uint8Array(250)),
  ];
  const through = [0n];
  for (const [i, data] of batches.entries()) {
    const messages = i % 3;
    for (let k = 0; k < messages; k++) await b.send(USER, enqueueCall(b.batchInbox, Uint8Array.of(i + 1, k), 21_000n));
    await b.send(SEQUENCER, await b.append({ data }));
    const { unitsThrough } = await b.l1.client.readContract({ ...on, functionName: "recordAt", args: [BigInt(i)] });
    const counted = unitsThrough - (through.at(-1) as bigint);
    assert.equal(counted, BigInt(Math.floor(data.length / 5) + messages + 3));
    assert.ok(unitsOf(data, messages) <= counted, `batch ${i}`);
    through.push(unitsThrough);
  }
  // Two messages in a block of least envelopes: the bound is reached but for what the bytes leave over.
  assert.equal(unitsOf(batches[1] as Uint8Array, 2), 1 + 2 + 100 + 2);
  const furthest = (start: number, units: bigint) =>
    b.l1.client.readContract({ ...on, functionName: "furthest", args: [BigInt(start), units] });
  const count = batches.length;
  for (let start = 0; start <= count; start++)
    for (let end = start; end <= count; end++) {
      const units = (through[end] as bigint) - (through[start] as bigint);
      assert.equal(await furthest(start, units), BigInt(Math.max(end, Math.min(start + 1, count))));
      if (end > start + 1) assert.equal(await furthest(start, units - 1n), BigInt(end - 1));
    }
  assert.equal(await furthest(0, 2n ** 64n), BigInt(count));
});

test("units: by what L1's time pays for, where that is less than what the bytes could be", async (t) => {
  const budget = { rate: 100n, cap: 500_000n, block: 50_000n, refusal: 21_000n };
  const b = await bench(t, 30_000_000n, budget);
  const { rate, cap } = budget;
  const { maxDrift, maxLag } = DEVNET_PARAMETERS;
  const metering = { rate, cap, unitPrice: leastUnitPrice(budget), drift: maxDrift + maxLag };
  const records: MeteredRecord[] = [];
  for (const [size, seconds] of [
    [2_000, 1],
    [0, 1],
    [500, 4_000],
    [2_000, 30],
    [5, 90_000],
  ] as const) {
    await b.l1.client.request({ method: "evm_increaseTime" as never, params: [seconds] as never });
    await b.l1.mine();
    const messages = records.length % 2;
    for (let i = 0; i < messages; i++)
      await b.send(USER, enqueueCall(b.batchInbox, Uint8Array.of(records.length), 21_000n));
    const origin = await b.now();
    await b.send(SEQUENCER, await b.append({ origin, data: new Uint8Array(size) }));
    records.push({ size, messages, timestamp: origin.timestamp });
  }
  let byTime = 0;
  for (let start = 0; start < records.length; start++)
    for (let end = start + 1; end <= records.length; end++) {
      const bound = unitsBound(records.slice(start, end), metering);
      if (bound < unitsBound(records.slice(start, end), { ...metering, cap: 10n ** 12n })) byTime++;
      for (const units of [bound - 1n, bound, bound + 1n])
        assert.equal(
          await b.l1.client.readContract({
            address: b.batchInbox,
            abi: batchInbox.abi,
            functionName: "furthest",
            args: [BigInt(start), units],
          }),
          BigInt(furthestRecord(records, start, units, metering)),
        );
    }
  assert.ok(byTime > 3);
});

test("a clock that stands: no origin with an old timestamp is taken, whatever its number", async (t) => {
  const b = await bench(t);
  const { timestamp } = await b.now();
  const old = 30n * 86_400n;
  await b.l1.client.request({ method: "evm_increaseTime" as never, params: [Number(old)] as never });
  await b.l1.mine();
  const { number } = await b.now();
  assert.equal(await b.refusal(SEQUENCER, await b.append({ origin: { number, timestamp } })), "OriginTooOld");
  const age = await b.l1.client.readContract({
    address: b.batchInbox,
    abi: batchInbox.abi,
    functionName: "MAX_ORIGIN_AGE",
  });
  const now = (await b.now()).timestamp;
  // A call sees the next block, a second later at most.
  assert.equal(
    await b.refusal(SEQUENCER, await b.append({ origin: { number, timestamp: now - age - 1n } })),
    "OriginTooOld",
  );
  assert.equal(
    await b.refusal(SEQUENCER, await b.append({ origin: { number, timestamp: now - age + 60n } })),
    undefined,
  );
});
