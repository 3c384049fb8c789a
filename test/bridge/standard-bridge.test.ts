import assert from "node:assert/strict";
import { test } from "node:test";
import { type Abi, type Address, encodeFunctionData, type Hex, parseEther, parseEventLogs } from "viem";
import { l1CrossDomainMessenger, l1StandardBridge } from "../../bridge/index.ts";
import {
  ADDRESS,
  messengerPredeploy,
  mintableToken,
  standardBridgePredeploy,
  tokenFactoryPredeploy,
} from "../../executor/index.ts";
import { account } from "../support/anvil.ts";
import { GUARDIAN } from "../support/claims.ts";
import { compile } from "../support/solidity.ts";
import { TOKEN } from "../support/token.ts";
import { createSettlement, type Settlement } from "../support/withdrawals.ts";

const STRANGER = 7;
/** Says no by its answer. */
const REFUSING = compile(
  "Refusing",
  `contract Refusing {
    mapping(address => uint256) public balanceOf;
    function transferFrom(address, address, uint256) external pure returns (bool) { return false; }
}`,
);
/** Fails until it is mended. */
const MENDABLE = compile(
  "Mendable",
  `contract Mendable {
    bool public mended;
    uint256 public calls;
    address public sender;
    function mend() external { mended = true; }
    fallback() external payable {
        require(mended);
        ++calls;
        (bool ok, bytes memory who) = msg.sender.staticcall(abi.encodeWithSignature("xDomainMessageSender()"));
        require(ok);
        sender = abi.decode(who, (address));
    }
}`,
);

const deployOn = async (s: Settlement, { abi, bytecode }: typeof TOKEN, args: readonly unknown[] = []) => {
  const hash = await s.l1.wallet(s.user).deployContract({ abi, bytecode, args });
  const { contractAddress } = await s.publicL1.waitForTransactionReceipt({ hash });
  return contractAddress as Address;
};

/** A transaction on L1 whose messages L2 takes at once. */
const onL1 = async (s: Settlement, to: Address, data: Hex, value = 0n) => {
  const hash = await s.walletL1.sendTransaction({ to, data, value, gas: 3_000_000n });
  const receipt = await s.publicL1.waitForTransactionReceipt({ hash });
  assert.equal(receipt.status, "success");
  await s.deliver(receipt);
  return receipt;
};
const onL2 = async (s: Settlement, to: Address, data: Hex, value = 0n) => {
  const hash = await s.walletL2.sendTransaction({ to, data, value, gas: 3_000_000n });
  const receipt = await s.publicL2.waitForTransactionReceipt({ hash });
  assert.equal(receipt.status, "success");
  return receipt;
};

/** Claims, proves and finalizes all withdrawals of these receipts. */
const bringHome = async (s: Settlement, receipts: readonly Awaited<ReturnType<typeof onL2>>[]) => {
  for (const withdrawal of await s.mature(receipts)) {
    const hash = await s.walletL1.finalizeWithdrawal({ targetChain: s.chain, withdrawal });
    assert.equal((await s.publicL1.waitForTransactionReceipt({ hash })).status, "success");
  }
};

test("ether and a token go to L2 and come back through the standard bridge", async (t) => {
  const s = await createSettlement(t);
  const bridge = s.contracts.l1StandardBridge as Address;
  const l1Call = (functionName: string, args: readonly unknown[]) =>
    encodeFunctionData({ abi: l1StandardBridge.abi as Abi, functionName, args });
  const l2Call = (functionName: string, args: readonly unknown[]) =>
    encodeFunctionData({ abi: standardBridgePredeploy.abi as Abi, functionName, args });
  const to = account(STRANGER).address;

  // Ether, to another account, by the present name and by the older one; and by a plain transfer.
  await onL1(s, bridge, l1Call("bridgeETHTo", [to, 200_000, "0x1234"]), parseEther("2"));
  await onL1(s, bridge, l1Call("depositETHTo", [to, 200_000, "0x"]), parseEther("1"));
  assert.equal(await s.publicL2.getBalance({ address: to }), parseEther("3"));
  const own = await s.publicL2.getBalance({ address: s.address });
  await onL1(s, bridge, "0x", parseEther("1"));
  assert.equal(await s.publicL2.getBalance({ address: s.address }), own + parseEther("1"));

  // A token, and its counterpart on L2.
  const token = await deployOn(s, TOKEN, [0n]);
  const made = await onL2(
    s,
    ADDRESS.tokenFactory,
    encodeFunctionData({
      abi: tokenFactoryPredeploy.abi,
      functionName: "createOptimismMintableERC20",
      args: [token, "Token", "TKN"],
    }),
  );
  const [created] = parseEventLogs({ abi: tokenFactoryPredeploy.abi, logs: made.logs });
  assert.ok(created);
  const { localToken } = created.args;
  const onToken = <T>(address: Address, functionName: string, args: readonly unknown[] = []) =>
    s.publicL2.readContract({ address, abi: mintableToken.abi as Abi, functionName, args }) as Promise<T>;
  const balanceOnL1 = (holder: Address) => s.read<bigint>(token, TOKEN.abi, "balanceOf", [holder]);
  await s.send({ from: s.user, to: token, abi: TOKEN.abi }, "approve", [bridge, parseEther("100")]);
  const deposited = await onL1(s, bridge, l1Call("bridgeERC20", [token, localToken, parseEther("60"), 300_000, "0x"]));
  t.diagnostic(`deposit of a token: ${deposited.gasUsed} gas`);
  await onL1(s, bridge, l1Call("depositERC20To", [token, localToken, to, parseEther("40"), 300_000, "0x"]));
  assert.equal(await onToken(localToken, "balanceOf", [s.address]), parseEther("60"));
  assert.equal(await onToken(localToken, "balanceOf", [to]), parseEther("40"));
  assert.equal(await onToken(localToken, "totalSupply"), parseEther("100"));
  assert.equal(await balanceOnL1(bridge), parseEther("100"));

  // Back, in every way.
  const receipts = [
    await onL2(s, ADDRESS.standardBridge, l2Call("bridgeETHTo", [to, 50_000, "0x"]), parseEther("1")),
    await onL2(
      s,
      ADDRESS.standardBridge,
      l2Call("withdrawTo", ["0xDeadDeAddeAddEAddeadDEaDDEAdDeaDDeAD0000", to, parseEther("1"), 50_000, "0x"]),
      parseEther("1"),
    ),
    await onL2(
      s,
      ADDRESS.standardBridge,
      l2Call("bridgeERC20To", [localToken, token, to, parseEther("10"), 100_000, "0x"]),
    ),
    await onL2(s, ADDRESS.standardBridge, l2Call("withdraw", [localToken, parseEther("5"), 100_000, "0x"])),
  ];
  assert.equal(await onToken(localToken, "totalSupply"), parseEther("85"));
  const [ether, mine] = [await s.publicL1.getBalance({ address: to }), await balanceOnL1(s.address)];
  await bringHome(s, receipts);
  assert.equal(await s.publicL1.getBalance({ address: to }), ether + parseEther("2"));
  assert.equal(await balanceOnL1(to), parseEther("10"));
  assert.equal(await balanceOnL1(s.address), mine + parseEther("5"));
  assert.equal(await balanceOnL1(bridge), parseEther("85"));
  const deposits = await s.read(bridge, l1StandardBridge.abi as Abi, "deposits", [token, localToken]);
  assert.equal(deposits, parseEther("85"));
  assert.equal(await s.publicL1.getBalance({ address: s.contracts.portal }), parseEther("2"));

  // What the bridge refuses.
  const by = { from: s.user, to: bridge, abi: l1StandardBridge.abi as Abi };
  const finalizing = [token, localToken, to, to, 1n, "0x"];
  assert.equal(await s.refusal(by, "finalizeBridgeERC20", finalizing), "OnlyOtherBridge");
  assert.equal(await s.refusal(by, "finalizeBridgeETH", [to, to, 0n, "0x"]), "OnlyOtherBridge");
  const greedy = await deployOn(s, TOKEN, [1n]);
  await s.send({ from: s.user, to: greedy, abi: TOKEN.abi }, "approve", [bridge, 100n]);
  assert.equal(await s.refusal(by, "bridgeERC20", [greedy, localToken, 100n, 1, "0x"]), "WrongAmount");
  assert.equal(await s.refusal(by, "bridgeERC20", [token, localToken, parseEther("999"), 1, "0x"]), "TransferFailed");
  const refusing = await deployOn(s, REFUSING);
  for (const amount of [0n, 1n])
    assert.equal(await s.refusal(by, "bridgeERC20", [refusing, localToken, amount, 1, "0x"]), "TransferFailed");
  await assert.rejects(
    onL2(s, ADDRESS.standardBridge, l2Call("bridgeERC20", [localToken, greedy, 1n, 1, "0x"])),
    "a token stands for one",
  );
  for (const name of ["mint", "burn"] as const)
    await assert.rejects(
      onL2(s, localToken, encodeFunctionData({ abi: mintableToken.abi, functionName: name, args: [s.address, 1n] })),
    );
});

test("a message that fails is kept with its ether, and tried again by anyone, once", async (t) => {
  const s = await createSettlement(t);
  await s.deposit(parseEther("5"));
  const target = await deployOn(s, MENDABLE);
  const messenger = { from: STRANGER, to: s.contracts.l1CrossDomainMessenger, abi: l1CrossDomainMessenger.abi as Abi };
  const sending = encodeFunctionData({
    abi: messengerPredeploy.abi,
    functionName: "sendMessage",
    args: [target, "0xabcd", 100_000],
  });
  const receipt = await onL2(s, ADDRESS.crossDomainMessenger, sending, 9n);
  const [sent] = parseEventLogs({ abi: messengerPredeploy.abi, logs: receipt.logs, eventName: "SentMessage" });
  assert.ok(sent);
  const relay = [sent.args.messageNonce, s.address, target, 9n, 100_000n, "0xabcd"];
  assert.equal(await s.refusal(messenger, "relayMessage", relay), "NotFailed");
  await bringHome(s, [receipt]);
  assert.equal(await s.publicL1.getBalance({ address: messenger.to }), 9n);

  // It fails again, and stays.
  assert.equal(await s.refusal(messenger, "relayMessage", relay), "RelayFailed");
  await s.send({ from: STRANGER, to: target, abi: MENDABLE.abi }, "mend");
  assert.equal(await s.refusal({ ...messenger, value: 1n }, "relayMessage", relay), "WrongValue");
  const changed = [...relay.slice(0, 5), "0xabce"];
  assert.equal(await s.refusal(messenger, "relayMessage", changed), "NotFailed");
  await s.send({ from: GUARDIAN, ...s.portal }, "pause");
  assert.equal(await s.refusal(messenger, "relayMessage", relay), "RelayPaused");
  await s.send({ from: GUARDIAN, ...s.portal }, "unpause");
  await s.send(messenger, "relayMessage", relay);
  assert.equal(await s.publicL1.getBalance({ address: target }), 9n);
  assert.equal(await s.read(target, MENDABLE.abi, "sender"), s.address);
  assert.equal(await s.refusal(messenger, "relayMessage", relay), "AlreadyRelayed");
  assert.equal(await s.read(target, MENDABLE.abi, "calls"), 1n);

  // Nobody else's call is a message.
  const minted = encodeFunctionData({
    abi: messengerPredeploy.abi,
    functionName: "relayMessage",
    args: [sent.args.messageNonce, s.address, s.address, 0n, 0n, "0x"],
  });
  await assert.rejects(onL2(s, ADDRESS.crossDomainMessenger, minted));
});
