import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createPublicClient,
  custom,
  decodeFunctionData,
  encodeErrorResult,
  type PublicClient,
  RpcRequestError,
  type Hex as ViemHex,
} from "viem";
import { claimRegistry } from "../bridge/index.ts";
import type { ClaimId } from "../executor/index.ts";
import { encodeCall } from "./game/moves.ts";
import type { Move } from "./game/solver.ts";
import { createAttempts, NO_FUNDS } from "./sending.ts";

const { abi } = claimRegistry;
const STAKES = [1n, 1n, 1n] as const;
const move = (seed: number): Move => ({
  rule: "collect",
  call: { type: "forfeit", claim: `0x${seed.toString(16).padStart(64, "0")}` as ClaimId },
});
const moves = (count: number) => Array.from({ length: count }, (_, i) => move(i + 1));

type Answer = bigint | { readonly code: number; readonly message: string; readonly data?: ViemHex };
/** An L1 that says of the calls in a multicall what it estimates. */
const l1 = (estimate: (calls: readonly ViemHex[]) => Answer) => {
  let asked = 0;
  const client = createPublicClient({
    transport: custom(
      {
        async request({ method, params }) {
          assert.equal(method, "eth_estimateGas");
          asked++;
          const [{ data }] = params as [{ readonly data: ViemHex }];
          const { args } = decodeFunctionData({ abi, data });
          const answer = estimate((args as readonly [readonly ViemHex[]])[0]);
          if (typeof answer === "bigint") return `0x${answer.toString(16)}`;
          throw new RpcRequestError({ body: {}, url: "http://l1", error: answer });
        },
      },
      { retryCount: 0 },
    ),
  }) as PublicClient;
  const attempts = createAttempts(client, {
    registry: `0x${"11".repeat(20)}`,
    account: `0x${"22".repeat(20)}`,
    stakes: STAKES,
  });
  return { attempts, asked: () => asked };
};

const CAP = 2n ** 24n;
const EACH = 1_000_000n;
/** As geth says it. */
const overCap = { code: -32_000, message: `gas required exceeds allowance (${CAP})` };
const byCount = (calls: readonly ViemHex[]): Answer => {
  const gas = EACH * BigInt(calls.length);
  return gas > CAP ? overCap : gas;
};
const revert = (errorName: "NotRivalled"): Answer => ({
  code: 3,
  message: "execution reverted",
  data: encodeErrorResult({ abi, errorName }),
});

test("moves that together take more than one transaction may have go in parts, in order, and none is refused", async () => {
  const { attempts } = l1(byCount);
  let left: readonly Move[] = moves(60);
  const parts: number[] = [];
  while (left.length > 0) {
    const attempt = await attempts(left);
    assert.deepEqual(attempt.refusals, []);
    assert.ok(attempt.gas <= (CAP * 5n) / 6n, `${attempt.gas}`);
    assert.deepEqual(attempt.moves, left.slice(0, attempt.moves.length));
    parts.push(attempt.moves.length);
    left = left.slice(attempt.moves.length);
  }
  assert.ok(parts.length <= 8, `${parts}`);
});

test("a move that is refused is found among more than fit one transaction", async () => {
  const bad = encodeCall(move(11).call);
  const { attempts } = l1((calls) =>
    calls.includes(bad) && calls.length <= 16 ? revert("NotRivalled") : byCount(calls),
  );
  const first = await attempts(moves(40));
  assert.deepEqual(
    [...first.refusals.map(({ error }) => error), first.moves.length],
    first.refusals.length === 0 ? [first.moves.length] : ["NotRivalled", first.moves.length],
  );
  assert.ok(first.moves.length > 0 && first.moves.every(({ call }) => encodeCall(call) !== bad));
});

test("a move that alone is too large is refused by name; the others are sent", async () => {
  const large = encodeCall(move(2).call);
  const { attempts } = l1((calls) => (calls.includes(large) ? overCap : byCount(calls)));
  const attempt = await attempts(moves(3));
  const sent = attempt.moves.map(({ call }) => encodeCall(call));
  assert.ok(sent.length > 0 && !sent.includes(large));
  const alone = await attempts([move(2)]);
  assert.deepEqual([alone.moves.length, alone.refusals.map(({ error }) => error)], [0, ["GasCap"]]);
});

test("an L1 that cannot tell refuses nothing; one that has no ether to give is told apart", async () => {
  const lost = l1(() => ({ code: -32_000, message: "header not found" }));
  await assert.rejects(lost.attempts(moves(2)));
  assert.equal(lost.asked(), 1);
  const poor = l1(() => ({ code: -32_000, message: "insufficient funds for transfer" }));
  const { refusals } = await poor.attempts(moves(1));
  assert.deepEqual(
    refusals.map(({ error }) => error),
    [NO_FUNDS],
  );
});
