import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { parseEventLogs } from "viem";
import {
  appendBlobsCall,
  type BlobBatch,
  batchInbox,
  createTransactor,
  enqueueCall,
  lineageOf,
  refusalOfAppend,
} from "../../bridge/index.ts";
import {
  BLOB_DATA_BYTES,
  type CommittedBlob,
  commitBlob,
  EMPTY_BYTES,
  encodeBlobs,
  fromHex,
  type Hex,
  keccakOf,
  toHex,
  uintBE,
  ZERO_32,
} from "../../executor/index.ts";
import { type Anvil, account, startAnvil } from "../support/anvil.ts";
import { hooked } from "../support/hooked-client.ts";
import { layOut, SEQUENCER, startSender, telemetry } from "../support/l2-node.ts";

const USER = 2;

/** Blobs by name alone: what L1 looks at when it tries a call out. */
const named = (count: number): CommittedBlob[] =>
  Array.from({ length: count }, (_, i) => {
    const hash: Hex = `0x01${toHex(uintBE(i + 1, 31)).slice(2)}`;
    return { bytes: EMPTY_BYTES, commitment: EMPTY_BYTES, hash };
  });

const setUp = async (l1: Anvil) => {
  const { contracts } = await layOut(l1, { forceDelay: 100n });
  const batch = async (change: Partial<BlobBatch> = {}): Promise<BlobBatch> => {
    const { number, timestamp } = await l1.client.getBlock();
    const place = { index: 0n, delayedEnd: 0n, delayedAccumulator: toHex(ZERO_32), blobs: named(1) };
    return { ...place, origin: { number, timestamp }, ...change };
  };
  const refusal = async (change: Partial<BlobBatch> = {}, from = SEQUENCER) =>
    refusalOfAppend(l1.client, {
      inbox: contracts.batchInbox,
      batch: await batch(change),
      account: account(from).address,
      at: (await l1.client.getBlock()).hash as Hex,
    });
  return { inbox: contracts.batchInbox, batch, refusal };
};

const recorded = async (t: TestContext, l1: Anvil) => {
  const { inbox, batch, refusal } = await setUp(l1);
  for (const [change, expected] of [
    [{}, undefined],
    [{ blobs: named(6) }, undefined],
    [{ blobs: [] }, "NoBlobs"],
    [{ blobs: named(7) }, "TooManyBlobs"],
    [{ index: 1n }, "WrongIndex"],
    [{ delayedEnd: 1n }, "DelayedPastEnd"],
    [{ delayedAccumulator: `0x${"01".repeat(32)}` }, "WrongAccumulator"],
    [{ origin: { number: 10_000n, timestamp: 0n } }, "OriginInFuture"],
  ] as const)
    assert.equal(await refusal(change), expected);
  assert.equal(await refusal({}, USER), "NotSequencer");
  await startSender(l1, USER).land(enqueueCall(inbox, Uint8Array.of(1), 21_000n));
  await l1.warp(200);
  assert.equal(await refusal(), "MessageStarved");
  const accumulator = await l1.client.readContract({
    address: inbox,
    abi: batchInbox.abi,
    functionName: "accumulatorAt",
    args: [1n],
  });
  const taking = { delayedEnd: 1n, delayedAccumulator: accumulator };
  assert.equal(await refusal(taking), undefined);

  // Two blobs: what is stored and told.
  const blobs = await Promise.all(encodeBlobs(new Uint8Array(150_000).fill(5)).map(commitBlob));
  const sent = await batch({ ...taking, blobs });
  const [receipt] = await startSender(l1, SEQUENCER).land(appendBlobsCall(inbox, sent));
  assert.ok(receipt);
  t.diagnostic(`appendBlobs of 2 blobs: ${receipt.gasUsed} gas, ${receipt.blobGasUsed} blob gas`);
  const hashes = blobs.map(({ hash }) => hash);
  const [appended, told] = parseEventLogs({ abi: batchInbox.abi, logs: receipt.logs });
  const dataHash = toHex(keccakOf(...hashes.map(fromHex)));
  const { origin } = sent;
  const record = { kind: 1, l1Number: origin.number, l1Timestamp: origin.timestamp, delayedEnd: 1n };
  assert.deepEqual([appended?.eventName, appended?.args], ["BatchAppended", { index: 0n, dataHash, ...record }]);
  assert.deepEqual([told?.eventName, told?.args], ["BlobsAppended", { index: 0n, versionedHashes: hashes }]);
  const lineage = toHex(
    lineageOf(ZERO_32, { kind: "blobs", dataHash, origin, delayedEnd: 1n }, fromHex(sent.delayedAccumulator)),
  );
  assert.deepEqual(
    await l1.client.readContract({ address: inbox, abi: batchInbox.abi, functionName: "recordAt", args: [0n] }),
    { lineage, ...record, unitsThrough: BigInt(Math.floor((2 * BLOB_DATA_BYTES) / 5) + 1 + 3) },
  );
};

const blobFeeOf = (transaction: unknown): bigint => (transaction as { maxFeePerBlobGas: bigint }).maxFeePerBlobGas;

/** A transaction that no block takes is replaced, and twice as much is offered for all three kinds of gas. */
const replaced = async (_: TestContext, l1: Anvil) => {
  const [blob] = await Promise.all(encodeBlobs(Uint8Array.of(7)).map(commitBlob));
  const to = account(USER).address;
  const { transactor } = startSender(l1, 3, { patience: 1n });
  const call = { to, data: "0x" as Hex, gas: 21_000n, blobs: [blob as CommittedBlob] };
  const sent = transactor.send(call);
  await transactor.tick();
  const offers = [];
  for (let i = 0; i < 3; i++) {
    const [waiting] = await l1.mempool();
    assert.ok(waiting);
    const { maxFeePerGas, maxPriorityFeePerGas, ...rest } = await l1.client.getTransaction({ hash: waiting.hash });
    offers.push([maxFeePerGas ?? 0n, maxPriorityFeePerGas ?? 0n, blobFeeOf(rest)] as const);
    await l1.control.setBlockGasLimit({ gasLimit: 20_000n });
    await l1.mine();
    await l1.control.setBlockGasLimit({ gasLimit: 30_000_000n });
    await transactor.tick();
  }
  for (const [i, offer] of offers.slice(1).entries())
    for (const [j, fee] of offer.entries()) assert.ok(fee >= 2n * (offers[i]?.[j] as bigint), `${offers}`);
  await l1.mine();
  await transactor.tick();
  assert.equal((await sent).status, "success");
};

/** L1 refuses the form of the sidecar: the other one is sent, of the very same transaction. */
const reformed = async (_: TestContext, l1: Anvil) => {
  const [blob] = await Promise.all(encodeBlobs(Uint8Array.of(9)).map(commitBlob));
  const lengths: number[] = [];
  const client = hooked(l1, (method, params, ask) => {
    if (method !== "eth_sendRawTransaction") return ask();
    lengths.push((params as [string])[0].length);
    return lengths.length === 1
      ? { error: { code: -32_000, message: "unexpected sidecar version, want: 1, got: 0" } }
      : ask();
  });
  const transactor = createTransactor({ ...telemetry(), client, account: account(4) });
  const call = { to: account(USER).address, data: "0x" as Hex, gas: 21_000n, blobs: [blob as CommittedBlob] };
  const sent = transactor.send(call);
  await transactor.tick();
  await transactor.tick();
  await l1.mine();
  await transactor.tick();
  assert.equal((await sent).status, "success");
  // 128 proofs of cells in the place of one.
  assert.ok((lengths[1] ?? 0) - (lengths[0] ?? 0) > 127 * 98, `${lengths}`);
};

test("the inbox takes batches in blobs, and the transactor brings them there", async (t) => {
  const l1 = await startAnvil(t);
  await t.test("appendBlobs: what is recorded, and every reason to refuse", (scene) => recorded(scene, l1));
  await t.test("a replacement doubles all three fees", (scene) => replaced(scene, l1));
  // An L1 that takes the older form.
  const older = await startAnvil(t, "--hardfork", "prague");
  await t.test("a refused sidecar is sent in the other form", (scene) => reformed(scene, older));
});
