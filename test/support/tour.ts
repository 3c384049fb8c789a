import assert from "node:assert/strict";
import { getContractAddress } from "viem";
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
import { authorize, sign } from "../../executor/chain/chain.fixture.ts";
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
  TRANSACTION_GAS_CAP,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import { assemble, callOf, type Item, initCodeOf, OP, op } from "../../executor/machine/bytecode.fixture.ts";
import { account } from "./anvil.ts";
import { LOW } from "./disputes.ts";
import { everyKind, everyKindInput } from "./every-kind.ts";
import { publishOn } from "./publish.ts";
import { l2Account, type Stage, telemetry } from "./stage.ts";

/** A chain on which every kind of unit is derived, and every kind of step taken: brought to L1 as a sequencer would. */

const SEQUENCER = 1;
const USER = 3;
/** Of L2: who sends, who delegates. */
const [SENDER, DELEGATOR] = [0, 1];

const popped = (code: Bytes): Bytes => assemble(code, OP.pop);
const times = <Value>(count: number, make: (i: number) => Value): Value[] =>
  Array.from({ length: count }, (_, i) => make(i));

/** Called with anything: writes a slot, answers a word. */
const ANSWERING = assemble(op(OP.sstore, 0n, 7n), op(OP.mstore, 0n, 42n), op(OP.return, 0n, 32n));
/** Fails whatever it is asked. */
const FAILING = assemble(OP.invalid);
/** Ends itself for its caller. */
const ENDING = op(OP.selfdestruct, OP.caller);

const THREE = new Set([0x08, 0x09]);
const ONE = new Set([0x15, 0x19, 0x1e]);
const arithmetic = concat(
  ...[...times(11, (i) => 0x01 + i), ...times(15, (i) => 0x10 + i)].map((opcode) =>
    popped(
      op(opcode, ...([3n, 2n ** 255n + 77n, 5n].slice(0, ONE.has(opcode) ? 1 : THREE.has(opcode) ? 3 : 2) as Item[])),
    ),
  ),
);

const environment = (about: bigint): Bytes =>
  concat(
    ...[0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3a, 0x3d, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x4a, 0x58]
      .concat(0x59, 0x5a)
      .map((opcode) => popped(assemble(opcode))),
    ...[0x31, 0x3b, 0x3f].map((opcode) => popped(op(opcode, about))),
    ...[0x35, 0x40, 0x49].map((opcode) => popped(op(opcode, 1n))),
  );

const memory = (about: bigint): Bytes =>
  concat(
    op(OP.mstore, 3n, 2n ** 200n),
    op(OP.mstore8, 40n, 5n),
    popped(op(OP.mload, 9n)),
    op(OP.calldatacopy, 64n, 0n, 33n),
    op(OP.codecopy, 96n, 1n, 70n),
    op(OP.extcodecopy, about, 200n, 0n, 33n),
    op(OP.mcopy, 20n, 3n, 50n),
    popped(op(OP.keccak256, 3n, 150n)),
    ...times(5, (topics) => op(OP.log0 + topics, 1n, 40n, ...times(topics, (i) => BigInt(i)))),
  );

const storage = concat(
  op(OP.sstore, 1n, 5n),
  popped(op(OP.sload, 1n)),
  op(OP.sstore, 1n, 0n),
  op(OP.tstore, 2n, 9n),
  popped(op(OP.tload, 2n)),
);

/** DUPs and SWAPs, and both ways of a JUMPI. */
const control = ((): Bytes => {
  const words = assemble(...times(17, (i) => BigInt(i)), ...times(16, (i) => 0x80 + i), ...times(16, (i) => 0x90 + i));
  const head = assemble(words, op(OP.jumpi, 0xffffn, 0n));
  const far = (at: number): Bytes => concat(Uint8Array.of(0x61), uintBE(at, 2));
  const jump = concat(far(head.length + 5), Uint8Array.of(OP.jump, OP.invalid), Uint8Array.of(OP.jumpdest));
  const behind = head.length + jump.length;
  return concat(head, jump, op(OP.jumpi, far(behind + 7), 1n), Uint8Array.of(OP.invalid, OP.jumpdest));
})();

/** Ethereum's: a word of input is enough to take the step, be it a failing one. */
const PRECOMPILES = [...times(17, (i) => BigInt(1 + i)), 0x100n];

const calls = (answering: bigint, failing: bigint): Bytes =>
  concat(
    ...[OP.call, OP.callcode].map((opcode) =>
      popped(callOf(opcode, { to: answering, value: 1n, input: [0n, 4n], output: [0n, 64n] })),
    ),
    ...[OP.delegatecall, OP.staticcall].map((opcode) => popped(callOf(opcode, { to: answering, gas: 50_000n }))),
    popped(callOf(OP.call, { to: answering })),
    op(OP.returndatacopy, 0n, 0n, 32n),
    popped(callOf(OP.call, { to: failing, gas: 500n })),
    ...PRECOMPILES.map((to) =>
      popped(callOf(OP.staticcall, { to, gas: 60_000n, input: [0n, 32n], output: [0n, 32n] })),
    ),
  );

/** Makes an account that writes while it is made, and one that ends in the same transaction. */
const creations = (): Bytes => {
  const writing = assemble(op(OP.sstore, 3n, 4n), initCodeOf(ENDING));
  const head = (at: bigint) =>
    assemble(
      op(OP.codecopy, 0n, concat(Uint8Array.of(0x61), uintBE(at, 2)), BigInt(writing.length)),
      popped(op(OP.create2, 0n, 0n, BigInt(writing.length), 5n)),
      popped(callOf(OP.call, { to: op(OP.create, 0n, 0n, BigInt(writing.length)) })),
      OP.stop,
    );
  return concat(head(BigInt(head(0n).length)), writing);
};

type Making = { readonly to?: Hex; readonly data?: Bytes; readonly gas?: bigint; readonly value?: bigint };

/** What takes most of a block's budget, in one step. */
const burning = (gas: bigint): Making => ({ data: assemble(OP.invalid), gas });

const garbage = (size: number): Bytes => new Uint8Array(size).fill(0xee);
const item = (body: Bytes): Bytes => concat(uintBE(body.length, 4), body);

/** Trees that hold the tour's units and steps. */
export const TOUR_CLAIMS = { ...LOW, heights: [7, 12, 16, 26], period: 150n } as const;

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

  let nonce = 0;
  const transaction = (making: Making): Promise<Bytes> =>
    sign({
      from: SENDER,
      nonce: nonce++,
      ...(making.to === undefined ? {} : { to: making.to }),
      data: toHex(making.data ?? new Uint8Array(0)),
      gas: making.gas ?? 3_000_000n,
      value: making.value ?? 0n,
    });
  const sender = l2Account(SENDER).address;
  const made = (): Hex => getContractAddress({ from: sender, nonce: BigInt(nonce - 1) }).toLowerCase() as Hex;

  /** Appends a batch that takes all messages so far; `dataOf` is given the origin's time. */
  const post = async (dataOf: (time: bigint) => Bytes | Promise<Bytes>, medium: "calldata" | "blobs" = "calldata") => {
    const { number, timestamp } = await client.getBlock();
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
    const answers = await transaction({ data: initCodeOf(ANSWERING) });
    const answering = BigInt(made());
    const fails = await transaction({ data: initCodeOf(FAILING) });
    const failing = BigInt(made());
    const list = [{ address: toHex(uintBE(answering, 20)), storageKeys: [toHex(uintBE(0, 32))] }];
    const listing = await l2Account(SENDER).signTransaction({
      type: "eip2930",
      chainId: Number(DEVNET_PARAMETERS.chainId),
      nonce: nonce++,
      gas: 200_000n,
      gasPrice: 10n ** 10n,
      to: toHex(uintBE(answering, 20)),
      accessList: list,
    });
    const authorizationList = [
      await authorize(DELEGATOR, { address: toHex(uintBE(answering, 20)), nonce: 0 }),
      await authorize(DELEGATOR, { address: toHex(uintBE(answering, 20)), nonce: 9 }),
    ];
    const delegating = await sign({
      ...{ from: SENDER, nonce: nonce++, to: l2Account(DELEGATOR).address, gas: 400_000n, authorizationList },
    });
    const envelopes = [answers, fails, fromHex(listing), delegating];
    for (const making of [
      { data: arithmetic },
      { data: environment(answering) },
      { data: memory(answering) },
      { data: storage },
      { data: control },
      { data: calls(answering, failing), value: 10n },
      { data: creations() },
      { data: op(OP.revert, 0n, 40n) },
      { to: toHex(uintBE(answering, 20)), data: garbage(100) },
      { to: ADDRESS.infer, data: concat(fromHex(id), everyKindInput(1)) },
    ])
      envelopes.push(await transaction(making));
    // No transaction, and one whose nonce is not the sender's next.
    envelopes.push(garbage(70), await sign({ from: 4, nonce: 5, to: sender }));
    return encodeBatch([{ timestamp, envelopes }]);
  });

  if (inBlobs)
    await post(async (timestamp) => {
      // Behind the transaction is one that is too long to be read.
      const envelopes = [await transaction({ to: toHex(uintBE(77, 20)), data: garbage(40) }), garbage(100_000)];
      return encodeBatch([{ timestamp, envelopes }]);
    }, "blobs");
  // What belongs to no block.
  await post(() => item(garbage(20)));

  // Blocks until the budget is used up, with something behind.
  await anvil.warp(60);
  await post(async (timestamp) => {
    const { blockGasLimit, budget } = DEVNET_PARAMETERS;
    const blocks: { timestamp: bigint; envelopes: Bytes[] }[] = [];
    let left = budget.cap - budget.block;
    for (; left > budget.block + budget.refusal; left -= budget.block) {
      const envelopes: Bytes[] = [];
      const limit = left < blockGasLimit ? left - budget.refusal / 2n : blockGasLimit;
      for (let gas = limit; gas > 100_000n; gas -= TRANSACTION_GAS_CAP) {
        const burnt = gas < TRANSACTION_GAS_CAP ? gas : TRANSACTION_GAS_CAP;
        envelopes.push(await transaction(burning(burnt)));
        left -= burnt;
      }
      blocks.push({ timestamp, envelopes });
    }
    blocks.at(-1)?.envelopes.push(garbage(30));
    return encodeBatch([...blocks, { timestamp, envelopes: [] }]);
  });

  await asUser(enqueueCall(inbox, await sign({ from: 2, nonce: 1, to: sender, value: 1n, gas: 30_000n }), 30_000n));
  await anvil.warp(forceDelay + 1);
  const { recordCount, messageCount } = await readInbox(client, inbox);
  await asUser(forceCall(inbox, recordCount, messageCount));
  for (const end of ends) await end();
};
