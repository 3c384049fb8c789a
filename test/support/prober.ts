import assert from "node:assert/strict";
import { type Abi, decodeErrorResult, decodeEventLog, encodeFunctionData, type Log, parseEther } from "viem";
import type { Hex } from "../../executor/index.ts";
import type { Anvil } from "./anvil.ts";
import { compile } from "./solidity.ts";

/** An account that sends many calls in one transaction, and tells how each of them ended. */
const PROBER = compile(
  "Prober",
  `
contract Prober {
    event Probed(bool ok, bytes answer);

    function probe(address to, bytes[] calldata calls, uint256[] calldata values) external {
        for (uint256 i; i < calls.length; ++i) {
            (bool ok, bytes memory answer) = to.call{value: values[i]}(calls[i]);
            emit Probed(ok, answer);
        }
    }
}`,
);

export type Probe = { readonly data: Hex; readonly value: bigint };
/** `error`: name of the error that it ended with. `logs`: of the contract that was called. */
export type Probed = { readonly error: string | undefined; readonly logs: readonly Log[] };

const GAS = 29_000_000n;

export const createProber = async (l1: Anvil, abi: Abi) => {
  const hash = await l1.wallet(9).deployContract({ ...PROBER, args: [] });
  const { contractAddress } = await l1.client.waitForTransactionReceipt({ hash });
  assert.ok(contractAddress);
  const address = contractAddress.toLowerCase() as Hex;
  await l1.control.setBalance({ address, value: parseEther("100000") });
  return {
    address,
    /** Sends them in the next block. */
    async probe(to: Hex, probes: readonly Probe[]): Promise<readonly Probed[]> {
      const args = [to, probes.map(({ data }) => data), probes.map(({ value }) => value)];
      const data = encodeFunctionData({ abi: PROBER.abi, functionName: "probe", args });
      const sent = await l1.wallet(9).sendTransaction({ to: address, data, gas: GAS });
      const receipt = await l1.client.waitForTransactionReceipt({ hash: sent });
      assert.equal(receipt.status, "success");
      const results: Probed[] = [];
      let logs: Log[] = [];
      for (const log of receipt.logs) {
        if (log.address.toLowerCase() === to.toLowerCase()) logs.push(log);
        if (log.address.toLowerCase() !== address) continue;
        const { args: ended } = decodeEventLog({ abi: PROBER.abi, ...log }) as unknown as {
          args: { readonly ok: boolean; readonly answer: Hex };
        };
        const error = ended.ok ? undefined : nameOf(abi, ended.answer);
        results.push({ error, logs });
        logs = [];
      }
      return results;
    },
  };
};
export type Prober = Awaited<ReturnType<typeof createProber>>;

const nameOf = (abi: Abi, data: Hex): string =>
  data === "0x" ? "unnamed" : decodeErrorResult({ abi, data }).errorName;
