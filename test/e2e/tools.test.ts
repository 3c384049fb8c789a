import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Contract, ContractFactory, JsonRpcProvider, Wallet } from "ethers";
import { ethers as ethers5 } from "ethers5";
import {
  type Address,
  BaseError,
  ContractFunctionRevertedError,
  concat,
  decodeErrorResult,
  decodeFunctionResult,
  encodeFunctionData,
  getAddress,
  type Hex,
  parseAbi,
  parseEventLogs,
  zeroAddress,
} from "viem";
import {
  ADDRESS,
  digitClassifier,
  feeVaultPredeploy,
  gasPriceOraclePredeploy,
  inferencePredeploy,
} from "../../executor/index.ts";
import { clientsOf, foundryBinary, opStackClients, type Scan, sampleScans } from "../../infra/index.ts";
import { DELEGATE } from "../support/delegate.ts";
import { type RunningDevnet, spawnDevnet } from "../support/devnet.ts";
import { writeForgeProject } from "../support/forge-project.ts";
import { compile } from "../support/solidity.ts";

let devnet: RunningDevnet;
before(async () => {
  devnet = await spawnDevnet();
});
after(async () => {
  await devnet?.stop();
});

/** Name of the custom error that a call reverted with. */
const reasonOf = (error: unknown): string | undefined => {
  const cause = error instanceof BaseError ? error.walk((inner) => "data" in (inner as object)) : undefined;
  const { data } = (cause ?? {}) as { data?: Hex | { data?: Hex } };
  const bytes = typeof data === "object" ? data.data : data;
  return bytes === undefined ? undefined : decodeErrorResult({ abi: inferencePredeploy.abi, data: bytes }).errorName;
};

const scans = sampleScans();
const scan = (label: number): Scan => scans.find((one) => one.label === label) as Scan;
/** Every tool has an account of its own. */
const keyOf = (index: number) => devnet.info.accounts[index]?.privateKey as `0x${string}`;
const WETH = "0x4200000000000000000000000000000000000006";
const WETH_ABI = parseAbi(["function deposit() payable"]);
const PAYEE = "0x00000000000000000000000000000000000000bb";
/** Code of an account that delegates (EIP-7702). */
const delegating = (to: string): string => `0xef0100${to.slice(2).toLowerCase()}`;

const execute = promisify(execFile);
const cast = async (...args: string[]): Promise<string> => {
  const env = { ...process.env, ETH_RPC_URL: devnet.info.sequencerRpc };
  const { stdout } = await execute(foundryBinary("cast"), args, { env });
  return stdout.trim();
};

test("viem deploys the contract, calls it, reads receipts and logs from both nodes", async () => {
  const { info } = devnet;
  const { reader, wallet } = clientsOf(BigInt(info.chainId), info.sequencerRpc, keyOf(0));
  const { abi, bytecode } = digitClassifier;
  const deployment = await wallet.deployContract({ abi, bytecode, args: [info.sample.modelId] });
  const { contractAddress: address } = await reader.waitForTransactionReceipt({ hash: deployment });
  assert.ok(address);
  const [digit, confidence] = await reader.readContract({
    address,
    abi,
    functionName: "predict",
    args: [scan(7).pixels],
  });
  assert.equal(digit, 7);
  const hash = await wallet.writeContract({ address, abi, functionName: "classify", args: [scan(7).pixels] });
  const receipt = await reader.waitForTransactionReceipt({ hash });
  assert.equal(receipt.status, "success");
  const logs = await reader.getContractEvents({ address, abi, eventName: "Classified", fromBlock: 0n });
  assert.equal(logs.length, 1);
  assert.equal(logs[0]?.transactionHash, hash);
  assert.deepEqual(logs[0]?.args, { from: wallet.account.address, digit: 7, confidence });
  assert.deepEqual(
    await reader.readContract({ address, abi, functionName: "lastResult", args: [wallet.account.address] }),
    [7, confidence],
  );

  const there = clientsOf(BigInt(info.chainId), info.executorRpc, keyOf(0)).reader;
  const derived = await there.waitForTransactionReceipt({ hash, timeout: 30_000 });
  assert.equal(derived.blockHash, receipt.blockHash);
  assert.deepEqual(parseEventLogs({ abi, logs: derived.logs }), parseEventLogs({ abi, logs: receipt.logs }));
});

test("viem's totals for the OP Stack are what a transaction costs at most: no L1 fee beside the tip", async () => {
  const { info } = devnet;
  const { publicL2, walletL2, account } = opStackClients({
    l1: { rpc: info.l1Rpc, chainId: info.l1ChainId },
    l2: { rpc: info.sequencerRpc, chainId: info.chainId },
    contracts: info.l1Contracts,
    privateKey: keyOf(4),
  });
  const transfer = { account, to: account.address, value: 1n } as const;
  const [l1Fee, l1Gas, operatorFee, totalGas, totalFee] = await Promise.all([
    publicL2.estimateL1Fee(transfer),
    publicL2.estimateL1Gas(transfer),
    publicL2.estimateOperatorFee(transfer),
    publicL2.estimateTotalGas(transfer),
    publicL2.estimateTotalFee(transfer),
  ]);
  assert.deepEqual([l1Fee, l1Gas, operatorFee, totalGas], [0n, 0n, 0n, 21_000n]);
  const hash = await walletL2.sendTransaction({ to: account.address, value: 1n });
  const { gasUsed, effectiveGasPrice } = await publicL2.waitForTransactionReceipt({ hash });
  // L1's base fee moves by an eighth a block between the two.
  const paid = Number(gasUsed * effectiveGasPrice) / Number(totalFee);
  assert.ok(paid > 0.5 && paid < 1.5, `${paid}`);
  const oracle = { address: ADDRESS.gasPriceOracle, abi: gasPriceOraclePredeploy.abi } as const;
  const { baseFeePerGas } = await publicL2.getBlock();
  const told = await publicL2.readContract({ ...oracle, functionName: "baseFee" });
  assert.ok(told >= (7n * (baseFeePerGas ?? 0n)) / 10n);
  assert.equal(await publicL2.readContract({ ...oracle, functionName: "getL1FeeUpperBound", args: [1_000n] }), 0n);
  assert.equal(await publicL2.readContract({ ...oracle, functionName: "decimals" }), 6n);
  const vault = { address: ADDRESS.sequencerFeeVault, abi: feeVaultPredeploy.abi } as const;
  assert.notEqual(BigInt(await publicL2.readContract({ ...vault, functionName: "recipient" })), 0n);
  assert.ok((await publicL2.getBalance(vault)) > 0n);
});

test("viem's other actions for the OP Stack: the portal's version, a withdrawal's request, estimates of contract calls", async () => {
  const { info } = devnet;
  const { publicL1, publicL2, account, chain } = opStackClients({
    l1: { rpc: info.l1Rpc, chainId: info.l1ChainId },
    l2: { rpc: info.sequencerRpc, chainId: info.chainId },
    contracts: info.l1Contracts,
    privateKey: keyOf(4),
  });
  assert.equal((await publicL1.getPortalVersion({ targetChain: chain })).major, 4);
  const withdrawal = await publicL1.buildInitiateWithdrawal({ account, to: account.address, value: 1n });
  assert.equal(withdrawal.request.to, account.address);
  const weth = { address: WETH, abi: WETH_ABI, functionName: "deposit", value: 1n, account } as const;
  assert.deepEqual(
    await Promise.all([
      publicL2.estimateContractL1Fee(weth),
      publicL2.estimateContractL1Gas(weth),
      publicL2.getL1BaseFee(),
    ]),
    [0n, 0n, 0n],
  );
  assert.equal(await publicL2.estimateContractTotalGas(weth), await publicL2.estimateContractGas(weth));
  assert.ok((await publicL2.estimateContractTotalFee(weth)) > 0n);
});

test("ethers deploys the contract, calls it, reads receipts and logs", async () => {
  const { info } = devnet;
  const provider = new JsonRpcProvider(info.sequencerRpc, undefined, { cacheTimeout: -1, pollingInterval: 50 });
  try {
    const wallet = new Wallet(keyOf(1), provider);
    const factory = new ContractFactory(digitClassifier.abi as never, digitClassifier.bytecode, wallet);
    const contract = await factory.deploy(info.sample.modelId);
    await contract.waitForDeployment();
    const [digit, confidence] = await contract.getFunction("predict").staticCall(scan(3).pixels);
    assert.equal(digit, 3n);
    const sent = await contract.getFunction("classify")(scan(3).pixels);
    const receipt = await sent.wait();
    assert.equal(receipt.status, 1);
    const events = await contract.queryFilter("Classified", 0);
    assert.equal(events.length, 1);
    const { args } = events[0] as unknown as { args: [string, bigint, bigint] };
    assert.deepEqual([...args], [wallet.address, 3n, confidence]);
  } finally {
    provider.destroy();
  }
});

test("cast deploys the contract, calls it, reads receipts and logs", async () => {
  const { info } = devnet;
  const { bytecode } = digitClassifier;
  const deployed = JSON.parse(
    await cast(
      ...["send", "--private-key", keyOf(2), "--json", "--create", bytecode],
      ...["constructor(bytes32)", info.sample.modelId],
    ),
  );
  assert.equal(deployed.status, "0x1");
  const address = deployed.contractAddress as string;
  const called = await cast("call", address, "predict(bytes)(uint8,uint256)", scan(9).pixels);
  assert.equal(called.split("\n")[0], "9");
  const sent = JSON.parse(
    await cast("send", address, "classify(bytes)", scan(9).pixels, "--private-key", keyOf(2), "--json"),
  );
  assert.equal(sent.status, "0x1");
  const receipt = JSON.parse(await cast("receipt", sent.transactionHash, "--json"));
  assert.equal(receipt.blockHash, sent.blockHash);
  const logs = JSON.parse(
    await cast("logs", "--from-block", "0", "--address", address, "Classified(address,uint8,uint256)", "--json"),
  );
  assert.equal(logs.length, 1);
  assert.equal(logs[0].transactionHash, sent.transactionHash);
});

test("viem delegates an account (EIP-7702): by itself, by another who pays, and back", async () => {
  const { info } = devnet;
  const { reader, wallet } = clientsOf(BigInt(info.chainId), info.sequencerRpc, keyOf(0));
  const sponsor = clientsOf(BigInt(info.chainId), info.sequencerRpc, keyOf(3)).wallet;
  const { address: self } = wallet.account;
  const creation = await wallet.deployContract({ ...DELEGATE, args: [] });
  const { contractAddress } = await reader.waitForTransactionReceipt({ hash: creation });
  const delegate = contractAddress as Address;
  const pay = { address: self, abi: DELEGATE.abi, functionName: "pay", args: [PAYEE, 1n] } as const;

  const own = await wallet.signAuthorization({ contractAddress: delegate, executor: "self" });
  const first = await reader.waitForTransactionReceipt({
    hash: await wallet.writeContract({ ...pay, authorizationList: [own] }),
  });
  assert.deepEqual([first.status, first.type], ["success", "eip7702"]);
  assert.equal((await reader.getCode({ address: self }))?.toLowerCase(), delegating(delegate));
  assert.equal(await reader.getDelegation({ address: self }), getAddress(delegate));
  const read = await reader.getTransaction({ hash: first.transactionHash });
  assert.deepEqual(
    read.authorizationList?.map(({ r, s }) => [r, s]),
    [[own.r, own.s]],
  );
  const [paidBySelf] = parseEventLogs({ abi: DELEGATE.abi, logs: first.logs });
  assert.equal(paidBySelf?.address, self.toLowerCase());

  const none = await wallet.signAuthorization({ contractAddress: zeroAddress });
  const second = await reader.waitForTransactionReceipt({
    hash: await sponsor.sendTransaction({ to: PAYEE, authorizationList: [none] }),
  });
  assert.equal(second.status, "success");
  assert.equal(await reader.getCode({ address: self }), undefined);

  const again = await wallet.signAuthorization({ contractAddress: delegate });
  assert.ok((await reader.estimateContractGas({ ...pay, account: sponsor.account, authorizationList: [again] })) > 0n);
  const third = await reader.waitForTransactionReceipt({
    hash: await sponsor.writeContract({ ...pay, authorizationList: [again] }),
  });
  assert.equal(third.status, "success");
  const paid = parseEventLogs({ abi: DELEGATE.abi, logs: third.logs })[0] as unknown as { args: { by: Address } };
  assert.equal(paid.args.by, sponsor.account.address);
});

test("ethers 6 delegates an account; ethers 5, which knows no such type, reads it and calls it", async () => {
  const { info } = devnet;
  const provider = new JsonRpcProvider(info.sequencerRpc, undefined, { cacheTimeout: -1, pollingInterval: 50 });
  const old = new ethers5.providers.JsonRpcProvider(info.sequencerRpc);
  old.pollingInterval = 50;
  try {
    const wallet = new Wallet(keyOf(1), provider);
    const contract = await new ContractFactory(DELEGATE.abi as never, DELEGATE.bytecode, wallet).deploy();
    await contract.waitForDeployment();
    const address = await contract.getAddress();
    const authorization = await wallet.authorize({ address, nonce: (await wallet.getNonce()) + 1 });
    const data = new Contract(wallet.address, DELEGATE.abi as never).interface.encodeFunctionData("pay", [PAYEE, 1]);
    const request = { type: 4, to: wallet.address, data, authorizationList: [authorization] };
    const receipt = await (await wallet.sendTransaction(request)).wait();
    assert.deepEqual([receipt?.status, receipt?.type, receipt?.logs.length], [1, 4, 1]);
    const { hash, blockNumber } = receipt as { hash: string; blockNumber: number };
    const read = await provider.getTransaction(hash);
    assert.deepEqual(read?.authorizationList?.[0]?.signature.serialized, authorization.signature.serialized);
    assert.equal(await provider.getCode(wallet.address), delegating(address));

    const other = new ethers5.Wallet(keyOf(4), old);
    assert.equal((await old.getTransaction(hash)).type, 4);
    assert.ok((await old.getBlockWithTransactions(blockNumber)).transactions.some((one) => one.hash === hash));
    const account = new ethers5.Contract(wallet.address, DELEGATE.abi as never, other);
    const called = await (await account["pay"](PAYEE, 1)).wait();
    assert.equal(called.events[0].args.by, other.address);
    const made = await new ethers5.ContractFactory(DELEGATE.abi as never, DELEGATE.bytecode, other).deploy();
    await made.deployed();
    assert.equal((await made.queryFilter("Paid", 0)).length, 0);
    const legacy = await (await other.sendTransaction({ type: 0, to: PAYEE, value: 1 })).wait();
    assert.deepEqual([legacy.status, legacy.type], [1, 0]);
  } finally {
    provider.destroy();
  }
});

test("cast delegates an account, and creates by salt through the usual factory", async () => {
  const factory = "0x4e59b44847b379578588920cA78FbF26c0B4956C";
  const salt: Hex = `0x${"07".repeat(32)}`;
  const key = keyOf(2);
  const address = await cast("create2", "--deployer", factory, "--init-code", DELEGATE.bytecode, "--salt", salt);
  const creation = await cast("send", factory, concat([salt, DELEGATE.bytecode]), "--private-key", key, "--json");
  assert.equal(JSON.parse(creation).status, "0x1");
  assert.ok(Number(await cast("codesize", address)) > 0);

  const [self, other] = await Promise.all([key, keyOf(5)].map((each) => cast("wallet", "address", each)));
  const pay = ["pay(address,uint256)", PAYEE, "1"];
  const own = ["--auth", address, "--private-key", key, "--json"];
  const receipt = JSON.parse(await cast("send", self as string, ...pay, ...own));
  assert.deepEqual([receipt.status, receipt.type, receipt.logs.length], ["0x1", "0x4", 1]);
  assert.equal(await cast("code", self as string), delegating(address));
  const read = JSON.parse(await cast("tx", receipt.transactionHash, "--json"));
  assert.equal(read.authorizationList[0].address, address.toLowerCase());

  const signed = await cast("wallet", "sign-auth", address, "--private-key", keyOf(5));
  assert.ok(Number(await cast("estimate", other as string, ...pay, "--auth", signed, "--from", self as string)) > 0);
  const sponsored = JSON.parse(
    await cast("send", other as string, ...pay, "--auth", signed, "--private-key", key, "--json"),
  );
  assert.equal(sponsored.status, "0x1");
  assert.equal(await cast("code", other as string), delegating(address));
});

test("forge's script creates by salt at the address that it foretold", async (t) => {
  const { info } = devnet;
  const directory = mkdtempSync(join(tmpdir(), "assay-forge-"));
  t.after(() => rmSync(directory, { recursive: true }));
  writeForgeProject(directory);
  await execute(
    foundryBinary("forge"),
    ["script", "Deploy", "--rpc-url", info.sequencerRpc, "--private-key", keyOf(7), "--broadcast"],
    { cwd: directory },
  );
  const saved = join(directory, "broadcast/Deploy.s.sol", String(info.chainId), "run-latest.json");
  const { transactions, receipts } = JSON.parse(readFileSync(saved, "utf8"));
  assert.deepEqual(
    receipts.map(({ status }: { status: Hex }) => status),
    ["0x1", "0x1"],
  );
  assert.deepEqual(transactions[0].transactionType, "CREATE2");
  assert.equal(await cast("call", transactions[0].contractAddress, "number()(uint256)"), "9");
});

test("web3.py deploys, calls, reads logs and delegates an account", async (t) => {
  const python = process.env["PYTHON"] ?? "python3";
  const found = await execute(python, ["-c", "import web3; print(web3.__version__)"]).catch(() => undefined);
  if (found === undefined) return t.skip(`${python} has no web3 (pip install web3; PYTHON names another interpreter)`);
  const directory = mkdtempSync(join(tmpdir(), "assay-web3-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "delegate.json");
  writeFileSync(file, JSON.stringify(DELEGATE));
  const script = fileURLToPath(new URL("web3_client.py", import.meta.url));
  const { stdout } = await execute(python, [script, devnet.info.sequencerRpc, keyOf(6), file]);
  const { contract, code, by, ...rest } = JSON.parse(stdout);
  assert.deepEqual(rest, { deployed: 1, called: 1, delegated: 1, type: 4, authorizations: 1, paid: 1 });
  assert.equal(`0x${code}`, delegating(contract));
  assert.equal(by.length, 1);
});

test("the facade takes named tensors of decimal numbers", async () => {
  const { info } = devnet;
  const { reader, wallet } = clientsOf(BigInt(info.chainId), info.sequencerRpc, keyOf(3));
  const pixels = Buffer.from(scan(5).pixels.slice(2), "hex");
  const request = {
    mode: 0,
    modelCID: info.sample.modelName,
    input: {
      numbers: [
        {
          name: "image",
          // Pixel 13 as 130 * 10^-1: the scale is the caller's choice.
          values: [...pixels].map((pixel) => ({ value: BigInt(pixel) * 10n, decimals: 1n })),
          shape: [1, 1, 8, 8],
        },
      ],
      strings: [],
    },
  };
  const facade = { address: ADDRESS.inference, abi: inferencePredeploy.abi } as const;
  const runs = async (changed: Partial<typeof request> = {}) => {
    const { data } = await reader.call({
      to: ADDRESS.inference,
      data: encodeFunctionData({ ...facade, functionName: "runModelInference", args: [{ ...request, ...changed }] }),
    });
    return decodeFunctionResult({ ...facade, functionName: "runModelInference", data: data ?? "0x" });
  };
  const result = await runs();
  assert.equal(result.is_simulation_result, false);
  assert.equal(result.numbers.length, 1);
  assert.equal(result.numbers[0]?.name, "probabilities");
  assert.deepEqual(result.numbers[0]?.shape, [1, 10]);
  const probabilities = (result.numbers[0]?.values ?? []).map(
    ({ value, decimals }) => Number(value) / 10 ** Number(decimals),
  );
  assert.equal(probabilities.length, 10);
  assert.ok(Math.abs(probabilities.reduce((sum, p) => sum + p) - 1) < 0.05);
  assert.equal(probabilities.indexOf(Math.max(...probabilities)), 5);
  const byContract = await reader.readContract({
    address: info.sample.contract,
    abi: digitClassifier.abi,
    functionName: "predict",
    args: [scan(5).pixels],
  });
  assert.equal(byContract[0], 5);
  assert.ok(Math.abs((probabilities[5] as number) - Number(byContract[1]) / 1e6) < 1e-6);

  const byId = { ...request, modelCID: info.sample.modelId };
  const hash = await wallet.writeContract({ ...facade, functionName: "runModelInference", args: [byId] });
  assert.equal((await reader.waitForTransactionReceipt({ hash })).status, "success");
  await assert.rejects(runs({ mode: 1 }), (error) => reasonOf(error) === "UnsupportedMode");
  await assert.rejects(runs({ modelCID: "nobody@9.9" }), (error) => reasonOf(error) === "UnknownModel");
});

const CAUTIOUS = `
import {AssayInference} from "executor/genesis/contracts/AssayInference.sol";
import {IInfer} from "executor/genesis/contracts/interfaces/IInfer.sol";
/// Asks models and goes on, whatever comes of it.
contract Cautious {
  event Answered();
  event Unknown();
  event Expected(uint256 length);
  function ask(bytes32 modelId, bytes calldata input) external {
    (bool ok, bytes memory answer) = AssayInference.tryInfer(modelId, input);
    if (ok) emit Answered();
    else if (bytes4(answer) == IInfer.UnknownModel.selector) emit Unknown();
    else if (bytes4(answer) == IInfer.WrongLength.selector) {
      uint256 expected;
      assembly { expected := mload(add(answer, 68)) }
      emit Expected(expected);
    }
  }
  function insist(bytes32 modelId, bytes calldata input) external view returns (bytes memory) {
    return AssayInference.infer(modelId, input);
  }
  function catching(bytes32 modelId, bytes calldata input) external view returns (bytes memory answer) {
    try this.insist(modelId, input) returns (bytes memory output) { return output; }
    catch (bytes memory reason) { return reason; }
  }
}`;

test("a contract reads why an inference is refused, and viem names it", async () => {
  const { info } = devnet;
  const { modelId } = info.sample;
  const { reader, wallet } = clientsOf(BigInt(info.chainId), info.sequencerRpc, keyOf(6));
  const { abi, bytecode } = compile("Cautious", CAUTIOUS);
  const deployment = await wallet.deployContract({ abi, bytecode });
  const { contractAddress } = await reader.waitForTransactionReceipt({ hash: deployment });
  const contract = { address: contractAddress as Address, abi };
  const input: Hex = `0x${"00".repeat(256)}`;
  const nobody: Hex = `0x${"07".repeat(32)}`;
  const asked = [
    ["Answered", {}, modelId, input],
    ["Unknown", {}, nobody, "0x"],
    ["Expected", { length: 256n }, modelId, "0x0102"],
  ] as const;
  const hashes: Hex[] = [];
  for (const [, , ...args] of asked)
    hashes.push(await wallet.writeContract({ ...contract, functionName: "ask", args }));
  for (const [i, [eventName, args]] of asked.entries()) {
    const { logs, gasUsed } = await reader.waitForTransactionReceipt({ hash: hashes[i] as Hex });
    const [event] = parseEventLogs({ abi, logs });
    assert.deepEqual([event?.eventName, { ...event?.args }], [eventName, args]);
    if (eventName !== "Answered") assert.ok(gasUsed < 60_000n, `a refusal costs ${gasUsed}`);
  }

  const reasons = [
    ["UnknownModel", [nobody], [nobody, "0x"], `unknown model ${nobody}`],
    ["WrongLength", [2n, 256n], [modelId, "0x0102"], "input of 2 bytes, the model takes 256"],
  ] as const;
  const errors = parseAbi(["error UnknownModel(bytes32)", "error WrongLength(uint256,uint256)"]);
  for (const [errorName, details, args, words] of reasons) {
    const caught = await reader.readContract({ ...contract, functionName: "catching", args });
    const { errorName: name, args: given } = decodeErrorResult({ abi: errors, data: caught as Hex });
    assert.deepEqual([name, given], [errorName, details]);
    const call = { ...contract, abi: [...abi, ...errors], functionName: "insist", args };
    for (const ask of [() => reader.readContract(call), () => reader.estimateContractGas(call)])
      await assert.rejects(ask(), (error: BaseError) => {
        assert.ok(
          error.walk((one) => (one as Error).message.includes(`execution reverted: ${words}`)),
          error.message,
        );
        const reverted = error.walk((one) => one instanceof ContractFunctionRevertedError);
        return (reverted as ContractFunctionRevertedError | null)?.data?.errorName === errorName;
      });
  }
});
