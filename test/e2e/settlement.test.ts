import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import {
  type Address,
  createTestClient,
  type Hex,
  http,
  parseEther,
  parseEventLogs,
  type TransactionReceipt,
} from "viem";
import { getL2TransactionHashes } from "viem/op-stack";
import { DEVNET_CLAIMS, DEVNET_WITHDRAWALS, l1StandardBridge } from "../../bridge/index.ts";
import { ADDRESS, mintableToken, tokenFactoryPredeploy } from "../../executor/index.ts";
import { opStackClients, type Rollup, readRollup } from "../../infra/index.ts";
import { FREE_PORTS, runAssay, type Spawned } from "../support/devnet.ts";
import { TOKEN } from "../support/token.ts";

let devnet: Spawned;
let rollup: Rollup;
before(async () => {
  devnet = runAssay(["devnet", ...FREE_PORTS, "--batch-data", "calldata"]);
  await devnet.shows("Running.");
  rollup = readRollup(shown(/^ {2}rollup +(\S+)$/m));
});
after(async () => {
  devnet.child.kill("SIGINT");
  assert.equal(await devnet.ended, 0, devnet.stderr());
});

/** What the devnet prints in this place. */
const shown = (pattern: RegExp): string => {
  const found = pattern.exec(devnet.stdout())?.[1];
  assert.ok(found, `${pattern} in ${devnet.stdout()}`);
  return found;
};
const rpcOf = (name: string): string => shown(new RegExp(`^ {2}${name} +(http://\\S+) `, "m"));

const ask = async <T>(node: string, method: string, ...params: unknown[]) => {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const response = await fetch(rpcOf(node), { method: "POST", body, headers: { "content-type": "application/json" } });
  return (await response.json()) as {
    readonly result: T;
    readonly error?: { readonly code: number; readonly data?: { readonly code?: string } };
  };
};

test("the devnet shows ether in, an inference paid with it, ether out, and says that it moves L1's clock", async () => {
  const steps = ["deposited", "inferred", "withdrawn", "claimed", "proven", "confirmed", "finalized"];
  const lines = devnet.stdout().split("\n");
  const begin = lines.findIndex((line) => line.startsWith("Ether in"));
  assert.deepEqual(
    lines.slice(begin + 1, begin + 1 + steps.length).map((line) => line.trim().split(" ")[0]),
    steps,
  );
  assert.match(lines[begin + 1 + steps.indexOf("confirmed")] ?? "", /L1's clock moved by \d+ s$/);
  assert.match(lines[begin + 1 + steps.indexOf("finalized")] ?? "", /0\.5 ETH/);
});

type Claim = Readonly<Record<string, unknown>>;
type Status = {
  readonly state: string;
  readonly blockNumber: number;
  readonly claimId: Hex | null;
  readonly next: string | null;
  readonly nextExpectedAt: number | null;
};
const STATES = ["unsafe", "safe", "finalized", "claimed", "confirmed"];

test("viem's own actions: deposits of ether and a token, and a withdrawal through every status, on the devnet", async () => {
  const l1Rpc = rpcOf("L1");
  const s = opStackClients({
    l1: { rpc: l1Rpc, chainId: rollup.l1.chainId },
    l2: { rpc: rpcOf("sequencer"), chainId: Number(rollup.chain.chainId) },
    contracts: rollup.l1.contracts,
    privateKey: shown(/^ {2}0x[0-9a-f]{40} {3}(0x[0-9a-f]{64})$/m) as Hex,
  });
  const { address } = s.account;
  const miner = createTestClient({ mode: "anvil", transport: http(l1Rpc) });
  /** Asks until there is an answer; L1 makes two blocks, two seconds of its time, in between. */
  const until = async <T>(what: string, attempt: () => Promise<T | undefined | false>): Promise<T> => {
    for (const end = Date.now() + 60_000; ; ) {
      const answer = await attempt().catch(() => undefined);
      if (answer !== undefined && answer !== false) return answer;
      assert.ok(Date.now() < end, `waited for ${what}`);
      await miner.mine({ blocks: 2, interval: 1 });
      await delay(100);
    }
  };
  const success = (receipt: TransactionReceipt) => {
    assert.equal(receipt.status, "success");
    return receipt;
  };
  const onL1 = async (hash: Hex) => success(await until(hash, () => s.publicL1.getTransactionReceipt({ hash })));
  const onL2 = async (hash: Hex) => success(await until(hash, () => s.publicL2.getTransactionReceipt({ hash })));

  // Ether, by the portal.
  const before = await s.publicL2.getBalance({ address });
  const deposit = await s.publicL2.buildDepositTransaction({ account: s.account, mint: parseEther("3"), to: address });
  assert.ok((await s.publicL1.estimateDepositTransactionGas(deposit as never)) > 21_000n);
  const [arrival] = getL2TransactionHashes(await onL1(await s.walletL1.depositTransaction(deposit)));
  await onL2(arrival as Hex);
  assert.equal(await s.publicL2.getBalance({ address }), before + parseEther("3"));

  // A token, by the standard bridge.
  const { contractAddress } = await onL1(await s.walletL1.deployContract({ ...TOKEN, args: [0n] }));
  const token = contractAddress as Address;
  const bridge = rollup.l1.contracts.l1StandardBridge as Address;
  const factory = { address: ADDRESS.tokenFactory, abi: tokenFactoryPredeploy.abi } as const;
  const making = { ...factory, functionName: "createOptimismMintableERC20", args: [token, "Token", "TKN"] } as const;
  const { logs } = await onL2(await s.walletL2.writeContract(making));
  const [made] = parseEventLogs({ abi: tokenFactoryPredeploy.abi, logs });
  assert.ok(made);
  const { localToken } = made.args;
  const amount = parseEther("60");
  const approving = { address: token, abi: TOKEN.abi, functionName: "approve", args: [bridge, amount] };
  await onL1(await s.walletL1.writeContract(approving));
  const depositing = [token, localToken, amount, 300_000, "0x"] as const;
  const onBridge = { address: bridge, abi: l1StandardBridge.abi } as const;
  await onL1(await s.walletL1.writeContract({ ...onBridge, functionName: "depositERC20", args: depositing }));
  const balanceOf = {
    address: localToken,
    abi: mintableToken.abi,
    functionName: "balanceOf",
    args: [address],
  } as const;
  await until("the token", async () => (await s.publicL2.readContract(balanceOf)) === amount);

  // A withdrawal, through every status.
  const { chain: targetChain } = s;
  const request = { gas: 21_000n, to: address, value: parseEther("2") };
  assert.ok((await s.publicL2.estimateInitiateWithdrawalGas({ account: s.account, request })) > 21_000n);
  const hash = await s.walletL2.initiateWithdrawal({ request });
  const receipt = await onL2(hash);
  const is = (wanted: string) => async () =>
    (await s.publicL1.getWithdrawalStatus({ receipt, targetChain })) === wanted ? wanted : undefined;
  assert.equal(await is("waiting-to-prove")(), "waiting-to-prove");
  const states: string[] = [];
  const statusOn = async (node: string) => {
    const { result } = await ask<Status | undefined>(node, "rollup_transactionStatus", hash);
    if (result !== undefined && node === "executor") states.push(result.state);
    return result;
  };
  const reaches = (node: string, state: string) =>
    until(`${state} on the ${node}`, async () => {
      const status = await statusOn(node);
      return status?.state === state && status;
    });
  await until("the executor to know the transaction", () => statusOn("executor"));
  await until("a claim", is("ready-to-prove"));
  const claimed = await reaches("executor", "claimed");
  const { game, withdrawal } = await s.publicL1.waitToProve({ receipt, targetChain });
  const l2BlockNumber = receipt.blockNumber;
  const [newest] = await s.publicL1.getGames({ targetChain });
  const latest = await s.publicL1.getGame({ targetChain, l2BlockNumber, strategy: "latest" });
  assert.ok(newest !== undefined && latest.index >= newest.index && newest.index >= game.index);
  const next = await s.publicL1.waitForNextGame({ targetChain, l2BlockNumber });
  assert.ok(next.l2BlockNumber >= l2BlockNumber);
  assert.ok((await s.publicL1.getTimeToNextGame({ targetChain, l2BlockNumber: 10n ** 6n })).interval > 0);
  assert.equal(claimed.next, "confirmed");
  assert.equal(claimed.blockNumber, Number(receipt.blockNumber));
  const { timestamp } = await s.publicL1.getBlock();
  const left = (claimed.nextExpectedAt ?? 0) - Number(timestamp);
  assert.ok(left > 0 && left <= 2 * Number(DEVNET_CLAIMS.period), `confirmation is expected in ${left} s`);
  // The follower and the sequencer tell the same of L1.
  assert.equal((await reaches("sequencer", "claimed")).claimId, claimed.claimId);
  for (const node of ["executor", "sequencer"]) {
    const { result: claim } = await ask<Claim>(node, "rollup_claim", claimed.claimId);
    assert.equal(claim["id"], claimed.claimId);
    assert.deepEqual([claim["status"], claim["isRight"], claim["isRunning"]], ["open", true, true]);
    assert.equal(claim["blockNumber"], Number(game.l2BlockNumber));
    assert.equal(claim["outputRoot"], game.rootClaim);
    assert.equal(claim["period"], Number(DEVNET_CLAIMS.period));
    assert.equal(claim["stake"], `0x${DEVNET_CLAIMS.stakes[0].toString(16)}`);
    const at = await ask<Claim>(node, "rollup_claimAtBlock", Number(receipt.blockNumber));
    assert.equal(at.result["id"], claimed.claimId);
    const { result: parent } = await ask<Claim>(node, "rollup_claim", claim["parent"]);
    assert.ok((parent["blockNumber"] as number) < Number(receipt.blockNumber), "the oldest that has the block");
    const newest = await ask<readonly Claim[]>(node, "rollup_claims", { limit: 2 });
    assert.equal(newest.result.length, 2);
  }

  assert.ok((await s.publicL1.getTimeToProve({ receipt, targetChain })).seconds >= 0);
  const proof = await s.publicL2.buildProveWithdrawal({ account: s.account, game, withdrawal });
  assert.ok((await s.publicL1.estimateProveWithdrawalGas(proof)) > 21_000n);
  await onL1(await s.walletL1.proveWithdrawal(proof));
  assert.equal(await is("waiting-to-finalize")(), "waiting-to-finalize");
  const { withdrawalHash } = withdrawal;
  const { period } = await s.publicL1.getTimeToFinalize({ withdrawalHash, targetChain: targetChain as never });
  assert.equal(period, Number(DEVNET_WITHDRAWALS.proofMaturityDelay));
  await miner.increaseTime({ seconds: Number(DEVNET_WITHDRAWALS.proofMaturityDelay) });
  await miner.mine({ blocks: Number(DEVNET_CLAIMS.period), interval: 1 });
  await until("the end of all delays", is("ready-to-finalize"));
  assert.equal((await reaches("executor", "confirmed")).next, null);
  const ranks = states.map((state) => STATES.indexOf(state));
  assert.deepEqual(
    ranks,
    ranks.toSorted((a, b) => a - b),
    "a state never goes back",
  );

  const held = await s.publicL1.getBalance({ address: rollup.l1.contracts.portal });
  assert.ok(
    (await s.publicL1.estimateFinalizeWithdrawalGas({ account: s.account, targetChain, withdrawal })) > 21_000n,
  );
  await onL1(await s.walletL1.finalizeWithdrawal({ targetChain, withdrawal }));
  assert.equal(await s.publicL1.getBalance({ address: rollup.l1.contracts.portal }), held - parseEther("2"));
  assert.equal(await is("finalized")(), "finalized");

  // The command line tells the same.
  const rpc = ["--rpc", rpcOf("executor")];
  const cli = async (...args: string[]) => {
    const run = runAssay(["status", ...args]);
    return { code: await run.ended, out: run.stdout(), err: run.stderr() };
  };
  const [json, text, whole, unknown] = await Promise.all([
    cli(hash, "--json", ...rpc),
    cli(hash, ...rpc),
    cli(...rpc),
    cli(`0x${"ab".repeat(32)}`, ...rpc),
  ]);
  const printed = JSON.parse(json.out);
  assert.deepEqual([printed.state, printed.claimId, printed.next], ["confirmed", claimed.claimId, null]);
  assert.match(text.out, /^state +confirmed/);
  assert.match(whole.out, /^proof maturity delay +12 s/m);
  assert.match(whole.out, /^confirmed .*as this node computed it$/m);
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /^assay: TRANSACTION_UNKNOWN: /);
});

test("claims that are not there, lists that are too long, and what L1's contracts were made with", async () => {
  assert.equal((await ask("executor", "rollup_claim", `0x${"ab".repeat(32)}`)).result, null);
  assert.equal((await ask("executor", "rollup_claimAtBlock", 1_000_000)).result, null);
  for (const limit of [0, 51, "0x1"])
    assert.equal((await ask("executor", "rollup_claims", { limit })).error?.code, -32602, `${limit}`);
  const unknown = await ask("executor", "rollup_transactionStatus", `0x${"ab".repeat(32)}`);
  assert.equal(unknown.error?.data?.code, "TRANSACTION_UNKNOWN");
  const { result } = await ask<Readonly<Record<string, unknown>>>("executor", "rollup_settlementParameters");
  assert.equal(result["challengePeriod"], Number(DEVNET_CLAIMS.period));
  assert.equal(result["proofMaturityDelay"], Number(DEVNET_WITHDRAWALS.proofMaturityDelay));
  assert.equal(result["finalityDelay"], Number(DEVNET_WITHDRAWALS.finalityDelay));
});
