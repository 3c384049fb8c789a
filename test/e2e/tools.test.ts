import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { ContractFactory, JsonRpcProvider, Wallet } from "ethers";
import { BaseError, decodeErrorResult, decodeFunctionResult, encodeFunctionData, type Hex, parseEventLogs } from "viem";
import {
  ADDRESS,
  digitClassifier,
  feeVaultPredeploy,
  gasPriceOraclePredeploy,
  inferencePredeploy,
} from "../../executor/index.ts";
import { clientsOf, foundryBinary, opStackClients, type Scan, sampleScans } from "../../infra/index.ts";
import { type RunningDevnet, spawnDevnet } from "../support/devnet.ts";

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
  const cast = async (...args: string[]): Promise<string> => {
    const env = { ...process.env, ETH_RPC_URL: info.sequencerRpc };
    const { stdout } = await promisify(execFile)(foundryBinary("cast"), args, { env });
    return stdout.trim();
  };
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
