import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeFunctionData } from "viem";
import { appendBlobsCall, appendCall, type L1Call, modelRegistry } from "../../bridge/index.ts";
import { BLOB_DATA_BYTES, commitBlob, encodeBlobs, type Hex, toHex, ZERO_32 } from "../../executor/index.ts";
import type { Anvil } from "../support/anvil.ts";
import {
  createDisputeStage,
  LOW,
  MODEL,
  playOut,
  registryOf,
  startChallenger,
  startLiar,
} from "../support/disputes.ts";
import type { L1Fork } from "../support/l1-replay.ts";
import { layOut, SEQUENCER, startSender } from "../support/l2-node.ts";
import { modelLies } from "../support/lies.ts";
import { startVmL1 } from "../support/vm-l1/start.ts";

const [OPEN, CONFIRMED] = [1, 2];
const { element } = modelLies(MODEL.program);
const BATCHES = [0, 1_000, 20_000, 100_000];
const CHUNKS = [1_000, 98_304];
/** Gas a byte below which L1 takes no transaction (EIP-7623, EIP-7976). */
const FLOOR: Readonly<Record<L1Fork, bigint>> = { osaka: 40n, amsterdam: 64n };

for (const fork of ["osaka", "amsterdam"] as const)
  test(`batches and chunks of every size are taken under the gas table of ${fork}`, async (t) => {
    const l1 = await startVmL1(t, fork);
    const { contracts } = await layOut(l1);
    const { transactor, land } = startSender(l1, SEQUENCER);
    const block = await l1.client.getBlock();
    // EIP-7928 and EIP-7843: what a reader does not know does not hinder it.
    for (const field of ["blockAccessListHash", "slotNumber"])
      assert.equal(field in block, fork === "amsterdam", field);
    const { number, timestamp } = block;
    const place = { origin: { number, timestamp }, delayedEnd: 0n, delayedAccumulator: toHex(ZERO_32) };
    const taken = async (what: string, bytes: number, call: L1Call) => {
      const [receipt] = await land(call);
      assert.ok(receipt?.status === "success");
      const { gas } = await l1.client.getTransaction({ hash: receipt.transactionHash });
      t.diagnostic(`${fork}: ${what} of ${bytes} bytes: ${receipt.gasUsed} of ${gas}`);
      assert.ok(receipt.gasUsed <= gas && receipt.gasUsed >= FLOOR[fork] * BigInt(bytes));
    };
    let index = 0n;
    for (const bytes of BATCHES)
      await taken(
        "batch",
        bytes,
        appendCall(contracts.batchInbox, { ...place, index: index++, data: new Uint8Array(bytes).fill(7) }),
      );
    const blobs = await Promise.all(encodeBlobs(new Uint8Array(BLOB_DATA_BYTES + 1).fill(7)).map(commitBlob));
    await taken("batch in two blobs", 0, appendBlobsCall(contracts.batchInbox, { ...place, index: index++, blobs }));
    for (const bytes of CHUNKS) {
      const args = [`0x${"07".repeat(bytes)}` as Hex] as const;
      const data = encodeFunctionData({ abi: modelRegistry.abi, functionName: "post", args });
      await taken("chunk", bytes, { to: contracts.modelRegistry, data });
    }
    await transactor.stop();
  });

/** The greatest part of its limit that a transaction on L1 used; each of them succeeded. */
const tightest = async (
  { client }: Anvil,
  since: bigint,
): Promise<{ readonly count: number; readonly part: number }> => {
  const last = await client.getBlockNumber({ cacheTime: 0 });
  let [count, part] = [0, 0];
  for (let blockNumber = since + 1n; blockNumber <= last; blockNumber++) {
    const { transactions } = await client.getBlock({ blockNumber, includeTransactions: true });
    for (const { hash, gas } of transactions) {
      const { status, gasUsed } = await client.getTransactionReceipt({ hash });
      assert.equal(status, "success", `${hash} in block ${blockNumber}`);
      count++;
      part = Math.max(part, Number(gasUsed) / Number(gas));
    }
  }
  return { count, part };
};

test("batches, claims and a whole dispute keep to their limits under the next fork's gas table", async (t) => {
  const l1 = await startVmL1(t, "amsterdam");
  const stage = await createDisputeStage(t, { claims: { ...LOW, l1 } });
  const since = await l1.client.getBlockNumber({ cacheTime: 0 });
  const registry = registryOf(stage);
  const node = await stage.open();
  const liar = await startLiar(t, stage, node, element(3, 2));
  const challenger = startChallenger(t, stage, await stage.open());
  const rounds = await playOut(stage, [challenger], { liars: [liar] });
  const [dispute] = challenger.disputes;
  assert.ok(dispute?.right);
  assert.equal(await registry.status(dispute.right), CONFIRMED);
  assert.equal(await registry.status(liar.claim), OPEN);
  const { count, part } = await tightest(l1, since);
  t.diagnostic(`${rounds} rounds, ${count} transactions, at most ${Math.round(100 * part)} % of a limit`);
  assert.ok(count > 20 && part < 1);
});
