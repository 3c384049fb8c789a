import assert from "node:assert/strict";
import {
  appendBlobsCall,
  appendCall,
  batchInbox,
  createTransactor,
  depositCall,
  enqueueCall,
  forceCall,
  type L1Call,
  readInbox,
} from "../../bridge/index.ts";
import { sign } from "../../executor/chain/chain.fixture.ts";
import {
  ADDRESS,
  type Bytes,
  commitBlob,
  concat,
  DEVNET_PARAMETERS,
  encodeBatch,
  encodeBlobs,
  fromHex,
  type Hex,
  type Origin,
  TRANSACTION_GAS_CAP,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import { initCodeOf, OP } from "../../executor/machine/bytecode.fixture.ts";
import { account } from "./anvil.ts";
import { LOW } from "./disputes.ts";
import { everyKind, everyKindInput } from "./every-kind.ts";
import { publishOn } from "./publish.ts";
import { l2Account, type Stage, telemetry } from "./stage.ts";
import { ANSWERING, createSigner, tourTransactions } from "./tour-transactions.ts";

/** A chain on which every kind of unit is derived, and every kind of step taken: brought to L1 as a sequencer would. */

const SEQUENCER = 1;
const USER = 3;
/** Of L2: who sends, who delegates. */
const [SENDER, DELEGATOR] = [0, 1];

/** What takes most of a block's budget, in one step. */
const burning = (gas: bigint) => ({ data: Uint8Array.of(OP.invalid), gas });

const garbage = (size: number): Bytes => new Uint8Array(size).fill(0xee);
const item = (body: Bytes): Bytes => concat(uintBE(body.length, 4), body);

/** Trees that hold as many units as L1 counts for the tour's records, at most, and the steps of each. */
export const TOUR_CLAIMS = { ...LOW, heights: [15, 12, 18, 29], period: 190n } as const;

export type TourOptions = {
  /** Whether some of it is in blobs: for the first one L1 makes ready for seconds. */
  readonly inBlobs: boolean;
  /** Seconds after which a message can be forced. */
  readonly forceDelay: number;
};

/** Brings all of it to a stage's L1, which mines when a transaction arrives. */
export const takeTour = async (stage: Stage, { inBlobs, forceDelay }: TourOptions): Promise<void> => {
  const { anvil, deployment } = stage;
  const { batchInbox: inbox, portal } = deployment.contracts;
  const { client } = anvil;
  const ends: (() => Promise<void>)[] = [];
  const senderOf = (index: number) => {
    const transactor = createTransactor({ ...telemetry(), client, account: account(index) });
    ends.push(() => transactor.stop());
    return async (call: L1Call): Promise<void> => {
      const sent = transactor.send(call);
      let isDone = false;
      void sent
        .finally(() => {
          isDone = true;
        })
        .catch(() => undefined);
      while (!isDone) await transactor.tick();
      assert.equal((await sent).status, "success");
    };
  };
  const [asSequencer, asUser] = [senderOf(SEQUENCER), senderOf(USER)];

  const signer = createSigner(l2Account(SENDER), { chainId: Number(DEVNET_PARAMETERS.chainId) });
  const sender = l2Account(SENDER).address;

  type Data = (time: bigint) => Bytes | Promise<Bytes>;
  /** Appends a batch that takes all messages so far; `dataOf` is given the origin's time. Answers the origin, L1's head. */
  const post = async (dataOf: Data, medium: "calldata" | "blobs" = "calldata", origin?: Origin): Promise<Origin> => {
    const { number, timestamp } = origin ?? (await client.getBlock());
    const { recordCount, messageCount } = await readInbox(client, inbox);
    const place = {
      index: recordCount,
      origin: { number, timestamp },
      delayedEnd: messageCount,
      delayedAccumulator: await client.readContract({
        address: inbox,
        abi: batchInbox.abi,
        functionName: "accumulatorAt",
        args: [messageCount],
      }),
    };
    const data = await dataOf(timestamp);
    await asSequencer(
      medium === "calldata"
        ? appendCall(inbox, { ...place, data })
        : appendBlobsCall(inbox, { ...place, blobs: await Promise.all(encodeBlobs(data).map(commitBlob)) }),
    );
    return place.origin;
  };

  const { id, artifact } = everyKind();
  await publishOn(stage, { id, artifact, name: "called@1.0" });
  await asUser(
    depositCall(portal, {
      to: l2Account(7).address.toLowerCase() as Hex,
      mint: 10n ** 18n,
      value: 5n,
      gas: 100_000n,
      data: new Uint8Array(0),
    }),
  );
  await asUser(depositCall(portal, { to: undefined, mint: 0n, value: 0n, gas: 200_000n, data: initCodeOf(ANSWERING) }));
  const raw = await sign({ from: 2, nonce: 0, to: l2Account(7).address, value: 3n, gas: 30_000n });
  await asUser(enqueueCall(inbox, raw, 30_000n));

  await post(async (timestamp) => {
    const envelopes = [...(await tourTransactions(signer, l2Account(DELEGATOR)))];
    envelopes.push(await signer.make({ to: ADDRESS.infer, data: concat(fromHex(id), everyKindInput(1)) }));
    // No transaction, and one whose nonce is not the sender's next.
    envelopes.push(garbage(70), await sign({ from: 4, nonce: 5, to: sender }));
    return encodeBatch([{ timestamp, envelopes }]);
  });

  if (inBlobs)
    await post(async (timestamp) => {
      // Behind the transaction is one that is too long to be read.
      const envelopes = [await signer.make({ to: toHex(uintBE(77, 20)), data: garbage(40) }), garbage(100_000)];
      return encodeBatch([{ timestamp, envelopes }]);
    }, "blobs");
  // What belongs to no block.
  await post(() => item(garbage(20)));

  // Blocks until the budget is used up, with something behind.
  await anvil.warp(60);
  const spent = await post(async (timestamp) => {
    const { blockGasLimit, budget } = DEVNET_PARAMETERS;
    const blocks: { timestamp: bigint; envelopes: Bytes[] }[] = [];
    let left = budget.cap - budget.block;
    for (; left > budget.block + budget.refusal; left -= budget.block) {
      const envelopes: Bytes[] = [];
      const limit = left < blockGasLimit ? left - budget.refusal / 2n : blockGasLimit;
      for (let gas = limit; gas > 100_000n; gas -= TRANSACTION_GAS_CAP) {
        const burnt = gas < TRANSACTION_GAS_CAP ? gas : TRANSACTION_GAS_CAP;
        envelopes.push(await signer.make(burning(burnt)));
        left -= burnt;
      }
      blocks.push({ timestamp, envelopes });
    }
    blocks.at(-1)?.envelopes.push(garbage(30));
    return encodeBatch(blocks);
  });
  // At the same time there is none for another.
  await post((timestamp) => encodeBatch([{ timestamp, envelopes: [] }]), "calldata", spent);

  await asUser(enqueueCall(inbox, await sign({ from: 2, nonce: 1, to: sender, value: 1n, gas: 30_000n }), 30_000n));
  await anvil.warp(forceDelay + 1);
  const { recordCount, messageCount } = await readInbox(client, inbox);
  await asUser(forceCall(inbox, recordCount, messageCount));
  for (const end of ends) await end();
};
