import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEther } from "viem";
import { account } from "../support/anvil.ts";
import { PERIOD } from "../support/claims.ts";
import { createExit } from "../support/exit.ts";

test("with the operator gone, what was deposited comes back: forced by anyone, claimed by anyone", async (t) => {
  const exit = await createExit(t);
  const { node, publicL1, publicL2 } = exit;
  const to = account(5).address;
  await exit.deposit(exit.addressOf(0), parseEther("3"));
  await exit.askBack(0, 1, { to, value: parseEther("2") });
  await node.follow();
  assert.equal(node.chain.head.header.number, 0n, "nobody takes what is queued");
  assert.equal((await exit.force()).status, "success");
  await node.follow();
  const recorded = exit.recorded();
  assert.equal(recorded.length, 0, "its nonce was too high");

  await exit.askBack(0, 0, { to, value: parseEther("2") });
  await exit.askBack(0, 1, { to, value: parseEther("2") });
  assert.equal((await exit.force()).status, "success");
  await node.follow();
  const [own, ...others] = exit.recorded();
  assert.ok(own);
  assert.equal(others.length, 0, "who has less cannot withdraw more");
  assert.equal(own.withdrawal.value, parseEther("2"));
  await assert.rejects(exit.prove(own), "there is no claim yet");

  await exit.mature(3n);
  assert.equal((await exit.prove(own)).status, "success");
  await assert.rejects(exit.finalize(own), "neither old enough nor confirmed");
  await exit.mature(PERIOD);
  const before = await publicL1.getBalance({ address: to });
  assert.equal((await exit.finalize(own)).status, "success");
  assert.equal(await publicL1.getBalance({ address: to }), before + parseEther("2"));
  await assert.rejects(exit.finalize(own), "once");
  assert.equal(await exit.portalBalance(), parseEther("1"));
  assert.equal(exit.supply(), parseEther("3"), "what was withdrawn stays with the message passer");
  assert.ok((await publicL2.getBalance({ address: exit.addressOf(0) })) < parseEther("1"));
});
