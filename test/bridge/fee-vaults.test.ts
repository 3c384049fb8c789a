import assert from "node:assert/strict";
import { test } from "node:test";
import { type Abi, type Address, BaseError, ContractFunctionRevertedError, parseEther, parseGwei } from "viem";
import { ADDRESS, feeVaultPredeploy } from "../../executor/index.ts";
import { account } from "../support/anvil.ts";
import { FEE_RECIPIENT } from "../support/claims.ts";
import { createSettlement } from "../support/withdrawals.ts";

const { abi } = feeVaultPredeploy;

const nameOf = (error: unknown): string | undefined => {
  const cause = error instanceof BaseError ? error.walk((one) => one instanceof ContractFunctionRevertedError) : null;
  return cause instanceof ContractFunctionRevertedError ? cause.data?.errorName : undefined;
};

test("what transactions pay gathers in the vaults, and anyone sends it to its recipient on L1", async (t) => {
  const s = await createSettlement(t);
  const to = account(FEE_RECIPIENT).address;
  const vault = (address: Address) => ({ address, abi: abi as Abi }) as const;
  const [tips, baseFees] = [vault(ADDRESS.sequencerFeeVault), vault(ADDRESS.baseFeeVault)];
  const read = <T>(of: typeof tips, functionName: string) =>
    s.publicL2.readContract({ ...of, functionName }) as Promise<T>;
  for (const one of [tips, baseFees]) {
    const [recipient, old, minimum, network, processed] = await Promise.all([
      read<Address>(one, "recipient"),
      read<Address>(one, "RECIPIENT"),
      read<bigint>(one, "minWithdrawalAmount"),
      read<number>(one, "withdrawalNetwork"),
      read<bigint>(one, "totalProcessed"),
    ]);
    assert.deepEqual([recipient, old, minimum, network, processed], [to, to, parseEther("0.1"), 0, 0n]);
  }
  // The ether that the vaults pay with is on L1.
  await s.deposit(parseEther("5"));
  const withdraw = async (of: typeof tips) => {
    const hash = await s.walletL2.writeContract({ ...of, functionName: "withdraw", chain: s.chain, gas: 300_000n });
    return s.publicL2.waitForTransactionReceipt({ hash });
  };
  await assert.rejects(
    s.publicL2.simulateContract({ ...tips, functionName: "withdraw" }),
    (error) => nameOf(error) === "TooLittle",
  );

  const balanceOf = ({ address }: typeof tips) => s.publicL2.getBalance({ address });
  const before = [await balanceOf(tips), await balanceOf(baseFees)] as const;
  const paid = await s.publicL2.waitForTransactionReceipt({
    hash: await s.walletL2.sendTransaction({
      to,
      gas: 21_000n,
      maxFeePerGas: parseGwei("20000"),
      maxPriorityFeePerGas: parseGwei("10000"),
    }),
  });
  const { baseFeePerGas } = await s.publicL2.getBlock({ blockNumber: paid.blockNumber });
  assert.equal((await balanceOf(tips)) - before[0], 21_000n * parseGwei("10000"));
  assert.equal((await balanceOf(baseFees)) - before[1], 21_000n * (baseFeePerGas ?? 0n));
  // Base fees would take a while: somebody adds to them.
  await s.walletL2.sendTransaction({ to: baseFees.address, value: parseEther("1"), gas: 50_000n });

  const receipts = [await withdraw(tips), await withdraw(baseFees)];
  const withdrawn = (await read<bigint>(tips, "totalProcessed")) + (await read<bigint>(baseFees, "totalProcessed"));
  assert.ok(withdrawn > parseEther("1.21"), `${withdrawn}`);
  const withdrawals = await s.mature(receipts);
  assert.deepEqual(
    withdrawals.map(({ target, sender }) => [target, sender]),
    [tips, baseFees].map(({ address }) => [to, address]),
  );
  const balance = await s.publicL1.getBalance({ address: to });
  for (const withdrawal of withdrawals) {
    const hash = await s.walletL1.finalizeWithdrawal({ targetChain: s.chain, withdrawal });
    assert.equal((await s.publicL1.waitForTransactionReceipt({ hash })).status, "success");
  }
  assert.equal((await s.publicL1.getBalance({ address: to })) - balance, withdrawn);
});
