import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  type Address,
  BaseError,
  type ContractFunctionParameters,
  ContractFunctionRevertedError,
  concat,
  domainSeparator,
  encodeAbiParameters,
  encodeFunctionData,
  encodePacked,
  erc20Abi,
  getContractAddress,
  type Hash,
  type Hex,
  maxUint160,
  maxUint256,
  multicall3Abi,
  pad,
  parseAbi,
  parseAbiParameters,
  parseEther,
  parseEventLogs,
  parseSignature,
  zeroAddress,
} from "viem";
import {
  entryPoint07Abi,
  entryPoint07Address,
  entryPoint08Address,
  getUserOperationHash,
  toPackedUserOperation,
} from "viem/account-abstraction";
import { privateKeyToAccount } from "viem/accounts";
import { opStackClients } from "../../infra/index.ts";
import { DELEGATE } from "../support/delegate.ts";
import { type RunningDevnet, spawnDevnet } from "../support/devnet.ts";

let devnet: RunningDevnet;
let clients: ReturnType<typeof opStackClients>;
before(async () => {
  devnet = await spawnDevnet();
  const { info } = devnet;
  clients = opStackClients({
    l1: { rpc: info.l1Rpc, chainId: info.l1ChainId },
    l2: { rpc: info.sequencerRpc, chainId: info.chainId },
    contracts: info.l1Contracts,
    privateKey: info.accounts[0]?.privateKey as Hex,
  });
});
after(async () => {
  await devnet?.stop();
});

const succeeds = async (hash: Hash) => {
  const receipt = await clients.publicL2.waitForTransactionReceipt({ hash });
  assert.equal(receipt.status, "success");
  return receipt;
};

const FACTORY = "0x4e59b44847b379578588920cA78FbF26c0B4956C";
const MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11";
const PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3";
const WETH = "0x4200000000000000000000000000000000000006";
const weth = {
  address: WETH,
  abi: [...erc20Abi, ...parseAbi(["function deposit() payable", "function withdraw(uint256)"])],
} as const;

test("viem's multicall reads many contracts at once on both chains", async () => {
  const { publicL1, publicL2, account } = clients;
  const multicall = { address: MULTICALL3, abi: multicall3Abi } as const;
  const contracts = [
    { ...multicall, functionName: "getEthBalance", args: [account.address] },
    { address: WETH, abi: erc20Abi, functionName: "symbol" },
  ] as const;
  const balance = await publicL2.getBalance({ address: account.address });
  assert.deepEqual(await publicL2.multicall({ contracts, allowFailure: false }), [balance, "WETH"]);
  const [held, none] = await publicL1.multicall({ contracts });
  assert.equal(held.result, await publicL1.getBalance({ address: account.address }));
  assert.equal(none.status, "failure", "there is no such token on L1");
});

test("the usual factory creates by salt on both chains: same code, same address", async () => {
  const { publicL1, publicL2, walletL1, walletL2 } = clients;
  const salt = pad("0x51");
  const address = getContractAddress({ opcode: "CREATE2", from: FACTORY, salt, bytecode: DELEGATE.bytecode });
  const creation = { to: FACTORY, data: concat([salt, DELEGATE.bytecode]) } as const;
  await succeeds(await walletL2.sendTransaction(creation));
  const hash = await walletL1.sendTransaction(creation);
  assert.equal((await publicL1.waitForTransactionReceipt({ hash })).status, "success");
  const code = await publicL2.getCode({ address });
  assert.ok(code !== undefined && code.length > 2);
  assert.equal(await publicL1.getCode({ address }), code);
});

test("WETH wraps ether, and Permit2 moves it by a signature for this chain", async () => {
  const { publicL2, walletL2, account } = clients;
  const read = <Name extends "balanceOf" | "name" | "symbol" | "decimals">(
    functionName: Name,
    args?: readonly [Address],
  ) => publicL2.readContract({ ...weth, functionName, args } as ContractFunctionParameters);
  assert.deepEqual(await Promise.all([read("name"), read("symbol"), read("decimals")]), ["Wrapped Ether", "WETH", 18]);
  await succeeds(await walletL2.writeContract({ ...weth, functionName: "deposit", value: parseEther("3") }));
  await succeeds(await walletL2.writeContract({ ...weth, functionName: "withdraw", args: [parseEther("1")] }));
  await succeeds(await walletL2.writeContract({ ...weth, functionName: "approve", args: [PERMIT2, maxUint256] }));
  assert.equal(await read("balanceOf", [account.address]), parseEther("2"));

  const abi = parseAbi([
    "function DOMAIN_SEPARATOR() view returns (bytes32)",
    "struct Details { address token; uint160 amount; uint48 expiration; uint48 nonce; }",
    "struct Single { Details details; address spender; uint256 sigDeadline; }",
    "function permit(address owner, Single permitSingle, bytes signature)",
    "function transferFrom(address from, address to, uint160 amount, address token)",
  ]);
  const permit2 = { address: PERMIT2, abi } as const;
  const domain = { name: "Permit2", chainId: devnet.info.chainId, verifyingContract: PERMIT2 } as const;
  assert.equal(
    await publicL2.readContract({ ...permit2, functionName: "DOMAIN_SEPARATOR" }),
    domainSeparator({ domain }),
  );
  const message = {
    details: { token: WETH, amount: maxUint160, expiration: 2 ** 48 - 1, nonce: 0 },
    spender: account.address,
    sigDeadline: maxUint256,
  } as const;
  const signature = await walletL2.signTypedData({
    domain,
    primaryType: "PermitSingle",
    types: {
      PermitSingle: [
        { name: "details", type: "PermitDetails" },
        { name: "spender", type: "address" },
        { name: "sigDeadline", type: "uint256" },
      ],
      PermitDetails: [
        { name: "token", type: "address" },
        { name: "amount", type: "uint160" },
        { name: "expiration", type: "uint48" },
        { name: "nonce", type: "uint48" },
      ],
    },
    message,
  });
  const permitting = { ...permit2, functionName: "permit", args: [account.address, message, signature] } as const;
  await succeeds(await walletL2.writeContract(permitting));
  const payee: Address = "0x00000000000000000000000000000000000000cc";
  const moving = [account.address, payee, parseEther("1"), WETH] as const;
  await succeeds(await walletL2.writeContract({ ...permit2, functionName: "transferFrom", args: moving }));
  assert.equal(await read("balanceOf", [payee]), parseEther("1"));
});

const SAFE_ABI = parseAbi([
  "function setup(address[] owners, uint256 threshold, address to, bytes data, address fallbackHandler, address paymentToken, uint256 payment, address paymentReceiver)",
  "function getOwners() view returns (address[])",
  "function getThreshold() view returns (uint256)",
  "function VERSION() view returns (string)",
  "function nonce() view returns (uint256)",
  "function getTransactionHash(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, uint256 nonce) view returns (bytes32)",
  "function execTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures) payable returns (bool)",
  "function multiSend(bytes transactions) payable",
  "function createProxyWithNonce(address singleton, bytes initializer, uint256 saltNonce) returns (address)",
]);
const SAFE_1_4_1 = {
  version: "1.4.1",
  factory: "0x4e1DCf7AD4e460CfD30791CCC4F9c8a4f820ec67",
  singleton: "0x29fcB43b46531BcA003ddC8FCB67FFE91900C762",
  handler: "0xfd0732Dc9E303f09fCEf3a7388Ad10A83459Ec99",
  multiSend: "0x38869bf66a61cF6bDB996A6aE40D5853Fd43B526",
} as const;
const SAFE_1_3_0 = {
  version: "1.3.0",
  factory: "0xC22834581EbC8527d974F8a1c97E1bEA4EF910BC",
  singleton: "0xfb1bffC9d739B8D520DaF37dF666da4C687191EA",
  handler: "0x017062a1dE2FE6b99BE3d9d37841FeD19F573804",
  multiSend: "0x998739BFdAAdde7C933B942a68053933098f9EDa",
} as const;
type Safe = typeof SAFE_1_3_0 | typeof SAFE_1_4_1;

/** The call that makes a wallet with one owner. */
const newSafe = (owner: Address, salt: bigint, { factory, singleton, handler }: Safe = SAFE_1_4_1) => {
  const nobody = [zeroAddress, "0x", handler, zeroAddress, 0n, zeroAddress] as const;
  const initializer = encodeFunctionData({ abi: SAFE_ABI, functionName: "setup", args: [[owner], 1n, ...nobody] });
  const making = { address: factory, abi: SAFE_ABI, functionName: "createProxyWithNonce" } as const;
  return { ...making, args: [singleton, initializer, salt] } as const;
};

/** What is asked of them here has one ABI in both. */
const ENTRY_POINTS = [
  { version: "0.7", address: entryPoint07Address, abi: entryPoint07Abi },
  { version: "0.8", address: entryPoint08Address, abi: entryPoint07Abi },
] as const;

test("both EntryPoints hash operations as viem does, hold deposits, and know their SenderCreator", async () => {
  const { publicL2, walletL2, account } = clients;
  const operation = {
    sender: account.address,
    nonce: 7n,
    callData: "0x1234",
    callGasLimit: 1n,
    verificationGasLimit: 2n,
    preVerificationGas: 3n,
    maxFeePerGas: 4n,
    maxPriorityFeePerGas: 5n,
    signature: "0x",
  } as const;
  for (const { version, ...entryPoint } of ENTRY_POINTS) {
    assert.equal(
      await publicL2.readContract({
        ...entryPoint,
        functionName: "getUserOpHash",
        args: [toPackedUserOperation(operation)],
      }),
      getUserOperationHash({
        chainId: devnet.info.chainId,
        entryPointAddress: entryPoint.address,
        entryPointVersion: version,
        userOperation: operation,
      }),
    );
    const depositing = { ...entryPoint, functionName: "depositTo", args: [account.address], value: 5n } as const;
    await succeeds(await walletL2.writeContract(depositing));
    assert.equal(
      await publicL2.readContract({ ...entryPoint, functionName: "balanceOf", args: [account.address] }),
      5n,
    );
    // A sender that the operation makes: the EntryPoint has its SenderCreator ask the factory.
    const { address: factory, abi: safeAbi, functionName, args } = newSafe(account.address, 99n);
    const { result } = await publicL2.simulateContract({ address: factory, abi: safeAbi, functionName, args, account });
    const initCode = concat([factory, encodeFunctionData({ abi: safeAbi, functionName, args })]);
    const asking = { ...entryPoint, functionName: "getSenderAddress", args: [initCode] } as const;
    const told = await publicL2.simulateContract(asking).catch((error: BaseError) => error);
    assert.ok(told instanceof BaseError);
    const reverted = told.walk((inner) => inner instanceof ContractFunctionRevertedError);
    const { errorName, args: sender } = (reverted as ContractFunctionRevertedError).data ?? {};
    assert.deepEqual([errorName, sender], ["SenderAddressResult", [result]]);
  }
});

test("both EntryPoints carry out an operation of an account that delegates, and refuse a wrong signature", async () => {
  const { publicL2, walletL2, account } = clients;
  const owner = privateKeyToAccount(devnet.info.accounts[2]?.privateKey as Hex);
  const creation = await succeeds(await walletL2.deployContract({ ...DELEGATE, args: [] }));
  const request = { chainId: devnet.info.chainId, address: creation.contractAddress as Address };
  const nonce = await publicL2.getTransactionCount(owner);
  const authorization = await owner.signAuthorization({ ...request, nonce });
  const { address: payee } = privateKeyToAccount(pad("0x77"));
  await succeeds(await walletL2.sendTransaction({ to: payee, authorizationList: [authorization] }));
  const callData = encodeFunctionData({ abi: DELEGATE.abi, functionName: "pay", args: [payee, 3n] });
  for (const { version, ...entryPoint } of ENTRY_POINTS) {
    const [before, fees, opNonce] = await Promise.all([
      publicL2.getBalance({ address: payee }),
      publicL2.estimateFeesPerGas(),
      publicL2.readContract({ ...entryPoint, functionName: "getNonce", args: [owner.address, 0n] }),
    ]);
    const gas = { callGasLimit: 200_000n, verificationGasLimit: 200_000n, preVerificationGas: 50_000n };
    const operation = { sender: owner.address, nonce: opNonce, callData, ...gas, ...fees } as const;
    const hash = getUserOperationHash({
      chainId: devnet.info.chainId,
      entryPointAddress: entryPoint.address,
      entryPointVersion: version,
      userOperation: { ...operation, signature: "0x" },
    });
    const handling = async (signed: Hex) => {
      const { r, s, v } = parseSignature(await owner.sign({ hash: signed }));
      const words = parseAbiParameters("bytes32 r, bytes32 s, uint8 v");
      const signature = encodeAbiParameters(words, [r, s, Number(v)]);
      const packed = toPackedUserOperation({ ...operation, signature });
      return { ...entryPoint, functionName: "handleOps", args: [[packed], account.address] } as const;
    };
    await assert.rejects(publicL2.simulateContract({ ...(await handling(pad("0x01"))), account }), /AA24/);
    const { logs } = await succeeds(await walletL2.writeContract(await handling(hash)));
    const [event] = parseEventLogs({ abi: entryPoint.abi, eventName: "UserOperationEvent", logs });
    assert.deepEqual([event?.args.userOpHash, event?.args.success], [hash, true]);
    assert.equal(await publicL2.getBalance({ address: payee }), before + 3n);
  }
});

test("Safe's factory makes a wallet, which acts by its owner's signature", async () => {
  const { publicL2, walletL2, account } = clients;
  const owner = privateKeyToAccount(devnet.info.accounts[1]?.privateKey as Hex);
  const abi = SAFE_ABI;
  for (const safe of [SAFE_1_3_0, SAFE_1_4_1]) {
    // Nobody can set up the singleton itself.
    assert.equal(await publicL2.readContract({ address: safe.singleton, abi, functionName: "getThreshold" }), 1n);
    const making = newSafe(owner.address, 1n, safe);
    const { result } = await publicL2.simulateContract({ ...making, account });
    await succeeds(await walletL2.writeContract(making));
    const wallet = { address: result, abi } as const;
    assert.deepEqual(await publicL2.readContract({ ...wallet, functionName: "getOwners" }), [owner.address]);
    assert.equal(await publicL2.readContract({ ...wallet, functionName: "VERSION" }), safe.version);

    await succeeds(await walletL2.sendTransaction({ to: wallet.address, value: 10n }));
    const payees = [
      "0x00000000000000000000000000000000000000d1",
      "0x00000000000000000000000000000000000000d2",
    ] as const;
    const held = () => Promise.all(payees.map((address) => publicL2.getBalance({ address })));
    const before = await held();
    // Two payments in one transaction, by a delegate call (1) of MultiSend.
    const payments = payees.map((to) =>
      encodePacked(["uint8", "address", "uint256", "uint256", "bytes"], [0, to, 5n, 0n, "0x"]),
    );
    const data = encodeFunctionData({ abi, functionName: "multiSend", args: [concat(payments)] });
    const what = [safe.multiSend, 0n, data, 1, 0n, 0n, 0n, zeroAddress, zeroAddress] as const;
    const nonce = await publicL2.readContract({ ...wallet, functionName: "nonce" });
    const hash = await publicL2.readContract({ ...wallet, functionName: "getTransactionHash", args: [...what, nonce] });
    const acting = { ...wallet, functionName: "execTransaction", args: [...what, await owner.sign({ hash })] } as const;
    await succeeds(await walletL2.writeContract(acting));
    assert.deepEqual(
      await held(),
      before.map((each) => each + 5n),
    );
    assert.equal(await publicL2.getBalance({ address: wallet.address }), 0n);
  }
});
