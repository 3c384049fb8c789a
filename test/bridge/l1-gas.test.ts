import assert from "node:assert/strict";
import { test } from "node:test";
import { type Hex, parseEther, parseTransaction } from "viem";
import { createTransactor, gasLimitOf, L1_GAS_CAP } from "../../bridge/index.ts";
import { hasCode } from "../../executor/index.ts";
import { account, startAnvil } from "../support/anvil.ts";
import { hooked } from "../support/hooked-client.ts";
import { startSender, telemetry } from "../support/l2-node.ts";

const OPERATOR = 3;
const SINK: Hex = "0x00000000000000000000000000000000000051ce";
/** Spins until its gas is gone down to a sixteenth of a million. */
const SPINNER: Hex = "0x0000000000000000000000000000000000000a12";
/** JUMPDEST, GAS, PUSH3, LT, PUSH0, JUMPI: as long as more gas is left than that. */
const _spinning = (left: number): Hex => `0x5b5a62${left.toString(16).padStart(6, "0")}105f57`;

const senderThrough = (
  l1: Awaited<ReturnType<typeof startAnvil>>,
  answer: Parameters<typeof hooked>[1],
  options: Parameters<typeof createTransactor>[1] = {},
) => createTransactor({ ...telemetry(), client: hooked(l1, answer), account: account(OPERATOR) }, options);

test("the limit is half more than what L1 estimates, never above what a transaction may have but by L1's own word", () => {
  assert.equal(gasLimitOf(21_000n), 31_500n);
  assert.equal(gasLimitOf(L1_GAS_CAP - 1n), L1_GAS_CAP);
  assert.equal(gasLimitOf(12_000_000n), L1_GAS_CAP);
  assert.equal(gasLimitOf(20_000_000n), 20_000_000n);
});

test("what L1 will not take is told by code before it is sent, and holds nothing up", async (t) => {
  const l1 = await startAnvil(t, "--hardfork", "osaka", "--enable-tx-gas-limit");
  await l1.manual();
  await l1.control.setCode({ address: SPINNER, bytecode: "0x5b5f56" });
  const { transactor } = startSender(l1, OPERATOR);
  const refused = (code: string, sent: Promise<unknown>) => assert.rejects(sent, (error) => hasCode(error, code));
  const outcomes = [
    refused("L1_SIZE", transactor.send({ to: SINK, data: `0x${"01".repeat(131_000)}` })),
    refused("L1_GAS_CAP", transactor.send({ to: SPINNER, data: "0x" })),
  ];
  const after = transactor.send({ to: SINK, data: "0x", value: 1n });
  await transactor.tick();
  await Promise.all(outcomes);
  assert.equal((await l1.mempool()).length, 1);
  await l1.mine();
  await transactor.tick();
  const { transactionHash: hash } = await after;
  const { gas, nonce } = await l1.client.getTransaction({ hash });
  assert.deepEqual([gas, nonce], [31_500n, 0]);
});

test("a limit that L1 estimates and then does not take is told, and its nonce is the next call's", async (t) => {
  const l1 = await startAnvil(t);
  await l1.manual();
  const transactor = senderThrough(l1, async (method, params, ask) => {
    if (method !== "eth_sendRawTransaction") return ask();
    const { gas = 0n } = parseTransaction((params as [Hex])[0] as `0x02${string}`);
    // As geth says it.
    return gas > L1_GAS_CAP
      ? { error: { code: -32_000, message: `transaction gas limit too high (cap: ${L1_GAS_CAP}, tx: ${gas})` } }
      : ask();
  });
  const large = { to: SINK, data: "0x", estimate: async () => 20_000_000n } as const;
  const refused = assert.rejects(transactor.send(large), (error) => hasCode(error, "L1_GAS_CAP"));
  const after = transactor.send({ to: SINK, data: "0x", value: 1n });
  await transactor.tick();
  await refused;
  await l1.mine();
  await transactor.tick();
  const { transactionHash: hash } = await after;
  assert.equal((await l1.client.getTransaction({ hash })).nonce, 0);
  await transactor.stop();
});

test("a limit that L1's fork made too low is raised, and the same call mined", async (t) => {
  const l1 = await startAnvil(t);
  await l1.manual();
  const limits: bigint[] = [];
  const transactor = senderThrough(l1, async (method, params, ask) => {
    if (method !== "eth_sendRawTransaction") return ask();
    const { gas = 0n } = parseTransaction((params as [Hex])[0] as `0x02${string}`);
    limits.push(gas);
    const minimum = 100_000n;
    if (gas >= minimum) return ask();
    // As geth says it.
    const message = `insufficient gas for floor data gas cost: gas ${gas}, minimum needed ${minimum}`;
    return { error: { code: -32_000, message } };
  });
  const sent = transactor.send({ to: SINK, data: "0x01", value: 5n });
  for (let i = 0; i < 8 && transactor.pending > 0; i++) {
    await transactor.tick();
    await l1.mine();
  }
  assert.equal((await sent).status, "success");
  assert.equal(await l1.client.getBalance({ address: SINK }), 5n);
  assert.ok(limits.every((limit, i) => limit > (limits[i - 1] ?? 0n)) && limits.length > 1, `${limits}`);
  await transactor.stop();
});

test("an estimate that L1 cannot give now is asked for again; one that it refuses for the input's price has a code", async (t) => {
  const l1 = await startAnvil(t);
  await l1.manual();
  let answer: { code: number; message: string } | undefined = { code: -32_000, message: "header not found" };
  const transactor = senderThrough(l1, async (method, _params, ask) =>
    method === "eth_estimateGas" && answer !== undefined ? { error: answer } : ask(),
  );
  const sent = transactor.send({ to: SINK, data: "0x", value: 1n });
  await assert.rejects(transactor.tick());
  assert.equal(transactor.pending, 1);
  answer = undefined;
  await transactor.tick();
  await l1.mine();
  await transactor.tick();
  assert.equal((await sent).status, "success");
  answer = { code: -32_000, message: "insufficient gas for floor data gas cost: gas 21000, minimum needed 40000" };
  const refused = assert.rejects(transactor.send({ to: SINK, data: "0x" }), (error) => hasCode(error, "L1_GAS_FLOOR"));
  await transactor.tick();
  await refused;
  await transactor.stop();
});

test("a call whose value the account lacks by its estimate waits for it, or is told at once", async (t) => {
  const l1 = await startAnvil(t);
  await l1.manual();
  let isPoor = true;
  // As geth says it; anvil estimates what cannot be paid.
  const answer: Parameters<typeof hooked>[1] = async (method, _params, ask) =>
    method === "eth_estimateGas" && isPoor
      ? { error: { code: -32_000, message: "insufficient funds for transfer" } }
      : ask();
  const call = { to: SINK, data: "0x", value: parseEther("2") } as const;
  const patient = senderThrough(l1, answer);
  const sent = patient.send(call);
  await patient.tick();
  assert.equal(patient.pending, 1);
  isPoor = false;
  await patient.tick();
  await l1.mine();
  await patient.tick();
  assert.equal((await sent).status, "success");
  isPoor = true;
  const hasty = senderThrough(l1, answer, { awaitFunds: false });
  const refused = assert.rejects(hasty.send(call), (error) => hasCode(error, "L1_FUNDS"));
  await hasty.tick();
  await refused;
  assert.equal(hasty.pending, 0);
  await Promise.all([patient.stop(), hasty.stop()]);
});
