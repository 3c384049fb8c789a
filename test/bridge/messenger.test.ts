import assert from "node:assert/strict";
import { test } from "node:test";
import { type Abi, type Address, encodeFunctionData, type Hex, parseEther, parseEventLogs } from "viem";
import { batchInbox, l1CrossDomainMessenger, l1StandardBridge, portal } from "../../bridge/index.ts";
import { ADDRESS, fromHex, messagePasserPredeploy, messengerPredeploy } from "../../executor/index.ts";
import { compile } from "../support/solidity.ts";
import { createSettlement, type Settlement } from "../support/withdrawals.ts";

const MESSENGER: Abi = l1CrossDomainMessenger.abi as Abi;
const STRANGER = 7;

const METER = compile(
  "Meter",
  "contract Meter { uint256 public seen; fallback() external payable { seen = gasleft(); } }",
);
const BURNER = compile("Burner", "contract Burner { fallback() external payable { while (true) {} } }");
/** Fails until it is told which call to make when it gets a message. */
const NESTER = compile(
  "Nester",
  `contract Nester {
    address public target;
    bytes public inner;
    bool public done;
    uint256 public calls;
    function tell(address to, bytes calldata data) external { (target, inner) = (to, data); }
    fallback() external payable {
        require(target != address(0));
        ++calls;
        (done,) = target.call(inner);
    }
}`,
);

const deployOnL1 = async (s: Settlement, { abi, bytecode }: typeof METER) => {
  const hash = await s.walletL1.deployContract({ abi, bytecode });
  return (await s.publicL1.waitForTransactionReceipt({ hash })).contractAddress as Address;
};
const deployOnL2 = async (s: Settlement, { abi, bytecode }: typeof METER) => {
  const hash = await s.walletL2.deployContract({ abi, bytecode, gas: 1_000_000n });
  return (await s.publicL2.waitForTransactionReceipt({ hash })).contractAddress as Address;
};

type Message = { readonly target: Address; readonly data?: Hex; readonly minGas?: number; readonly value?: bigint };

const sending = ({ target, data = "0x", minGas = 100_000 }: Message) =>
  encodeFunctionData({ abi: MESSENGER, functionName: "sendMessage", args: [target, data, minGas] });

/** Sends to L2, where the deposit runs at once. Answers its status and the messenger's events. */
const toL2 = async (s: Settlement, message: Message) => {
  const to = s.contracts.l1CrossDomainMessenger;
  const hash = await s.walletL1.sendTransaction({
    to,
    data: sending(message),
    value: message.value ?? 0n,
    gas: 14_000_000n,
  });
  const { logs } = await s.publicL1.waitForTransactionReceipt({ hash });
  const [queued] = parseEventLogs({ abi: batchInbox.abi, logs, eventName: "MessageQueued" });
  assert.ok(queued);
  const { results } = await s.l2.deliver(fromHex(queued.args.envelope), queued.args.gas);
  const [result] = results;
  assert.ok(result?.included);
  const events = parseEventLogs({ abi: messengerPredeploy.abi, logs: result.receipt.logs as never });
  return { status: result.receipt.status, events: events.map(({ eventName }) => eventName as string) };
};

test("on L2 a target has its gas at every length of a message, and one that takes all of it is kept as failed", async (t) => {
  const s = await createSettlement(t);
  const meter = await deployOnL2(s, METER);
  const burner = await deployOnL2(s, BURNER);
  for (const length of [0, 40_000, 88_000])
    for (const minGas of [30_000, 1_000_000]) {
      const data: Hex = `0x${"ff".repeat(length)}`;
      const relayed = await toL2(s, { target: meter, data, minGas, value: 5n });
      assert.deepEqual(relayed, { status: 1, events: ["RelayedMessage"] });
      const seen = await s.publicL2.readContract({ address: meter, abi: METER.abi, functionName: "seen" });
      assert.ok((seen as bigint) >= minGas - 1_000, `${seen} of ${minGas}`);
      const kept = await toL2(s, { target: burner, data, minGas, value: 5n });
      assert.deepEqual(kept, { status: 1, events: ["FailedRelayedMessage"] });
    }
  assert.equal(await s.publicL2.getBalance({ address: ADDRESS.crossDomainMessenger }), 6n * 5n);
});

test("no message speaks as the messenger to those that trust it, on either chain", async (t) => {
  const s = await createSettlement(t);
  await s.deposit(parseEther("1"));
  const passing = encodeFunctionData({
    abi: messagePasserPredeploy.abi,
    functionName: "initiateWithdrawal",
    args: [s.address, 100_000n, "0x"],
  });
  const none = { status: 0, events: [] };
  assert.deepEqual(await toL2(s, { target: ADDRESS.messagePasser, data: passing }), none);
  assert.deepEqual(await toL2(s, { target: ADDRESS.crossDomainMessenger, data: sending({ target: s.address }) }), none);
  assert.equal((await toL2(s, { target: s.address })).status, 1);
  // The bridge hears the other bridge alone, not whoever sends it a message.
  const finalizing = encodeFunctionData({
    abi: l1StandardBridge.abi,
    functionName: "finalizeBridgeETH",
    args: [s.address, s.address, 5n, "0x"],
  });
  const kept = await toL2(s, { target: ADDRESS.standardBridge, data: finalizing, value: 5n });
  assert.deepEqual(kept, { status: 1, events: ["FailedRelayedMessage"] });

  const depositing = encodeFunctionData({
    abi: portal.abi,
    functionName: "depositTransaction",
    args: [s.address, 0n, 100_000n, false, "0x"],
  });
  const relaying = encodeFunctionData({
    abi: MESSENGER,
    functionName: "relayMessage",
    args: [1n << 240n, ADDRESS.standardBridge, s.address, 0n, 0n, "0x"],
  });
  const receipts = [];
  for (const { target, data, value = 0n } of [
    { target: s.contracts.portal, data: depositing },
    { target: s.contracts.l1CrossDomainMessenger, data: sending({ target: s.address }) },
    { target: s.address },
    { target: s.contracts.l1StandardBridge, data: finalizing, value: 5n },
  ] as readonly Message[]) {
    const hash = await s.walletL2.sendTransaction({
      to: ADDRESS.crossDomainMessenger,
      data: sending({ target, ...(data && { data }) }),
      value,
    });
    receipts.push(await s.publicL2.waitForTransactionReceipt({ hash }));
  }
  // What another account sends through the message passer is no message, whatever it says.
  receipts.push(await s.initiate({ to: s.contracts.l1CrossDomainMessenger, data: relaying, gas: 500_000n }));
  const by = { from: s.user, ...s.portal };
  const outcomes = [];
  for (const withdrawal of await s.mature(receipts)) {
    const { events } = await s.send(by, "finalizeWithdrawalTransaction", [withdrawal]);
    outcomes.push(events.find(({ eventName }) => eventName === "WithdrawalFinalized")?.args["success"]);
  }
  // The fourth was relayed: the bridge refused it.
  assert.deepEqual(outcomes, [false, false, true, true, false]);
  assert.equal(await s.publicL1.getBalance({ address: s.contracts.l1CrossDomainMessenger }), 5n);
});

test("a message within a message waits with its ether: it is kept, and tried again afterwards", async (t) => {
  const s = await createSettlement(t);
  await s.deposit(parseEther("1"));
  const [nester, meter] = [await deployOnL1(s, NESTER), await deployOnL1(s, METER)];
  const send = async (message: Message) => {
    const data = sending(message);
    const value = message.value ?? 0n;
    const hash = await s.walletL2.sendTransaction({ to: ADDRESS.crossDomainMessenger, data, value });
    const receipt = await s.publicL2.waitForTransactionReceipt({ hash });
    const [sent] = parseEventLogs({ abi: messengerPredeploy.abi, logs: receipt.logs, eventName: "SentMessage" });
    assert.ok(sent);
    const relay = [sent.args.messageNonce, s.address, message.target, value, 100_000n, message.data ?? "0x"] as const;
    return { receipt, relay };
  };
  const outer = await send({ target: nester, data: "0x01" });
  const inner = await send({ target: meter, value: 9n });
  const withdrawals = await s.mature([outer.receipt, inner.receipt]);
  const [first, second] = withdrawals as [(typeof withdrawals)[0], (typeof withdrawals)[0]];
  const { l1CrossDomainMessenger: messenger } = s.contracts;
  const by = { from: STRANGER, to: messenger, abi: MESSENGER };
  const names = (events: readonly { readonly eventName: string }[]) => events.map(({ eventName }) => eventName);
  await s.send({ from: s.user, ...s.portal }, "finalizeWithdrawalTransaction", [first]);
  const tell = (to: Address, data: Hex) => s.send({ from: STRANGER, to: nester, abi: NESTER.abi }, "tell", [to, data]);

  await tell(
    s.contracts.portal,
    encodeFunctionData({
      abi: portal.abi,
      functionName: "finalizeWithdrawalTransactionExternalProof",
      args: [second, s.address],
    }),
  );
  const hash = await s.l1.wallet(STRANGER).sendTransaction({
    to: messenger,
    data: encodeFunctionData({ abi: MESSENGER, functionName: "relayMessage", args: outer.relay }),
    gas: 3_000_000n,
  });
  const { logs, status } = await s.publicL1.waitForTransactionReceipt({ hash });
  assert.equal(status, "success");
  assert.deepEqual(names(parseEventLogs({ abi: [...portal.abi, ...l1CrossDomainMessenger.abi], logs })), [
    "FailedRelayedMessage",
    "WithdrawalFinalized",
    "RelayedMessage",
  ]);
  assert.equal(await s.read(nester, NESTER.abi, "done"), true);
  assert.equal(await s.publicL1.getBalance({ address: messenger }), 9n);
  await s.send(by, "relayMessage", inner.relay);
  assert.equal(await s.publicL1.getBalance({ address: meter }), 9n);
  assert.equal(await s.refusal(by, "relayMessage", inner.relay), "AlreadyRelayed");
  assert.equal(await s.refusal(by, "relayMessage", outer.relay), "AlreadyRelayed");
});

test("a target that gets a message cannot speak for the other messenger, nor make its words a failed message", async (t) => {
  const s = await createSettlement(t);
  await s.deposit(parseEther("1"));
  const nester = await deployOnL1(s, NESTER);
  const messenger = { from: STRANGER, to: s.contracts.l1CrossDomainMessenger, abi: MESSENGER };
  const forged = [1n << 240n, ADDRESS.standardBridge, s.address, 0n, 0n, "0x"] as const;
  await s.send({ from: STRANGER, to: nester, abi: NESTER.abi }, "tell", [
    messenger.to,
    encodeFunctionData({ abi: MESSENGER, functionName: "relayMessage", args: forged }),
  ]);
  const data = sending({ target: nester, minGas: 500_000 });
  const hash = await s.walletL2.sendTransaction({ to: ADDRESS.crossDomainMessenger, data });
  const [withdrawal] = await s.mature([await s.publicL2.waitForTransactionReceipt({ hash })]);
  await s.send({ from: s.user, ...s.portal }, "finalizeWithdrawalTransaction", [withdrawal]);
  assert.equal(await s.read(nester, NESTER.abi, "calls"), 1n);
  assert.equal(await s.read(nester, NESTER.abi, "done"), false);
  assert.equal(await s.refusal(messenger, "relayMessage", forged), "NotFailed");
});

/** Fails until it is opened; then it says how much gas it got. */
const LATE = compile(
  "Late",
  `contract Late {
    bool public isOpen;
    uint256 public seen;
    function open() external { isOpen = true; }
    fallback() external payable { uint256 gas = gasleft(); require(isOpen); seen = gas; }
}`,
);
/** Makes a call with exactly so much gas. */
const METERED = compile(
  "Metered",
  `contract Metered {
    function go(address to, uint256 gas, bytes calldata data) external {
        (bool ok,) = to.call{gas: gas}(data);
        require(ok);
    }
}`,
);

test("whoever tries a message again, and with whatever gas, gives the target what it was promised", async (t) => {
  const s = await createSettlement(t);
  await s.deposit(parseEther("1"));
  const minGas = 300_000;
  const to = s.contracts.l1CrossDomainMessenger;
  const metered = await deployOnL1(s, METERED);
  const attempts: { readonly late: Address; readonly data: Hex; readonly nonce: bigint }[] = [];
  const receipts = [];
  for (const length of [0, 88_000]) {
    const late = await deployOnL1(s, LATE);
    const message: Hex = `0x${"ff".repeat(length)}`;
    const hash = await s.walletL2.sendTransaction({
      to: ADDRESS.crossDomainMessenger,
      data: sending({ target: late, data: message, minGas }),
    });
    const receipt = await s.publicL2.waitForTransactionReceipt({ hash });
    const [sent] = parseEventLogs({ abi: messengerPredeploy.abi, logs: receipt.logs, eventName: "SentMessage" });
    assert.ok(sent);
    const nonce = sent.args.messageNonce;
    const args = [nonce, s.address, late, 0n, BigInt(minGas), message];
    attempts.push({ late, nonce, data: encodeFunctionData({ abi: MESSENGER, functionName: "relayMessage", args }) });
    receipts.push(receipt);
  }
  for (const withdrawal of await s.mature(receipts))
    await s.send({ from: s.user, ...s.portal }, "finalizeWithdrawalTransaction", [withdrawal]);
  for (const { late, data } of attempts) {
    await s.send({ from: STRANGER, to: late, abi: LATE.abi }, "open");
    const go = (gas: bigint) => encodeFunctionData({ abi: METERED.abi, functionName: "go", args: [to, gas, data] });
    const attempt = (gas: bigint) =>
      s.l1.client.call({ account: s.address, to: metered, data: go(gas), gas: 14_000_000n }).then(
        () => true,
        () => false,
      );
    let [low, high] = [100_000n, 8_000_000n];
    assert.deepEqual([await attempt(low), await attempt(high)], [false, true]);
    while (high - low > 200n) {
      const middle = (low + high) / 2n;
      if (await attempt(middle)) high = middle;
      else low = middle;
    }
    const hash = await s.walletL1.sendTransaction({ to: metered, data: go(high), gas: 14_000_000n });
    assert.equal((await s.publicL1.waitForTransactionReceipt({ hash })).status, "success");
    const seen = await s.read<bigint>(late, LATE.abi, "seen");
    assert.ok(seen >= minGas - 1_000, `${seen} of ${minGas} for ${data.length / 2} bytes`);
  }
});
