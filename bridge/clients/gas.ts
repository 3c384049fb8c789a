import { BaseError, type PublicClient, RpcRequestError } from "viem";
import { fromHex, type Hex } from "../../executor/index.ts";

/** A call of a contract on L1, as it is estimated. `blobHashes`: versioned hashes of the blobs beside it. */
export type CallOnL1 = {
  readonly to: Hex;
  readonly data: Hex;
  readonly value?: bigint;
  readonly blobHashes?: readonly Hex[];
};

/** Gas of which a transaction may use what is not for state (EIP-7825): a limit beyond it only L1's own node may ask for. */
export const L1_GAS_CAP = 2n ** 24n;
/** Bytes of a transaction, its blobs aside, that mempools take. */
export const L1_MAX_BYTES = 131_072;
/** Blob gas of a blob: its bytes. */
export const BLOB_GAS = 131_072n;

/**
 * The limit for a transaction that L1's node estimates so: half more, as what it meets when it is mined may be another
 * state. What is not used is not paid.
 */
export const gasLimitOf = (estimate: bigint): bigint => {
  if (estimate >= L1_GAS_CAP) return estimate;
  const wide = (estimate * 3n) / 2n;
  return wide < L1_GAS_CAP ? wide : L1_GAS_CAP;
};

/** What a signed transaction is to its mempool: without its blobs. */
export const isTooLong = (raw: Hex): boolean => fromHex(raw).length > L1_MAX_BYTES;

/** Gas of a call now, by the rules that L1's node knows. Rejects with the node's error when the call would fail. `at`: hash of a block. */
export const estimateGas = async (
  client: PublicClient,
  { from, at, call }: { readonly from: Hex; readonly call: CallOnL1; readonly at?: Hex },
): Promise<bigint> => {
  const { to, data, value = 0n, blobHashes = [] } = call;
  const blobs = blobHashes.length > 0 ? { blobVersionedHashes: [...blobHashes] } : {};
  const request = { from, to, data, value: `0x${value.toString(16)}` as Hex, ...blobs };
  const params = at === undefined ? [request] : [request, { blockHash: at }];
  return BigInt(await client.request({ method: "eth_estimateGas", params: params as never }));
};

export const rpcErrorOf = (error: unknown): RpcRequestError | undefined => {
  const found = error instanceof BaseError ? error.walk((cause) => cause instanceof RpcRequestError) : null;
  return found instanceof RpcRequestError ? found : undefined;
};

/**
 * Why a node of L1 refuses a transaction or its estimate. `price`: it has to offer more. `funds`: the account cannot pay.
 * `sidecar`: its form is another fork's. `gas`: its limit is below what L1 takes for its input. `cap`: it needs more gas
 * than one transaction may have. `size`: it is too long. `absent`: the node lacks what it was asked about.
 */
export type Refusal = "price" | "funds" | "sidecar" | "gas" | "cap" | "size" | "absent" | "other";

/** The words of geth, and of those that follow it. The first that fits. */
const WORDS: readonly (readonly [Refusal, RegExp])[] = [
  ["funds", /insufficient (funds|(sender )?balance)|exceeds .*balance/i],
  ["cap", /gas required exceeds|gas.?limit.*(too high|greater|exceeds|>|\bcap\b)|exceeds .*gas (limit|cap)/i],
  ["gas", /floor|intrinsic (gas|cost)/i],
  ["size", /oversized|(transaction|tx) (is )?too (large|big|long)|exceeds .*size/i],
  ["price", /underpriced|base ?fee|blob.?(gas.?)?(fee|price)|(fee|tip|price) (is )?too low/i],
  ["sidecar", /sidecar|proof ?version|cell ?proof/i],
  [
    "absent",
    /(header|block) not found|unknown block|missing trie node|rate limit|too many requests|timeout|timed out/i,
  ],
];

export const refusalOf = (error: unknown): Refusal => {
  const text = rpcErrorOf(error)?.details ?? "";
  return WORDS.find(([, words]) => words.test(text))?.[0] ?? "other";
};
