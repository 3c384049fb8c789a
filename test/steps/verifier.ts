import { readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { decodeFunctionResult, encodeDeployData, encodeFunctionData } from "viem";
import { type CompiledParts, type Creation, keccakF, type StepRules, stepCreations } from "../../bridge/index.ts";
import { type Bytes, concat, fromHex, type Hex, toHex, uintBE } from "../../executor/index.ts";
import { type Anvil, startAnvil } from "../support/anvil.ts";
import { compileHarness } from "../support/solidity.ts";

/** A step for a contract to judge: evidence from `pre`, and the hash that must come of it. */
export type Record = { readonly verifier: number; readonly pre: Bytes; readonly post: Bytes; readonly evidence: Bytes };
export type Verdict = { readonly verdict: "right" | "wrong" | "reverted"; readonly gas: number; readonly reason: Hex };

/** What steps are judged by. */
export type Judged = Omit<StepRules, "keccakF">;

const VERDICTS = ["right", "wrong", "reverted"] as const;
const VERDICT_BYTES = 9;
/** Of one call. */
const BATCH_BYTES = 4_000_000;
const CALL_GAS = 10n ** 12n;

const encode = ({ verifier, pre, post, evidence }: Record): Bytes =>
  concat(Uint8Array.of(verifier), uintBE(evidence.length, 4), pre, post, evidence);

export type Verifier = Awaited<ReturnType<typeof startVerifier>>;

/** The contracts, in the order of a record's `verifier`, on an L1 of their own, and what takes batches of steps to them. */
export const startVerifier = async (
  t: Pick<TestContext, "after">,
  rulesOn: (l1: Anvil) => Promise<Judged> | Judged,
  compiled?: CompiledParts,
) => {
  const anvil = await startAnvil(
    t,
    ...["--hardfork", "osaka", "--no-request-size-limit", "--disable-block-gas-limit", "--memory-limit", "4294967296"],
  );
  const wallet = anvil.wallet(0);
  const source = readFileSync(new URL("StepBatch.sol", import.meta.url), "utf8");
  const { abi, code } = compileHarness("StepBatch", source.split("\n").slice(2).join("\n"));
  const to = `0x${"77".repeat(20)}` as const;
  await anvil.control.setCode({ address: to, bytecode: code });
  const deploy = async (creation: Creation): Promise<Hex> => {
    const hash = await wallet.sendTransaction({ data: encodeDeployData(creation) });
    const { contractAddress } = await anvil.client.waitForTransactionReceipt({ hash });
    if (contractAddress === null || contractAddress === undefined) throw new Error("not deployed");
    return contractAddress;
  };
  const permutation = await deploy({ ...keccakF, ...compiled?.get("KeccakF"), args: [] } as Creation);
  const addresses: Hex[] = [];
  for (const [, creation] of stepCreations({ ...(await rulesOn(anvil)), keccakF: permutation }, compiled))
    addresses.push(await deploy(creation));

  const call = async (batch: readonly Record[]): Promise<readonly Verdict[]> => {
    const steps = toHex(concat(...batch.map(encode)));
    const { data } = await anvil.client.call({
      to,
      data: encodeFunctionData({ abi, functionName: "run", args: [addresses, steps] }),
      gas: CALL_GAS,
    });
    const verdicts = fromHex(decodeFunctionResult({ abi, functionName: "run", data: data ?? "0x" }) as Hex);
    const view = new DataView(verdicts.buffer);
    return batch.map((_, i) => ({
      verdict: VERDICTS[verdicts[VERDICT_BYTES * i] as number] ?? "reverted",
      gas: view.getUint32(VERDICT_BYTES * i + 1),
      reason: toHex(verdicts.subarray(VERDICT_BYTES * i + 5, VERDICT_BYTES * (i + 1))),
    }));
  };

  return {
    client: anvil.client,
    /** Of the contracts. */
    addresses: addresses as readonly Hex[],
    /** Verdicts in the order of the records. */
    async judge(records: readonly Record[]): Promise<readonly Verdict[]> {
      const verdicts: Verdict[] = [];
      let batch: Record[] = [];
      let bytes = 0;
      for (const record of records) {
        if (bytes > 0 && bytes + record.evidence.length > BATCH_BYTES) {
          verdicts.push(...(await call(batch)));
          batch = [];
          bytes = 0;
        }
        batch.push(record);
        bytes += record.evidence.length;
      }
      return batch.length === 0 ? verdicts : [...verdicts, ...(await call(batch))];
    },
  };
};
