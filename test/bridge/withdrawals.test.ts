import assert from "node:assert/strict";
import { test } from "node:test";
import { type Address, encodeFunctionData, type Hex, parseEther, parseEventLogs } from "viem";
import { getWithdrawals } from "viem/op-stack";
import { batchInbox, claimGame, DEVNET_WITHDRAWALS, portal } from "../../bridge/index.ts";
import { decodeProof, encodeProof, fromHex, keccakOf, toHex, uintBE } from "../../executor/index.ts";
import { account } from "../support/anvil.ts";
import { BOND, GUARDIAN, PERIOD } from "../support/claims.ts";
import { compile } from "../support/solidity.ts";
import { createSettlement, type Settlement } from "../support/withdrawals.ts";

type Withdrawal = ReturnType<typeof getWithdrawals>[number];

const STRANGER = 7;
const { proofMaturityDelay, finalityDelay, pauseDuration } = DEVNET_WITHDRAWALS;

test("viem's own actions: a deposit, and a withdrawal through every status to its end, once", async (t) => {
  const s = await createSettlement(t);
  const before = await s.publicL2.getBalance({ address: s.address });
  await s.deposit(parseEther("3"));
  assert.equal(await s.publicL2.getBalance({ address: s.address }), before + parseEther("3"));

  const to = account(STRANGER).address;
  const receipt = await s.initiate({ to, value: parseEther("2") });
  const { chain: targetChain } = s;
  const status = () => s.publicL1.getWithdrawalStatus({ receipt, targetChain });
  assert.equal(await status(), "waiting-to-prove");
  const id = await s.claim();
  assert.equal(await status(), "ready-to-prove");

  const { game, withdrawal } = await s.publicL1.waitToProve({ receipt, targetChain });
  assert.equal(game.l2BlockNumber, receipt.blockNumber);
  const request = await s.publicL2.buildProveWithdrawal({ account: account(s.user), game, withdrawal });
  const proven = await s.publicL1.waitForTransactionReceipt({ hash: await s.walletL1.proveWithdrawal(request) });
  t.diagnostic(`prove: ${proven.gasUsed} gas`);
  assert.equal(proven.status, "success");
  assert.equal(await status(), "waiting-to-finalize");
  const { withdrawalHash } = withdrawal;
  const timed = await s.publicL1.getTimeToFinalize({
    withdrawalHash,
    portalAddress: s.contracts.portal,
    // Asked for by the type alone: a portal with games has no oracle.
    l2OutputOracleAddress: s.contracts.portal,
  });
  assert.equal(timed.period, Number(proofMaturityDelay));
  await s.l1.warp(Number(proofMaturityDelay) + 1);
  assert.equal(await status(), "waiting-to-finalize");
  await s.confirm(id);
  assert.equal(await status(), "waiting-to-finalize");
  await s.l1.warp(Number(finalityDelay) + 1);
  assert.equal(await status(), "ready-to-finalize");

  const balance = await s.publicL1.getBalance({ address: to });
  const hash = await s.walletL1.finalizeWithdrawal({ targetChain, withdrawal });
  const finalized = await s.publicL1.waitForTransactionReceipt({ hash });
  t.diagnostic(`finalize: ${finalized.gasUsed} gas`);
  assert.equal(await s.publicL1.getBalance({ address: to }), balance + parseEther("2"));
  assert.equal(await s.publicL1.getBalance({ address: s.contracts.portal }), parseEther("1"));
  assert.equal(await status(), "finalized");
  const again = { from: s.user, ...s.portal };
  assert.equal(
    await s.refusal(again, "finalizeWithdrawalTransaction", [withdrawal]),
    "OptimismPortal_AlreadyFinalized",
  );
});

/** A proof as viem builds it, against the game of an index. */
const proofOf = async (s: Settlement, withdrawal: Withdrawal, index: bigint, blockNumber: bigint) => {
  const { outputRootProof, withdrawalProof } = await s.publicL2.buildProveWithdrawal({
    account: account(s.user),
    output: { l2BlockNumber: blockNumber, outputIndex: index, outputRoot: "0x", timestamp: 0n },
    withdrawal,
  } as never);
  return [withdrawal, index, outputRootProof, withdrawalProof] as const;
};
const only = (receipt: Awaited<ReturnType<Settlement["initiate"]>>): Withdrawal => {
  const [withdrawal] = getWithdrawals(receipt);
  assert.ok(withdrawal);
  return withdrawal;
};

test("no withdrawal before its time, with another's proof, on another claim, in a pause, or twice", async (t) => {
  const s = await createSettlement(t);
  await s.deposit(parseEther("3"));
  const to = account(STRANGER).address;
  const early = await s.claim();
  const receipt = await s.initiate({ to, value: parseEther("1") });
  const withdrawal = only(receipt);
  const id = await s.claim();
  const by = { from: s.user, ...s.portal };
  const prove = "proveWithdrawalTransaction";
  const args = await proofOf(s, withdrawal, 1n, receipt.blockNumber);
  assert.equal(await s.refusal(by, prove, args), undefined);
  const [, , output, proof] = args;
  const refusal = (...given: readonly unknown[]) => s.refusal(by, prove, given);
  const { withdrawalHash } = withdrawal;
  const statusOf = () => s.read<number>(s.portal.to, s.portal.abi, "withdrawalStatus", [withdrawalHash, s.address]);
  const check = () => s.refusal(by, "checkWithdrawal", [withdrawalHash, s.address]);
  const finalize = (change: object = {}) =>
    s.refusal(by, "finalizeWithdrawalTransaction", [{ ...withdrawal, ...change }]);
  const UNPROVEN = "OptimismPortal_Unproven";

  // Another claim, whose state has no such withdrawal; no claim at all.
  assert.equal(await refusal(withdrawal, 0n, output, proof), "InvalidProof");
  const earlier = await proofOf(s, withdrawal, 0n, receipt.blockNumber - 1n);
  assert.equal(await s.refusal(by, prove, earlier), "InvalidMerkleProof");
  assert.equal(await refusal(withdrawal, 2n, output, proof), "Panic");
  // A part of the proof changed.
  for (const field of ["version", "stateRoot", "messagePasserStorageRoot", "latestBlockhash"] as const) {
    const changed = { ...output, [field]: toHex(keccakOf(fromHex(output[field]))) };
    assert.equal(await refusal(withdrawal, 1n, changed, proof), "InvalidProof", field);
  }
  const [rlp] = proof as readonly [Hex];
  const decoded = decodeProof(fromHex(rlp));
  assert.ok(decoded.terminal);
  const tampered: readonly (readonly string[])[] = [
    [],
    [rlp, rlp],
    [`${rlp.slice(0, -2)}ff`],
    [`${rlp}00`],
    [toHex(encodeProof({ ...decoded, depth: decoded.depth + 1 }))],
    [toHex(encodeProof({ ...decoded, siblings: decoded.siblings.slice(1) }))],
    [toHex(encodeProof({ ...decoded, terminal: { key: decoded.terminal.key, value: uintBE(2, 32) } }))],
    [toHex(encodeProof({ ...decoded, terminal: undefined }))],
  ];
  for (const other of tampered) assert.notEqual(await refusal(withdrawal, 1n, output, other), undefined, `${other}`);
  // Another message than L2 recorded: each lands on a slot that the tree does not hold.
  for (const change of [
    { value: withdrawal.value + 1n },
    { target: account(8).address },
    { sender: account(8).address },
    { nonce: withdrawal.nonce + 1n },
    { gasLimit: 1n },
    { data: "0x00" },
  ])
    assert.notEqual(await refusal({ ...withdrawal, ...change }, 1n, output, proof), undefined, Object.keys(change)[0]);

  assert.equal(await check(), UNPROVEN);
  assert.equal(await finalize(), UNPROVEN);
  assert.equal(await statusOf(), 0);
  await s.send(by, prove, args);
  assert.equal(await statusOf(), 2);
  assert.equal(await finalize(), "OptimismPortal_ProofNotOldEnough");
  await s.l1.warp(Number(proofMaturityDelay) - 2);
  assert.equal(await finalize(), "OptimismPortal_ProofNotOldEnough");
  await s.l1.warp(3);
  assert.equal(await statusOf(), 3);
  assert.equal(await finalize(), "OptimismPortal_InvalidRootClaim", "the claim is open");
  // A proof of a confirmed claim does not help a withdrawal that is not in it.
  await s.confirm(early);
  assert.equal(await finalize(), "OptimismPortal_InvalidRootClaim");
  await s.send({ from: STRANGER, ...s.registry }, "settle", [toHex(id)]);
  assert.equal(await statusOf(), 4);
  assert.equal(await finalize(), "OptimismPortal_InvalidRootClaim", "the finality delay is not over");
  await s.l1.warp(Number(finalityDelay) + 1);
  assert.equal(await statusOf(), 5);
  assert.equal(await check(), undefined);
  assert.equal(await finalize(), undefined);
  // By whom it was proven matters; anybody may finalize by that proof.
  const stranger = { from: STRANGER, ...s.portal };
  assert.equal(await s.refusal(stranger, "finalizeWithdrawalTransaction", [withdrawal]), UNPROVEN);
  const external = "finalizeWithdrawalTransactionExternalProof";
  assert.equal(await s.refusal(stranger, external, [withdrawal, s.address]), undefined);
  for (const change of [{ value: parseEther("2") }, { target: account(8).address }, { nonce: 0n }])
    assert.equal(await finalize(change), UNPROVEN);

  // A pause, its bounds, its end.
  const guardian = { from: GUARDIAN, ...s.portal };
  assert.equal(await s.refusal(by, "pause"), "Unauthorized");
  assert.equal(await s.refusal(by, "unpause"), "Unauthorized");
  await s.send(guardian, "pause");
  assert.equal(await finalize(), "CallPaused");
  assert.equal(await s.refusal(by, prove, args), "CallPaused");
  await s.deposit(1n);
  assert.equal(await s.refusal(guardian, "pause"), "PauseTooSoon");
  await s.l1.warp(Number(pauseDuration) + 1);
  assert.equal(await finalize(), undefined);
  assert.equal(await s.refusal(guardian, "pause"), "PauseTooSoon");
  await s.l1.warp(3 * Number(pauseDuration));
  await s.send(guardian, "pause");
  await s.send(guardian, "unpause");
  assert.equal(await s.refusal(guardian, "pause"), "PauseTooSoon");

  await s.send(stranger, external, [withdrawal, s.address]);
  assert.equal(await statusOf(), 6);
  assert.equal(await finalize(), "OptimismPortal_AlreadyFinalized");
  await s.send(by, prove, args);
  assert.equal(await finalize(), "OptimismPortal_AlreadyFinalized", "a new proof makes no second payment");
});

const REENTRANT = compile(
  "Reentrant",
  `contract Reentrant {
    address public sender;
    bool public entered;
    bytes4 public refusal;
    fallback() external payable {
        (bool read, bytes memory who) = msg.sender.staticcall(abi.encodeWithSignature("l2Sender()"));
        require(read);
        sender = abi.decode(who, (address));
        bytes memory answer;
        (entered, answer) = msg.sender.call(msg.data);
        refusal = bytes4(answer);
    }
}`,
);
const FAILING = compile("Failing", "contract Failing { fallback() external payable { revert(); } }");
const GAS_KEEPER = compile(
  "GasKeeper",
  "contract GasKeeper { uint256 public seen; fallback() external payable { seen = gasleft(); } }",
);

test("targets: reentrant, failing, short of gas, trusted, and a portal that is short of ether", async (t) => {
  const s = await createSettlement(t);
  await s.deposit(parseEther("1"));
  const deploy = async ({ abi, bytecode }: typeof REENTRANT) => {
    const hash = await s.l1.wallet(0).deployContract({ abi, bytecode });
    const { contractAddress } = await s.publicL1.waitForTransactionReceipt({ hash });
    return contractAddress as Address;
  };
  const [reentrant, failing, keeper] = [await deploy(REENTRANT), await deploy(FAILING), await deploy(GAS_KEEPER)];
  const victim = only(await s.initiate({ to: account(STRANGER).address, value: 5n }));
  const nested = encodeFunctionData({
    abi: portal.abi,
    functionName: "finalizeWithdrawalTransactionExternalProof",
    args: [victim, s.address],
  });
  const minted = encodeFunctionData({
    abi: batchInbox.abi,
    functionName: "deposit",
    args: [
      { from: s.address, to: s.address, isCreation: false, mint: 10n ** 24n, value: 0n, gas: 21_000n, data: "0x" },
    ],
  });
  const ask = async (to: Address, change: { value?: bigint; gas?: bigint; data?: Hex } = {}) =>
    only(await s.initiate({ to, ...change }));
  const reentering = await ask(reentrant, { data: nested, gas: 500_000n });
  const failed = await ask(failing, { value: 7n });
  const metered = await ask(keeper, { gas: 300_000n });
  const uncovered = await ask(account(STRANGER).address, { value: parseEther("2") });
  const thirsty = await ask(account(STRANGER).address, { gas: 2n ** 255n });
  const toInbox = await ask(s.contracts.batchInbox, { data: minted, gas: 2_000_000n });
  const toPortal = await ask(s.contracts.portal, { value: 1n, gas: 2_000_000n });
  const id = await s.claim();
  const { number } = s.l2.chain.head.header;
  const by = { from: s.user, ...s.portal };
  for (const withdrawal of [victim, reentering, failed, metered, uncovered, thirsty])
    await s.send(by, "proveWithdrawalTransaction", await proofOf(s, withdrawal, 0n, number));
  for (const withdrawal of [toInbox, toPortal])
    assert.equal(
      await s.refusal(by, "proveWithdrawalTransaction", await proofOf(s, withdrawal, 0n, number)),
      "BadTarget",
    );
  await s.l1.warp(Number(proofMaturityDelay) + 1);
  await s.confirm(id);
  await s.l1.warp(Number(finalityDelay) + 1);

  const finalize = "finalizeWithdrawalTransaction";
  const first = await s.send(by, finalize, [reentering]);
  assert.deepEqual(first.events[0]?.args, { withdrawalHash: reentering.withdrawalHash, success: true });
  const seen = <T>(name: string) => s.read<T>(reentrant, REENTRANT.abi, name);
  assert.equal(await seen("entered"), false);
  // The four bytes of NonReentrant().
  assert.equal(await seen("refusal"), toHex(keccakOf(new TextEncoder().encode("NonReentrant()")).subarray(0, 4)));
  assert.equal(await seen("sender"), s.address);
  assert.equal(await s.read(s.portal.to, s.portal.abi, "l2Sender"), "0x000000000000000000000000000000000000dEaD");
  assert.equal(await s.refusal(by, finalize, [victim]), undefined, "the nested one is still there");

  const held = await s.publicL1.getBalance({ address: s.contracts.portal });
  const second = await s.send(by, finalize, [failed]);
  assert.deepEqual(second.events[0]?.args, { withdrawalHash: failed.withdrawalHash, success: false });
  assert.equal(await s.publicL1.getBalance({ address: s.contracts.portal }), held);
  assert.equal(await s.refusal(by, finalize, [failed]), "OptimismPortal_AlreadyFinalized");

  // With too little gas it does not happen; whenever it happens, the target has its gas.
  const data = encodeFunctionData({ abi: portal.abi, functionName: finalize, args: [metered] });
  const attempt = (gas: bigint) =>
    s.l1.client.call({ account: account(s.user), to: s.portal.to, data, gas }).then(
      () => true,
      () => false,
    );
  let [low, high] = [100_000n, 1_000_000n];
  assert.deepEqual([await attempt(low), await attempt(high)], [false, true]);
  while (high - low > 200n) {
    const middle = (low + high) / 2n;
    if (await attempt(middle)) high = middle;
    else low = middle;
  }
  const hash = await s.l1.wallet(s.user).sendTransaction({ to: s.portal.to, data, gas: high });
  const metering = await s.publicL1.waitForTransactionReceipt({ hash });
  const [event] = parseEventLogs({ abi: portal.abi, logs: metering.logs, eventName: "WithdrawalFinalized" });
  assert.equal(event?.args.success, true);
  assert.ok((await s.read<bigint>(keeper, GAS_KEEPER.abi, "seen")) >= 299_000n);
  assert.equal(await s.refusal(by, finalize, [thirsty]), "OutOfGas");

  assert.equal(await s.refusal(by, finalize, [uncovered]), "NotCovered");
  await s.deposit(parseEther("2"));
  await s.send(by, finalize, [uncovered]);
});

test("a claim that lost: no proof against it is taken, and those that were do not count", async (t) => {
  const s = await createSettlement(t);
  await s.deposit(parseEther("1"));
  const withdrawal = only(await s.initiate({ to: account(STRANGER).address, value: 1n }));
  const right = await s.claim();
  await s.l1.mine(Number(PERIOD));
  // The same state by another tree: a rival, too late.
  await s.send({ from: 3, ...s.registry, value: BOND }, "propose", await s.argsOf(s.firstClaim, s.chainState(), 77));
  const { number } = s.l2.chain.head.header;
  const by = { from: s.user, ...s.portal };
  await s.send(by, "proveWithdrawalTransaction", await proofOf(s, withdrawal, 1n, number));
  await s.l1.warp(Number(proofMaturityDelay) + Number(finalityDelay) + 1);
  const { withdrawalHash } = withdrawal;
  const statusOf = () => s.read<number>(s.portal.to, s.portal.abi, "withdrawalStatus", [withdrawalHash, s.address]);
  assert.equal(await statusOf(), 3);
  await s.send({ from: 3, ...s.registry }, "settle", [toHex(right)]);
  assert.equal(await statusOf(), 1);
  await s.l1.warp(1_000);
  assert.equal(await s.refusal(by, "finalizeWithdrawalTransaction", [withdrawal]), "OptimismPortal_InvalidRootClaim");
  assert.equal(
    await s.refusal(by, "proveWithdrawalTransaction", await proofOf(s, withdrawal, 1n, number)),
    "InvalidDisputeGame",
  );
  // Tools are told to prove again, on a claim that stands.
  const options = { withdrawalHash, sender: s.address, l2BlockNumber: number, targetChain: s.chain };
  assert.equal(await s.publicL1.getWithdrawalStatus(options), "ready-to-prove");
  const games = await s.publicL1.getGames({ targetChain: s.chain });
  assert.deepEqual(
    games.map(({ index, l2BlockNumber }) => [index, l2BlockNumber]),
    [[0n, number]],
  );
  const [, , proxy] = await s.read<readonly [number, bigint, Address]>(s.contracts.claimGames, s.games, "gameAtIndex", [
    1n,
  ]);
  assert.equal(await s.read(proxy, claimGame.abi as never, "status"), 1);
  await s.send(by, "proveWithdrawalTransaction", await proofOf(s, withdrawal, 0n, number));
  await s.l1.warp(Number(proofMaturityDelay) + 1);
  await s.send(by, "finalizeWithdrawalTransaction", [withdrawal]);
});
