import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeFunctionData, type Hex, keccak256, parseEther } from "viem";
import {
  accumulate,
  batchInbox,
  depositCall,
  depositEnvelope,
  enqueueCall,
  forceCall,
  type L1Call,
  lineageOf,
  modelRegistry,
  portal,
} from "../../bridge/index.ts";
import {
  ADDRESS,
  aliasOf,
  calldataChunk,
  contentHashOf,
  contentOf,
  encodeManifest,
  fromHex,
  keccakOf,
  toHex,
  ZERO_32,
} from "../../executor/index.ts";
import { account } from "../support/anvil.ts";
import { type Bench, bench, FORCE_DELAY, SEQUENCER, USER } from "../support/inbox-bench.ts";

test("append: what is recorded, and every reason to refuse", async (t) => {
  const b = await bench(t);
  const origin = await b.now();
  const { events, gasUsed } = await b.send(SEQUENCER, await b.append({ origin }));
  t.diagnostic(`append of 3 bytes: ${gasUsed} gas`);
  const dataHash = keccak256("0x010203");
  const record = { kind: 0, l1Number: origin.number, l1Timestamp: origin.timestamp, delayedEnd: 0n };
  const lineage = lineageOf(ZERO_32, { kind: "calldata", dataHash, origin, delayedEnd: 0n }, ZERO_32);
  assert.deepEqual(
    events.map(({ eventName, args }) => [eventName, args]),
    [["BatchAppended", { index: 0n, dataHash, ...record }]],
  );
  assert.deepEqual(
    await b.l1.client.readContract({
      address: b.batchInbox,
      abi: batchInbox.abi,
      functionName: "recordAt",
      args: [0n],
    }),
    { lineage: toHex(lineage), ...record, unitsThrough: 3n },
  );

  const refusal = async (change: Parameters<Bench["append"]>[0], from = SEQUENCER) =>
    b.refusal(from, await b.append(change));
  assert.equal(await refusal({}), undefined);
  assert.equal(await refusal({}, USER), "NotSequencer");
  assert.equal(await refusal({ index: 0n }), "WrongIndex");
  assert.equal(await refusal({ index: 2n }), "WrongIndex");
  const now = await b.now();
  assert.equal(await refusal({ origin: { ...now, number: origin.number - 1n } }), "OriginBackwards");
  assert.equal(await refusal({ origin: { ...now, timestamp: origin.timestamp - 1n } }), "OriginBackwards");
  assert.equal(await refusal({ origin: { ...now, number: now.number + 2n } }), "OriginInFuture");
  assert.equal(await refusal({ origin: { ...now, timestamp: now.timestamp + 10_000n } }), "OriginInFuture");
  assert.equal(await refusal({ origin: { ...now, timestamp: now.timestamp + 50n } }), undefined);
  assert.equal(await refusal({ delayedEnd: 1n, delayedAccumulator: toHex(ZERO_32) }), "DelayedPastEnd");
  assert.equal(await refusal({ delayedAccumulator: `0x${"01".repeat(32)}` }), "WrongAccumulator");
  assert.equal(await refusal({ data: new Uint8Array(100_001) }), "DataTooLong");
  assert.equal(await refusal({ data: new Uint8Array(100_000) }), undefined);
  assert.equal(await refusal({ data: new Uint8Array(0) }), undefined);

  await b.l1.mine(299);
  assert.equal(await refusal({ origin: now }), undefined);
  await b.l1.mine(1);
  assert.equal(await refusal({ origin: now }), undefined, "calls run on the block that was mined last");
  await b.l1.mine(1);
  assert.equal(await refusal({ origin: now }), "OriginTooOld");

  const full = await b.send(SEQUENCER, await b.append({ data: new Uint8Array(100_000).fill(255) }));
  t.diagnostic(`append of 100,000 bytes: ${full.gasUsed} gas`);
});

test("messages: envelopes and accumulators equal their twins; only the portal and the registry deposit", async (t) => {
  const b = await bench(t);
  const user = account(USER).address.toLowerCase() as Hex;
  const deposits = [
    { to: user, mint: parseEther("1"), value: parseEther("1"), gas: 100_000n, data: new Uint8Array(0) },
    { to: undefined, mint: 0n, value: 0n, gas: 2_000_000n, data: new Uint8Array(300).fill(0x5b) },
    { to: user, mint: 127n, value: 2n ** 255n, gas: 200_000n, data: Uint8Array.of(0x7f) },
    { to: user, mint: 128n, value: 0n, gas: 200_000n, data: Uint8Array.of(0x80) },
    { to: user, mint: 0n, value: 1n, gas: 200_000n, data: new Uint8Array(55) },
    { to: user, mint: 0n, value: 1n, gas: 200_000n, data: new Uint8Array(56) },
    { to: user, mint: 0n, value: 1n, gas: 8_000_000n, data: new Uint8Array(70_000).fill(1) },
  ];
  let accumulator: Uint8Array = ZERO_32;
  let index = 0n;
  const next = async (
    events: Awaited<ReturnType<Bench["send"]>>["events"],
    kind: "deposit" | "raw",
    envelope: Uint8Array,
    gas: bigint,
  ) => {
    const queued = events.find(({ eventName }) => eventName === "MessageQueued");
    assert.deepEqual(queued?.args, { index, kind: kind === "raw" ? 1 : 0, gas, envelope: toHex(envelope) });
    accumulator = accumulate(accumulator, { kind, gas, envelope });
    index++;
    const inbox = { address: b.batchInbox, abi: batchInbox.abi } as const;
    assert.equal(
      await b.l1.client.readContract({ ...inbox, functionName: "accumulatorAt", args: [index] }),
      toHex(accumulator),
    );
  };
  for (const deposit of deposits) {
    const { events, gasUsed } = await b.send(USER, depositCall(b.portal, deposit));
    t.diagnostic(`deposit of ${deposit.data.length} bytes and ${deposit.gas} gas: ${gasUsed} L1 gas`);
    await next(events, "deposit", depositEnvelope(b.batchInbox, index, { from: user, ...deposit }), deposit.gas);
    const op = events.find(({ eventName }) => eventName === "TransactionDeposited");
    assert.ok(op?.eventName === "TransactionDeposited");
    assert.equal(op.args.from.toLowerCase(), user);
    assert.equal(op.args.opaqueData.length, 2 + 2 * (32 + 32 + 8 + 1 + deposit.data.length));
  }
  const plain = await b.send(USER, { to: b.portal, data: "0x", value: 5n });
  const transfer = { from: user, to: user, mint: 5n, value: 5n, gas: 100_000n, data: new Uint8Array(0) };
  await next(plain.events, "deposit", depositEnvelope(b.batchInbox, index, transfer), 100_000n);
  const raw = await b.send(USER, enqueueCall(b.batchInbox, Uint8Array.of(2, 1, 2, 3), 21_000n));
  await next(raw.events, "raw", Uint8Array.of(2, 1, 2, 3), 21_000n);

  const deposit = encodeFunctionData({
    abi: batchInbox.abi,
    functionName: "deposit",
    args: [{ from: user, to: user, isCreation: false, mint: 1n, value: 0n, gas: 100_000n, data: "0x" }],
  });
  assert.equal(await b.refusal(USER, { to: b.batchInbox, data: deposit }), "NotDepositor");
  assert.equal(await b.refusal(SEQUENCER, { to: b.batchInbox, data: deposit }), "NotDepositor");
});

test("the portal and the queue refuse what does not fit", async (t) => {
  const b = await bench(t);
  const user = account(USER).address.toLowerCase() as Hex;
  const base = { to: user, mint: 0n, value: 0n, gas: 100_000n, data: new Uint8Array(0) } as const;
  const deposit = (change: object) => b.refusal(USER, depositCall(b.portal, { ...base, ...change }));
  assert.equal(await deposit({ gas: 21_000n }), undefined);
  assert.equal(await deposit({ gas: 20_999n }), "SmallGasLimit");
  assert.equal(await deposit({ gas: 21_015n, data: Uint8Array.of(0) }), "SmallGasLimit");
  assert.equal(await deposit({ gas: 53_000n, to: undefined }), undefined);
  assert.equal(await deposit({ gas: 52_999n, to: undefined }), "SmallGasLimit");
  assert.equal(await deposit({ gas: 2n ** 24n }), undefined);
  assert.equal(await deposit({ gas: 2n ** 24n + 1n }), "BadGas");
  assert.equal(await deposit({ gas: 8_000_000n, data: new Uint8Array(90_001) }), "LargeCalldata");
  assert.equal(await deposit({ gas: 8_000_000n, to: undefined, data: new Uint8Array(49_153) }), "LargeCalldata");
  const target = encodeFunctionData({
    abi: portal.abi,
    functionName: "depositTransaction",
    args: [user, 0n, 100_000n, true, "0x"],
  });
  assert.equal(await b.refusal(USER, { to: b.portal, data: target }), "BadTarget");
  const enqueue = (length: number, gas: bigint) =>
    b.refusal(USER, enqueueCall(b.batchInbox, new Uint8Array(length), gas));
  assert.equal(await enqueue(0, 21_000n), "BadEnvelope");
  assert.equal(await enqueue(98_304, 21_000n), undefined);
  assert.equal(await enqueue(98_305, 21_000n), "BadEnvelope");
  assert.equal(await enqueue(1, 20_999n), "BadGas");
  assert.equal(await enqueue(1, 2n ** 24n + 1n), "BadGas");
});

test("delayed gas is paid for on L1, and one L1 block takes a bounded amount", async (t) => {
  const b = await bench(t);
  const cheap = await b.send(USER, enqueueCall(b.batchInbox, Uint8Array.of(1), 21_000n));
  const dear = await b.send(USER, enqueueCall(b.batchInbox, Uint8Array.of(1), 16_000_000n));
  assert.ok(dear.gasUsed > 1_000_000n && dear.gasUsed < 1_100_000n, `${dear.gasUsed}`);
  assert.ok(cheap.gasUsed < 150_000n, `${cheap.gasUsed}`);
  await b.l1.manual();
  const gas = { gas: 2_000_000n };
  const hashes: Hex[] = [];
  for (const declared of [16_000_000n, 4_000_000n, 21_000n])
    hashes.push(
      await b.l1.wallet(USER).sendTransaction({ ...enqueueCall(b.batchInbox, Uint8Array.of(1), declared), ...gas }),
    );
  await b.l1.mine();
  const receipts = await Promise.all(hashes.map((hash) => b.l1.client.getTransactionReceipt({ hash })));
  assert.deepEqual(
    receipts.map(({ status }) => status),
    ["success", "success", "reverted"],
  );
  assert.equal(new Set(receipts.map(({ blockNumber }) => blockNumber)).size, 1);
});

test("a contract deposits under its alias", async (t) => {
  const b = await bench(t);
  const contract: Hex = "0xffffeeeeffffeeeeffffeeeeffffeeeeffffeeee";
  // Calls the portal with 7 wei and no input.
  await b.l1.control.setCode({
    address: contract,
    bytecode: `0x5f5f5f5f600773${b.portal.slice(2)}5af1`,
  });
  const { events } = await b.send(USER, { to: contract, data: "0x", value: 7n, gas: 500_000n });
  const alias = aliasOf(contract);
  const expected = { from: alias, to: contract, mint: 7n, value: 7n, gas: 100_000n, data: new Uint8Array(0) };
  const queued = events.find(({ eventName }) => eventName === "MessageQueued");
  assert.ok(queued?.eventName === "MessageQueued");
  assert.equal(queued.args.envelope, toHex(depositEnvelope(b.batchInbox, 0n, expected)));
});

test("a starved message refuses batches that leave it out, and anyone may force it", async (t) => {
  const b = await bench(t);
  const enqueue = (gas: bigint) => b.send(USER, enqueueCall(b.batchInbox, Uint8Array.of(1), gas));
  await enqueue(21_000n);
  await b.l1.warp(600);
  await enqueue(30_000n);
  assert.equal(await b.refusal(SEQUENCER, await b.append({ delayedEnd: 0n })), undefined);
  assert.equal(await b.refusal(USER, forceCall(b.batchInbox, 0n, 1n)), "NotStarved");
  await b.l1.warp(Number(FORCE_DELAY) - 300);
  assert.equal(await b.refusal(SEQUENCER, await b.append({ delayedEnd: 0n })), "MessageStarved");
  assert.equal(await b.refusal(SEQUENCER, await b.append({ delayedEnd: 1n })), undefined);
  // The second one has not waited long enough.
  assert.equal(await b.refusal(USER, forceCall(b.batchInbox, 0n, 2n)), "NotStarved");
  assert.equal(await b.refusal(USER, forceCall(b.batchInbox, 0n, 0n)), "NotStarved");
  assert.equal(await b.refusal(USER, forceCall(b.batchInbox, 1n, 1n)), "WrongIndex");
  assert.equal(await b.refusal(USER, forceCall(b.batchInbox, 0n, 3n)), "DelayedPastEnd");
  const { events } = await b.send(USER, forceCall(b.batchInbox, 0n, 1n));
  const now = await b.now();
  assert.deepEqual(events[0]?.args, {
    index: 0n,
    kind: 2,
    dataHash: toHex(keccakOf(new Uint8Array(0))),
    l1Number: now.number,
    l1Timestamp: now.timestamp,
    delayedEnd: 1n,
  });
  const inbox = { address: b.batchInbox, abi: batchInbox.abi } as const;
  const [taken, lineage] = await Promise.all([
    b.l1.client.readContract({ ...inbox, functionName: "accumulatorAt", args: [1n] }),
    b.l1.client.readContract({ ...inbox, functionName: "lineageAt", args: [1n] }),
  ]);
  const dataHash = toHex(keccakOf(new Uint8Array(0)));
  const forced = { kind: "forced", dataHash, origin: now, delayedEnd: 1n } as const;
  assert.equal(lineage, toHex(lineageOf(ZERO_32, forced, fromHex(taken))));
  assert.equal(await b.refusal(SEQUENCER, await b.append({ delayedEnd: 0n })), "DelayedBackwards");
  assert.equal(await b.refusal(SEQUENCER, await b.append({ delayedEnd: 1n })), undefined);
});

test("a backlog beyond one block is taken in portions, by the sequencer or by force", async (t) => {
  const b = await bench(t);
  for (let i = 0; i < 3; i++) await b.send(USER, enqueueCall(b.batchInbox, Uint8Array.of(1), 14_000_000n));
  await b.l1.warp(Number(FORCE_DELAY) + 10);
  assert.equal(await b.refusal(SEQUENCER, await b.append({ delayedEnd: 3n })), "DelayedGasExceeded");
  assert.equal(await b.refusal(USER, forceCall(b.batchInbox, 0n, 3n)), "DelayedGasExceeded");
  // As many as fit must be taken.
  assert.equal(await b.refusal(SEQUENCER, await b.append({ delayedEnd: 1n })), "MessageStarved");
  const now = await b.now();
  const ahead = { number: now.number, timestamp: now.timestamp + 55n };
  await b.send(SEQUENCER, await b.append({ delayedEnd: 2n, origin: ahead }));
  assert.equal(await b.refusal(SEQUENCER, await b.append({ delayedEnd: 2n, origin: ahead })), "MessageStarved");
  const { events } = await b.send(USER, forceCall(b.batchInbox, 1n, 3n));
  // The batch before was ahead of the clock: timestamps of records do not go back.
  assert.ok(events[0]?.eventName === "BatchAppended");
  assert.equal(events[0].args.l1Timestamp, ahead.timestamp);
  const origin = { number: (await b.now()).number, timestamp: ahead.timestamp };
  assert.equal(await b.refusal(SEQUENCER, await b.append({ delayedEnd: 3n, origin })), undefined);
});

test("models: chunks once, publication only of what is there, names of one form", async (t) => {
  const b = await bench(t);
  const post = (chunk: Uint8Array): L1Call => ({
    to: b.modelRegistry,
    data: encodeFunctionData({ abi: modelRegistry.abi, functionName: "post", args: [toHex(chunk)] }),
  });
  const publish = (hashes: readonly Hex[], name: string, gas = 500_000n, length = 98_305): L1Call => ({
    to: b.modelRegistry,
    data: encodeFunctionData({
      abi: modelRegistry.abi,
      functionName: "publish",
      args: [id, hashes, length, name, gas],
    }),
  });
  const id: Hex = `0x${"ab".repeat(32)}`;
  const chunks = [new Uint8Array(98_304).fill(7), Uint8Array.of(1)];
  const hashes = chunks.map((chunk) => toHex(keccakOf(chunk)));
  const first = await b.send(USER, post(chunks[0] as Uint8Array));
  t.diagnostic(`post of 98,304 bytes: ${first.gasUsed} gas`);
  assert.deepEqual(first.events[0]?.args, { hash: hashes[0], length: 98_304n });
  assert.deepEqual((await b.send(USER, post(chunks[0] as Uint8Array))).events, []);
  assert.equal(await b.refusal(USER, post(new Uint8Array(0))), "BadChunk");
  assert.equal(await b.refusal(USER, post(new Uint8Array(98_305))), "BadChunk");
  assert.equal(await b.refusal(USER, publish(hashes, "digits@1.0")), "ChunkMissing");
  await b.send(USER, post(chunks[1] as Uint8Array));
  assert.equal(await b.refusal(USER, publish([], "digits@1.0")), "BadChunkCount");
  for (const name of ["", "a@0.0", "acme/digits-8x8_v2.1@10.23", `${"a".repeat(60)}@1.0`])
    assert.equal(await b.refusal(USER, publish(hashes, name)), undefined, name);
  for (const name of [
    "a",
    "@1.0",
    "a@1",
    "a@1.",
    "a@.1",
    "a@1.0.0",
    "a@01.0",
    "a@1.00",
    "A@1.0",
    "a@1.0 ",
    "a@@1.0",
    "ä@1.0",
    `${"a".repeat(61)}@1.0`,
    id,
  ])
    assert.equal(await b.refusal(USER, publish(hashes, name)), "BadName", name);

  const [long, short] = hashes as [Hex, Hex];
  for (const length of [0, 98_304, 98_306])
    assert.equal(await b.refusal(USER, publish(hashes, "", undefined, length)), "BadLength", `${length}`);
  assert.equal(await b.refusal(USER, publish([long, short, long], "", undefined, 98_305)), "BadLength");
  // Runs of one value are chunks that repeat.
  assert.equal(await b.refusal(USER, publish([long, short, long], "", undefined, 196_609)), undefined);

  const { events } = await b.send(USER, publish(hashes, "digits@1.0"));
  const listed = chunks.map(calldataChunk);
  const content = contentOf(listed);
  const published = events.find(({ eventName }) => eventName === "ModelPublished");
  const manifest = toHex(encodeManifest(listed));
  assert.deepEqual(published?.args, { modelId: id, contentHash: contentHashOf(content), manifest, name: "digits@1.0" });
  const data = encodeFunctionData({
    abi: [
      {
        type: "function",
        name: "register",
        stateMutability: "nonpayable",
        inputs: [{ type: "bytes32" }, { type: "bytes32" }, { type: "uint32" }, { type: "uint32" }, { type: "string" }],
        outputs: [],
      },
    ],
    args: [id, toHex(content.root), content.length, content.chunks, "digits@1.0"],
  });
  const queued = events.find(({ eventName }) => eventName === "MessageQueued");
  assert.ok(queued?.eventName === "MessageQueued");
  assert.equal(
    queued.args.envelope,
    toHex(
      depositEnvelope(b.batchInbox, 0n, {
        from: aliasOf(b.modelRegistry),
        to: ADDRESS.modelRegistry,
        mint: 0n,
        value: 0n,
        gas: 500_000n,
        data: fromHex(data),
      }),
    ),
  );
});
