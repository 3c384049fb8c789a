import {
  AbiDecodingDataSizeTooSmallError,
  AbiDecodingZeroDataError,
  BaseError,
  ContractFunctionRevertedError,
  ContractFunctionZeroDataError,
  encodeDeployData,
  InvalidAddressError,
  type PublicClient,
} from "viem";
import { type ChainParameters, type Hex, STEP_PARTS } from "../../executor/index.ts";
import { bulkSteps, claimRegistry, keccakF, leafRules, stepVerifier } from "../contracts/contracts.gen.ts";
import { judgesOf } from "./deploy.ts";
import { type Creation, stepCreations } from "./step-contracts.ts";

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

const BULK = STEP_PARTS.indexOf("bulk");

/**
 * Whether the contracts that decide a claim registry's games are this version's: the rules of leaves, the verifiers, every
 * part, each held against what its creation for this chain would leave on L1. A game by others could be lost by being right.
 */
export type Judges = {
  /** What of a registry's contracts is not this version's; undefined: nothing. Asked once a registry. Fails as the client does. */
  foreign(registry: Hex): Promise<string | undefined>;
};

const judge = async (
  client: PublicClient,
  registry: Hex,
  { inbox, parameters }: { readonly inbox: Hex; readonly parameters: ChainParameters },
): Promise<string | undefined> => {
  const own = { address: registry, abi: claimRegistry.abi } as const;
  const rules = await client.readContract({ ...own, functionName: "RULES" });
  const claims = await client.readContract({ ...own, functionName: "parameters" });
  const ofRules = { address: rules, abi: leafRules.abi } as const;
  const stepAddress = await client.readContract({ ...ofRules, functionName: "STEP_VERIFIER" });
  const tensorAddress = await client.readContract({ ...ofRules, functionName: "TENSOR_STEP_VERIFIER" });
  const parts = await client.readContract({ address: stepAddress, abi: stepVerifier.abi, functionName: "parts" });
  const bulk = parts[BULK];
  if (parts.length !== STEP_PARTS.length || bulk === undefined)
    return `the step verifier has ${parts.length} parts, and ${STEP_PARTS.length} in this version`;
  const permutation = await client.readContract({ address: bulk, abi: bulkSteps.abi, functionName: "KECCAK_F" });
  const judges = judgesOf(
    { stepVerifier: stepAddress, tensorStepVerifier: tensorAddress, leafRules: rules },
    parts,
    claims,
  );
  const made: readonly (readonly [name: string, address: Hex, creation: Creation])[] = [
    ["the rules of leaves", rules, judges.leafRules],
    ["the step verifier", stepAddress, judges.stepVerifier],
    ["the tensor step verifier", tensorAddress, judges.tensorStepVerifier],
    ["the permutation of Keccak", permutation, { ...keccakF, args: [] }],
    ...stepCreations({ inbox, keccakF: permutation, parameters }).map(
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
  return found.find((what) => what !== undefined);
};

/** `parameters`: by which the node derives. */
export const createJudges = (
  client: PublicClient,
  chain: { readonly inbox: Hex; readonly parameters: ChainParameters },
): Judges => {
  const known = new Map<Hex, string | undefined>();
  return {
    async foreign(registry) {
      if (!known.has(registry))
        known.set(
          registry,
          await judge(client, registry, chain).catch((error: unknown) => {
            if (!isStrange(error)) throw error;
            return `no registry with this version's functions: ${(error as BaseError).shortMessage}`;
          }),
        );
      return known.get(registry);
    },
  };
};
