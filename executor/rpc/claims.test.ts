import assert from "node:assert/strict";
import { after, test } from "node:test";
import { AT, buildBlock, openChain, sign, telemetry } from "../chain/chain.fixture.ts";
import { fromHex, type Hex, toHex } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import type { ClaimId, StateHash } from "../foundation/ids.ts";
import { keccak256 } from "../foundation/keccak.ts";
import type { Block } from "../protocol/block.ts";
import { outputRootOf } from "../protocol/chain-state.ts";
import type { Backend, Claim, Claims, ClaimsErrorCode, TransactionPool } from "./backend.ts";
import { createRpcServer } from "./server/server.ts";

/** Four blocks of one transaction each, on L1 blocks 7, 8, 9 and 10; three are derived, two of them final. */
const chain = await openChain();
const blocks: Block[] = [];
for (let i = 0; i < 4; i++) {
  const origin = { number: 7n + BigInt(i), timestamp: AT.timestamp + 12n * BigInt(i) };
  const envelope = await sign({ nonce: i, to: `0x${"77".repeat(20)}`, value: 1n });
  const { block } = await buildBlock(chain, [envelope], { timestamp: origin.timestamp, origin });
  blocks.push(block);
}
await chain.setSafe(3n, { batch: 3n, cursor: 0, delayed: 0n });
await chain.setFinalized(2n);
const hashOf = (number: number): Hex => blocks[number - 1]?.transactions[0]?.hash as Hex;
const rootOf = (number: number): Hex => {
  const block = blocks[number - 1];
  assert.ok(block);
  return toHex(outputRootOf(fromHex(block.header.stateRoot), fromHex(block.hash)));
};

const at = (l1Block: bigint): number => Number(AT.timestamp + 12n * (l1Block - 7n));
const records = [0n, 1n, 2n].map((i) => ({
  origin: { number: 7n + i, timestamp: BigInt(at(7n + i)) },
  l1Block: 9n + i,
}));
const l1 = {
  head: { number: 11n, hash: toHex(keccak256(Uint8Array.of(1))), timestamp: BigInt(at(11n)) },
  finalized: 10n,
  recordCount: 3n,
  record: (index: bigint) => records[Number(index)],
  depositOf: () => undefined,
};

const GENESIS = `0x${"00".repeat(31)}99` as ClaimId;
const claimOn = (number: number, outputRoot: Hex, change: Partial<Claim> = {}): Claim => ({
  id: toHex(keccak256(fromHex(outputRoot))) as ClaimId,
  parent: GENESIS,
  state: "open",
  endState: `0x${"ee".repeat(32)}` as StateHash,
  outputRoot,
  blockNumber: BigInt(number),
  limitBatch: 1n,
  madeAt: 10n,
  createdAt: BigInt(at(10n)),
  confirmedAt: undefined,
  staker: `0x${"55".repeat(20)}`,
  stake: 5n,
  timer: 1n,
  isRunning: true,
  ...change,
});
const genesis = claimOn(0, `0x${"01".repeat(32)}`, { id: GENESIS, parent: undefined, state: "confirmed", madeAt: 5n });

/** L1 with these claims, oldest first, and a period of 20 blocks. */
const claimsOf = (...listed: readonly Claim[]): Claims => ({
  claim: async (id) => [genesis, ...listed].find((claim) => claim.id === id),
  newest: async (limit) => listed.toReversed().slice(0, limit),
  covering: async (block, isRight) => listed.find((claim) => claim.blockNumber >= block && isRight(claim)),
  parameters: async () => ({
    period: 20n,
    spacing: 3n,
    bond: 5n,
    proofMaturityDelay: 1n,
    finalityDelay: 2n,
    pauseDuration: 3n,
    guardian: `0x${"66".repeat(20)}`,
    pausedUntil: 4n,
  }),
});

type Answer = {
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly data?: { readonly code?: string } };
};
const serve = async (parts: Partial<Backend>) => {
  const backend = { chain, identity: { clientVersion: "assay/test" }, ...parts };
  const server = await createRpcServer({ backend, ...telemetry() }, { port: 0 });
  after(() => server.stop());
  const call = async (method: string, ...params: unknown[]): Promise<Answer> => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const headers = { "content-type": "application/json" };
    return (await fetch(server.url, { method: "POST", body, headers })).json() as Promise<Answer>;
  };
  return {
    call,
    codeOf: async (method: string, ...params: unknown[]) => (await call(method, ...params)).error?.data?.code,
    /** State, next state and its time, and the claim of a block's transaction. */
    async progress(number: number) {
      const { result } = await call("rollup_transactionStatus", hashOf(number));
      assert.ok(result);
      assert.deepEqual([result["blockNumber"], result["blockHash"]], [number, blocks[number - 1]?.hash]);
      return [result["state"], result["next"], result["nextExpectedAt"], result["claimId"]];
    },
  };
};

test("a transaction is unsafe, safe, finalized, claimed, confirmed; the next is expected as it last went", async () => {
  const none = await serve({ l1, claims: claimsOf() });
  assert.deepEqual(await none.progress(4), ["unsafe", "safe", at(12n), null], "two blocks after its origin");
  assert.deepEqual(
    await none.progress(3),
    ["safe", "finalized", at(12n), null],
    "posted in 11; one above is not final",
  );
  assert.deepEqual(await none.progress(2), ["finalized", "claimed", null, null], "nothing was ever claimed");

  const claim = claimOn(1, rootOf(1));
  const claimed = await serve({ l1, claims: claimsOf(claim) });
  assert.deepEqual(await claimed.progress(1), ["claimed", "confirmed", at(11n + 19n), claim.id]);
  assert.deepEqual(await claimed.progress(2), ["finalized", "claimed", at(15n), null], "five blocks after the last");
  const halted = await serve({ l1, claims: claimsOf({ ...claim, isRunning: false }) });
  assert.deepEqual(await halted.progress(1), ["claimed", "confirmed", null, claim.id]);
  const confirmed = await serve({ l1, claims: claimsOf({ ...claim, state: "confirmed", isRunning: false }) });
  assert.deepEqual(await confirmed.progress(1), ["confirmed", null, null, claim.id]);

  // A claim may come before L1's finality; one that is wrong, or ahead of the node, is none.
  const early = claimOn(3, rootOf(3));
  assert.deepEqual((await (await serve({ l1, claims: claimsOf(early) })).progress(3)).slice(0, 2), [
    "claimed",
    "confirmed",
  ]);
  for (const other of [claimOn(3, rootOf(2)), claimOn(4, rootOf(4))])
    assert.equal((await (await serve({ l1, claims: claimsOf(other) })).progress(3))[0], "safe");
});

test("a node without L1's contracts tells what it derived; one without L1 at all knows no times", async () => {
  const blind = await serve({});
  assert.deepEqual(await blind.progress(4), ["unsafe", "safe", null, null]);
  assert.deepEqual(await blind.progress(3), ["safe", "finalized", null, null]);
  assert.deepEqual(await blind.progress(1), ["finalized", "claimed", null, null]);
  for (const [method, ...params] of [
    ["rollup_claim", GENESIS],
    ["rollup_claims"],
    ["rollup_claimAtBlock", 1],
    ["rollup_settlementParameters"],
  ] as const)
    assert.equal(await blind.codeOf(method, ...params), "CLAIMS_UNKNOWN", method);
});

test("a transaction that no block has, and claims that L1 does not tell, have codes", async () => {
  const waiting: Hex = `0x${"12".repeat(32)}`;
  const pool = {
    get: (hash: Hex) => (hash === waiting ? {} : undefined),
    onPending: () => () => undefined,
  } as unknown as TransactionPool;
  const failing = async () => {
    throw new CodedError<ClaimsErrorCode>("CLAIMS_UNREACHABLE", "no L1");
  };
  const claims: Claims = { claim: failing, newest: failing, covering: failing, parameters: failing };
  const { call, codeOf, progress } = await serve({ l1, pool, claims });
  assert.equal(await codeOf("rollup_transactionStatus", waiting), "TRANSACTION_PENDING");
  assert.equal(await codeOf("rollup_transactionStatus", GENESIS), "TRANSACTION_UNKNOWN");
  assert.equal(await codeOf("rollup_transactionStatus", hashOf(1)), "CLAIMS_UNREACHABLE");
  assert.equal((await progress(4))[0], "unsafe", "no claim is asked for what is not derived");
  assert.equal(await codeOf("rollup_claims", {}), "CLAIMS_UNREACHABLE");
  for (const params of [[], ["0x12"], [hashOf(1), 1]])
    assert.equal((await call("rollup_transactionStatus", ...params)).error?.code, -32602);
});

test("a claim is told with its parent, end, stake, time, and whether this node derived the same", async () => {
  const right = claimOn(2, rootOf(2));
  const wrong = claimOn(3, rootOf(2), { id: `0x${"02".repeat(32)}` as ClaimId, parent: right.id, isRunning: false });
  const inside = claimOn(3, rootOf(3), { id: `0x${"03".repeat(32)}` as ClaimId, outputRoot: undefined });
  const { call } = await serve({ l1, claims: claimsOf(right, wrong, inside) });
  const { result } = await call("rollup_claim", right.id);
  assert.deepEqual(result, {
    id: right.id,
    parent: GENESIS,
    status: "open",
    isRight: true,
    blockNumber: 2,
    outputRoot: rootOf(2),
    endState: right.endState,
    limitBatch: 1,
    l1Block: 10,
    createdAt: at(10n),
    confirmedAt: null,
    staker: right.staker,
    stake: "0x5",
    timer: 1,
    isRunning: true,
    period: 20,
    expectedConfirmation: at(30n),
  });
  const listed = (await call("rollup_claims", { limit: 2 })).result as unknown as readonly Record<string, unknown>[];
  assert.deepEqual(
    listed.map(({ id, isRight, expectedConfirmation }) => [id, isRight, expectedConfirmation]),
    [
      [inside.id, null, at(30n)],
      [wrong.id, false, null],
    ],
  );
  assert.equal((await call("rollup_claimAtBlock", "0x1")).result?.["id"], right.id);
  assert.equal((await call("rollup_claimAtBlock", 3)).result, null);
  assert.equal((await call("rollup_claim", hashOf(1))).result, null);
  assert.equal((await call("rollup_claims", { limit: 51 })).error?.code, -32602);
  const { result: parameters } = await call("rollup_settlementParameters");
  assert.deepEqual(
    [parameters?.["challengePeriod"], parameters?.["bond"], parameters?.["finalityDelay"]],
    [20, "0x5", 2],
  );
});
