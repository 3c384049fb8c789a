import { readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { decodeFunctionResult, encodeDeployData, encodeFunctionData } from "viem";
import { type CompiledParts, type Creation, keccakF, stepCreations } from "../../bridge/index.ts";
import { type Bytes, concat, fromHex, type Hex, STEP_PARTS, toHex, uintBE } from "../../executor/index.ts";
import { type Anvil, startAnvil } from "../support/anvil.ts";
import { inboxStorage, type KeptMessage, type KeptRecord, readOnlyInbox } from "../support/inbox-storage.ts";
import { compileHarness } from "../support/solidity.ts";
import { type Judged, ONE_RECORD } from "./contracts.ts";

/** A step for a contract to judge: evidence from `pre`, and the hash that must come of it. */
export type Record = { readonly verifier: number; readonly pre: Bytes; readonly post: Bytes; readonly evidence: Bytes };
export type Verdict = { readonly verdict: "right" | "wrong" | "reverted"; readonly gas: number; readonly reason: Hex };

const DECODE = STEP_PARTS.indexOf("decode");

/** The place of the contract that decodes for the n-th of `coinbases`. */
export const decoderOf = (n: number): number => STEP_PARTS.length + n;

export type VerifierOptions = {
  /** In place of the contracts that are kept with the program. */
  readonly compiled?: CompiledParts;
  /** What the inbox holds. */
  readonly records?: readonly KeptRecord[];
  readonly messages?: readonly KeptMessage[];
  /** Further contracts that decode, for blocks with another coinbase than the chain's. */
  readonly coinbases?: readonly Hex[];
};

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
  rulesOn: (inbox: Hex, l1: Anvil) => Promise<Judged> | Judged,
  { compiled, records = [ONE_RECORD], messages = [], coinbases = [] }: VerifierOptions = {},
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
  const inbox = await deploy(readOnlyInbox);
  for (const [slot, value] of inboxStorage(records, messages))
    await anvil.control.setStorageAt({ address: inbox, index: toHex(slot) as never, value: toHex(value) });
  const rules = { ...(await rulesOn(inbox, anvil)), keccakF: permutation };
  const addresses: Hex[] = [];
  for (const [, creation] of stepCreations(rules, compiled)) addresses.push(await deploy(creation));
  for (const coinbase of coinbases) {
    const [, decoder] = stepCreations({ ...rules, coinbase }, compiled)[DECODE] as readonly [string, Creation];
    addresses.push(await deploy(decoder));
  }

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
