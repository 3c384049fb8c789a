import {
  AbiDecodingDataSizeTooSmallError,
  AbiDecodingZeroDataError,
  BaseError,
  ContractFunctionRevertedError,
  ContractFunctionZeroDataError,
  encodeDeployData,
  InvalidAddressError,
  isAddressEqual,
  type PublicClient,
  zeroAddress,
} from "viem";
import {
  type ChainParameters,
  concat,
  type ForkSchedule,
  type Hex,
  STEP_PARTS,
  TAG,
  tagByte,
  toHex,
} from "../../executor/index.ts";
import {
  admissionVerifier,
  bulkSteps,
  callSteps,
  claimRegistry,
  keccakF,
  leafRules,
  programIntervals,
  programRules,
  stepVerifier,
} from "../contracts/contracts.gen.ts";
import { judgesOf, type L1Contracts, provenAddress, successorOf } from "./deploy.ts";
import { type Creation, forksIn, otherwiseFrom, stepCreations } from "./step-contracts.ts";

/** What contracts that are something else answer with. */
const STRANGE = [
  ContractFunctionRevertedError,
  ContractFunctionZeroDataError,
  AbiDecodingZeroDataError,
  AbiDecodingDataSizeTooSmallError,
  InvalidAddressError,
] as const;

const isStrange = (error: unknown): boolean =>
  error instanceof BaseError && error.walk((one) => STRANGE.some((kind) => one instanceof kind)) !== null;

const [BULK, CALLS] = [STEP_PARTS.indexOf("bulk"), STEP_PARTS.indexOf("calls")];

/**
 * Where, and why, a claim registry's contracts part from this node's rules: `from` the L2 timestamp of the first block that
 * they judge otherwise; 0: they are not this version's at all. A game by other rules could be lost by being right.
 */
export type Departure = { readonly from: bigint; readonly why: string };

/**
 * Whether what decides a claim registry's games is this version's: the registry, the rules of leaves, the verifiers, every
 * part, each held against what its creation for this chain would leave on L1; of a registry that takes over the address
 * proves the creation. Parts that were made before a fork was scheduled, or for one that this node does not have scheduled,
 * judge as this node until then.
 */
export type Judges = {
  /** Undefined: nowhere. Asked once a registry. Fails as the client does. */
  foreign(registry: Hex): Promise<Departure | undefined>;
};

export type JudgedChain = Pick<L1Contracts, "batchInbox" | "claimGames"> & { readonly parameters: ChainParameters };

/** A first registry's code does not tell which state it was made for: any does. */
const ANY_STATE = toHex(concat(tagByte(TAG.chainState), new Uint8Array(253)));

const strange = (why: string): Departure => ({ from: 0n, why });

const judge = async (
  client: PublicClient,
  registry: Hex,
  { batchInbox: inbox, claimGames, parameters }: JudgedChain,
): Promise<Departure | undefined> => {
  const own = { address: registry, abi: claimRegistry.abi } as const;
  const rules = await client.readContract({ ...own, functionName: "RULES" });
  const claims = await client.readContract({ ...own, functionName: "parameters" });
  const predecessor = await client.readContract({ ...own, functionName: "predecessor" });
  const ofRules = { address: rules, abi: leafRules.abi } as const;
  const stepAddress = await client.readContract({ ...ofRules, functionName: "STEP_VERIFIER" });
  const tensorAddress = await client.readContract({ ...ofRules, functionName: "TENSOR_STEP_VERIFIER" });
  const parts = await client.readContract({ address: stepAddress, abi: stepVerifier.abi, functionName: "parts" });
  const [bulk, calls] = [parts[BULK], parts[CALLS]];
  if (parts.length !== STEP_PARTS.length || bulk === undefined || calls === undefined)
    return strange(`the step verifier has ${parts.length} parts, and ${STEP_PARTS.length} in this version`);
  const packed = await client.readContract({ address: calls, abi: callSteps.abi, functionName: "FORKS" });
  const forks: ForkSchedule = forksIn(packed);
  const permutation = await client.readContract({ address: bulk, abi: bulkSteps.abi, functionName: "KECCAK_F" });
  const admission = await client.readContract({ ...ofRules, functionName: "ADMISSION_VERIFIER" });
  const programs = await client.readContract({ address: admission, abi: admissionVerifier.abi, functionName: "RULES" });
  const intervals = await client.readContract({ address: programs, abi: programRules.abi, functionName: "INTERVALS" });
  const judges = judgesOf(
    {
      stepVerifier: stepAddress,
      tensorStepVerifier: tensorAddress,
      admissionVerifier: admission,
      leafRules: rules,
    },
    { steps: parts, programRules: programs },
    claims,
  );
  const isFirst = isAddressEqual(predecessor, zeroAddress);
  const contracts = { batchInbox: inbox, claimGames };
  // INVARIANT: a registry that takes over began with nothing in its storage that its creation does not write.
  if (!isFirst && !isAddressEqual(registry, provenAddress(successorOf(contracts, { rules, predecessor, claims }))))
    return strange(`the registry at ${registry} is none that this version's creation code made`);
  const first = { ...claimRegistry, args: [inbox, claimGames, rules, predecessor, ANY_STATE, claims] };
  const made: readonly (readonly [name: string, address: Hex, creation: Creation])[] = [
    ...(isFirst ? [["the registry", registry, first] as const] : []),
    ["the rules of leaves", rules, judges.leafRules],
    ["the step verifier", stepAddress, judges.stepVerifier],
    ["the tensor step verifier", tensorAddress, judges.tensorStepVerifier],
    ["the admission verifier", admission, judges.admissionVerifier],
    ["the rules of programs", programs, { ...programRules, args: [intervals] }],
    ["the intervals of programs", intervals, { ...programIntervals, args: [] }],
    ["the permutation of Keccak", permutation, { ...keccakF, args: [] }],
    ...stepCreations({ inbox, keccakF: permutation, parameters: { ...parameters, forks } }).map(
      ([name, creation], i) => [`the step verifier's part ${name}`, parts[i] as Hex, creation] as const,
    ),
  ];
  const found = await Promise.all(
    made.map(async ([name, address, creation]) => {
      const [stated, { data }] = await Promise.all([
        client.getCode({ address }),
        client.call({ data: encodeDeployData(creation) }),
      ]);
      return stated === data ? undefined : `${name} at ${address} is another than this version's for this chain`;
    }),
  );
  const other = found.find((what) => what !== undefined);
  if (other !== undefined) return strange(other);
  const from = otherwiseFrom(forks, parameters.forks);
  return from === undefined
    ? undefined
    : { from, why: "it has another schedule of forks than the rollup file: a fork begins in one of them alone" };
};

/** `parameters`: by which the node derives. */
export const createJudges = (client: PublicClient, chain: JudgedChain): Judges => {
  const known = new Map<Hex, Departure | undefined>();
  return {
    async foreign(registry) {
      if (!known.has(registry))
        known.set(
          registry,
          await judge(client, registry, chain).catch((error: unknown) => {
            if (!isStrange(error)) throw error;
            return strange(`no registry with this version's functions: ${(error as BaseError).shortMessage}`);
          }),
        );
      return known.get(registry);
    },
  };
};
