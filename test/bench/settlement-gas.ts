import { type Abi, type Address, encodeFunctionData, type Hex, parseEther, size } from "viem";
import { getWithdrawals } from "viem/op-stack";
import {
  appendBlobsCall,
  appendCall,
  type BlobCall,
  batchInbox,
  DEVNET_WITHDRAWALS,
  type L1Call,
  l1StandardBridge,
  modelRegistry,
  portal,
} from "../../bridge/index.ts";
import { BLOB_DATA_BYTES, type Bytes, commitBlob, encodeBlobs, toHex, ZERO_32 } from "../../executor/index.ts";
import { account, startAnvil } from "../support/anvil.ts";
import { layOut, SEQUENCER, startSender } from "../support/l2-node.ts";
import { compile } from "../support/solidity.ts";
import { createSettlement } from "../support/withdrawals.ts";
import { denseBytes } from "./dense-bytes.ts";
import { type GasRow, type GasSection, type SentRow, withGas } from "./gas-table.ts";

type Ends = { after(end: () => unknown): void };

const FULL_CHUNK = 98_304;
/** So few bytes that the call itself is what is paid for. */
const SMALL_BATCH = 1_000;
const KIB = 1_024;

const TOKEN = compile(
  "GasToken",
  `contract GasToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    constructor() { balanceOf[msg.sender] = 1000 ether; }
    function approve(address spender, uint256 amount) external { allowance[msg.sender][spender] = amount; }
    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}`,
);

/** Batches, full ones: what the sequencer pays by the byte. */
const batchRows = async (ends: Ends): Promise<readonly GasRow[]> => {
  const l1 = await startAnvil(ends as never, "--hardfork", "osaka");
  const { contracts } = await layOut(l1);
  const { number, timestamp } = await l1.client.getBlock();
  const sender = startSender(l1, SEQUENCER);
  const place = { origin: { number, timestamp }, delayedEnd: 0n, delayedAccumulator: toHex(ZERO_32) };
  const land = async (call: L1Call | BlobCall) => {
    const [receipt] = await sender.land(call);
    if (receipt === undefined) throw new Error("no receipt of a batch");
    return receipt;
  };
  const calldata = (index: bigint, data: Bytes) => appendCall(contracts.batchInbox, { ...place, index, data });
  // The first write of a slot costs more: it is not counted.
  await land(calldata(0n, denseBytes(1)));
  let index = 1n;
  const rows: SentRow[] = [];
  for (const [what, length] of [
    ["batch in calldata, 1,000 bytes", SMALL_BATCH],
    ["batch in calldata, full", FULL_CHUNK],
  ] as const) {
    const { transactionHash: hash } = await land(calldata(index++, denseBytes(length)));
    rows.push({ what, hash, bytes: length, per: [length, "byte"] });
  }
  for (const count of [1, 6]) {
    const bytes = count * BLOB_DATA_BYTES;
    const blobs = await Promise.all(encodeBlobs(denseBytes(bytes)).map(commitBlob));
    const { transactionHash, blobGasUsed = 0n } = await land(
      appendBlobsCall(contracts.batchInbox, { ...place, index: index++, blobs }),
    );
    const what = count === 1 ? "batch in a blob, full" : `batch in ${count} blobs, full`;
    rows.push({ what, hash: transactionHash, blobGas: blobGasUsed, per: [bytes, "byte"] });
  }
  await sender.transactor.stop();
  return withGas(l1.client, rows);
};

/** Deposits, claims, withdrawals and publication. */
const userRows = async (ends: Ends): Promise<readonly GasRow[]> => {
  const s = await createSettlement(ends as never);
  const rows: SentRow[] = [];
  const row = async (what: string, to: Hex, data: Hex, more: Partial<SentRow> & { readonly value?: bigint } = {}) => {
    const { value = 0n, ...rest } = more;
    const hash = await s.walletL1.sendTransaction({ to: to as Address, data, value });
    const { status } = await s.publicL1.waitForTransactionReceipt({ hash });
    if (status !== "success") throw new Error(`${what} reverted`);
    rows.push({ what, hash, bytes: size(data), ...rest });
  };
  /** The transaction of L1's newest block. */
  const newest = async (what: string, peer?: string) => {
    const { transactions } = await s.publicL1.getBlock({ includeTransactions: true });
    const [sent] = transactions;
    if (sent === undefined) throw new Error(`no transaction: ${what}`);
    rows.push({ what, hash: sent.hash, bytes: size(sent.input), ...(peer === undefined ? {} : { peer }) });
  };
  const call = (abi: Abi, functionName: string, args: readonly unknown[]) =>
    encodeFunctionData({ abi, functionName, args });

  const deposit = call(portal.abi as Abi, "depositTransaction", [s.address, 1n, 100_000n, false, "0x"]);
  await s.deposit(parseEther("5"));
  await row("deposit of ether (Portal)", s.contracts.portal, deposit, {
    value: 1n,
    peer: "36,396 warm, 75,085 cold: depositTransaction",
  });
  const hash = await s.l1.wallet(s.user).deployContract({ abi: TOKEN.abi as Abi, bytecode: TOKEN.bytecode });
  const token = (await s.publicL1.waitForTransactionReceipt({ hash })).contractAddress as Address;
  const bridge = s.contracts.l1StandardBridge;
  await s.send({ from: s.user, to: token, abi: TOKEN.abi as Abi }, "approve", [bridge, parseEther("9")]);
  const bridging = call(l1StandardBridge.abi as Abi, "bridgeERC20", [token, token, 1n, 200_000, "0x"]);
  await s.send({ from: s.user, to: bridge, abi: l1StandardBridge.abi as Abi }, "bridgeERC20", [
    token,
    token,
    1n,
    200_000,
    "0x",
  ]);
  await row("deposit of a token (bridge)", bridge, bridging, { peer: "112,955 warm, 348,302 cold: depositERC20" });
  const envelope = toHex(denseBytes(120));
  await row(
    "forced transaction of 120 bytes",
    s.contracts.batchInbox,
    call(batchInbox.abi as Abi, "enqueue", [envelope, 100_000n]),
  );

  const to = account(7).address;
  const receipt = await s.initiate({ to, value: parseEther("2") });
  const id = await s.claim();
  await newest("claim", "88,513: proposeL2Output, without a dispute");
  const [withdrawal] = getWithdrawals({ logs: receipt.logs });
  if (withdrawal === undefined) throw new Error("no withdrawal");
  const game = await s.publicL1.getGame({ targetChain: s.chain, l2BlockNumber: receipt.blockNumber });
  const request = await s.publicL2.buildProveWithdrawal({ account: account(s.user), game, withdrawal });
  await s.publicL1.waitForTransactionReceipt({ hash: await s.walletL1.proveWithdrawal(request) });
  await newest("proof of a withdrawal", "169,229: proveWithdrawalTransaction");
  await s.l1.warp(Number(DEVNET_WITHDRAWALS.proofMaturityDelay) + 1);
  await s.confirm(id);
  await newest("confirmation of a claim");
  await s.l1.warp(Number(DEVNET_WITHDRAWALS.finalityDelay) + 1);
  await s.publicL1.waitForTransactionReceipt({
    hash: await s.walletL1.finalizeWithdrawal({ targetChain: s.chain, withdrawal }),
  });
  await newest("finalization of a withdrawal");

  const chunk = denseBytes(FULL_CHUNK);
  await row(
    "publication: a chunk of a model",
    s.contracts.modelRegistry,
    call(modelRegistry.abi as Abi, "post", [toHex(chunk)]),
    {
      per: [chunk.length / KIB, "KiB"],
    },
  );
  return withGas(s.l1.client, rows);
};

/** What settlement costs on L1. */
export const settlementGas = async (): Promise<GasSection> => {
  const ends: (() => unknown)[] = [];
  const keep: Ends = { after: (end) => void ends.push(end) };
  try {
    const rows = [...(await batchRows(keep)), ...(await userRows(keep))];
    return {
      title: "Settlement",
      about:
        "Whole transactions, their base and calldata among it. The OP Stack's figures are those of its repository's gas snapshot (ethereum-optimism/optimism, packages/contracts-bedrock/.gas-snapshot at 9ae0a566), which count the call alone, as the column of execution does.",
      rows,
    };
  } finally {
    for (const end of ends) await end();
  }
};
