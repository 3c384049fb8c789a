import { createAddressFromString } from "@ethereumjs/util";
import { type Abi, decodeErrorResult, decodeFunctionResult, encodeDeployData, encodeFunctionData } from "viem";
import {
  admissionVerifier,
  keccakF,
  leafRules,
  programIntervals,
  programRules,
  stepCreations,
  stepVerifier,
  tensorStepVerifier,
} from "../../bridge/index.ts";
import type { LeafKind } from "../../challenger/index.ts";
import { withoutModels } from "../../executor/chain/chain.fixture.ts";
import {
  type Bytes,
  createMachine,
  createMemoryStore,
  createRules,
  createWorldState,
  DEVNET_PARAMETERS,
  fromHex,
  type Hex,
  toHex,
} from "../../executor/index.ts";
import { inboxStorage, type KeptMessage, type KeptRecord, readOnlyInbox } from "./inbox-storage.ts";

/** What the contract says of a leaf, or the name of the error with which it ends. */
export type Verdict = { readonly leaf: LeafKind; readonly post: Hex } | { readonly error: string };

export type PastOfLeaf = {
  readonly origin: Bytes;
  readonly start: Bytes;
  readonly lefts: readonly Bytes[];
  readonly pre: Bytes;
};
export type PlaceOfLeaf = { readonly level: number; readonly position: number };

/** What the inbox holds that steps are judged by. */
export type Held = { readonly records: readonly KeptRecord[]; readonly messages: readonly KeptMessage[] };

export type Heights = { readonly height1: number; readonly most2: number; readonly most3: number };

const KINDS = ["prove", "refine", "descend"] as const;
const GAS = 200_000_000n;

/** The contracts themselves, in an EVM of their own. */
export const deployLeafRules = async (
  { height1, most2, most3 }: Heights,
  { records, messages }: Held = { records: [], messages: [] },
) => {
  const { manager } = createWorldState(createMemoryStore());
  const machine = createMachine(manager, { models: withoutModels, rules: createRules(1n, "osaka") });
  const deploy = async (data: Hex): Promise<Hex> => {
    const { createdAddress, execResult } = await machine.runCall({ data: fromHex(data), gasLimit: GAS });
    if (createdAddress === undefined || execResult.exceptionError !== undefined)
      throw new Error(`not deployed: ${execResult.exceptionError?.error}`);
    return createdAddress.toString();
  };
  const inbox = await deploy(encodeDeployData(readOnlyInbox));
  for (const [slot, value] of inboxStorage(records, messages))
    await manager.putStorage(createAddressFromString(inbox), slot, value);
  const permutation = await deploy(encodeDeployData(keccakF));
  const parts: Hex[] = [];
  for (const [, creation] of stepCreations({ inbox, keccakF: permutation, parameters: DEVNET_PARAMETERS }))
    parts.push(await deploy(encodeDeployData(creation)));
  const steps = await deploy(encodeDeployData({ ...stepVerifier, args: [parts] }));
  const tensors = await deploy(encodeDeployData(tensorStepVerifier));
  const intervals = await deploy(encodeDeployData(programIntervals));
  const programs = await deploy(encodeDeployData({ ...programRules, args: [intervals] }));
  const admissions = await deploy(encodeDeployData({ ...admissionVerifier, args: [programs] }));
  const args = [height1, most2, most3, tensors, steps, admissions] as const;
  const rules = await deploy(encodeDeployData({ ...leafRules, args }));
  const abi: Abi = leafRules.abi;

  const call = async (functionName: string, args: readonly unknown[], gasLimit: bigint) => {
    const { execResult } = await machine.runCall({
      to: createAddressFromString(rules),
      data: fromHex(encodeFunctionData({ abi, functionName, args })),
      gasLimit,
      skipNonceIncrement: true,
    });
    const data = toHex(execResult.returnValue);
    if (execResult.exceptionError === undefined)
      return { result: decodeFunctionResult({ abi, functionName, data }), gas: execResult.executionGasUsed };
    return { error: data === "0x" ? execResult.exceptionError.error : decodeErrorResult({ abi, data }).errorName };
  };
  const shown = ({ origin, start, lefts, pre }: PastOfLeaf) => ({
    origin: toHex(origin),
    start: toHex(start),
    lefts: lefts.map(toHex),
    pre: toHex(pre),
  });
  return {
    /** `gasLimit`: of the call. */
    async leafOf(
      { level, position }: PlaceOfLeaf,
      past: PastOfLeaf,
      evidence: Bytes,
      gasLimit = GAS,
    ): Promise<Verdict> {
      const answer = await call("leafOf", [level, BigInt(position), shown(past), toHex(evidence)], gasLimit);
      if (answer.error !== undefined) return { error: answer.error };
      const {
        kind,
        level: below,
        height,
        post,
      } = answer.result as {
        readonly kind: number;
        readonly level: number;
        readonly height: number;
        readonly post: Hex;
      };
      const name = KINDS[kind] as (typeof KINDS)[number];
      return { leaf: name === "prove" ? { kind: name } : { kind: name, level: below, height }, post };
    },
    /** Hash of one element. `gasLimit`: of the call. */
    async elementOf(
      { k, position, operator }: { readonly k: number; readonly position: number; readonly operator: number },
      past: PastOfLeaf,
      evidence: Bytes,
      gasLimit = GAS,
    ): Promise<{ readonly post: Hex } | { readonly error: string }> {
      const answer = await call(
        "elementOf",
        [k, BigInt(position), BigInt(operator), shown(past), toHex(evidence)],
        gasLimit,
      );
      return answer.error === undefined ? { post: answer.result as Hex } : { error: answer.error };
    },
  };
};
