import type { Wei } from "../../executor/index.ts";

/** What L1 asks for now, in wei. */
export type BaseFees = { readonly gas: Wei; readonly blobGas: Wei };

/** What a transaction offers, in wei a gas. `maxFeePerBlobGas`: of one with blobs. */
export type Fees = {
  readonly maxFeePerGas: Wei;
  readonly maxPriorityFeePerGas: Wei;
  readonly maxFeePerBlobGas?: Wei;
};

/** What is never exceeded, and the tip of the first attempt. */
export type FeeLimits = { readonly maxFeePerGas: Wei; readonly maxFeePerBlobGas: Wei; readonly tip: Wei };

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** The least that L1 takes for a replacement, and some: a tenth more; with blobs twice as much of all three. */
const raised = (value: bigint): bigint => (value * 5n) / 4n + 1n;
const doubled = (value: bigint): bigint => 2n * value;

/** Of a first attempt: base fees may double before it is mined. */
export const firstFees = (limits: FeeLimits, base: BaseFees, data: "blobs" | "none"): Fees => {
  const maxFeePerGas = least(limits.maxFeePerGas, 2n * base.gas + limits.tip);
  const fees = { maxFeePerGas, maxPriorityFeePerGas: least(limits.tip, maxFeePerGas) };
  return data === "none" ? fees : { ...fees, maxFeePerBlobGas: least(limits.maxFeePerBlobGas, 2n * base.blobGas) };
};

/**
 * Of the next attempt. Undefined when a limit stands before it.
 * INVARIANT: no fee passes its limit, and no replacement is made that L1 must refuse as too small a raise.
 */
export const raisedFees = (limits: FeeLimits, base: BaseFees, fees: Fees): Fees | undefined => {
  const { maxFeePerBlobGas } = fees;
  const more = maxFeePerBlobGas === undefined ? raised : doubled;
  const now = firstFees(limits, base, maxFeePerBlobGas === undefined ? "none" : "blobs");
  const maxFeePerGas = least(limits.maxFeePerGas, most(more(fees.maxFeePerGas), now.maxFeePerGas));
  const maxPriorityFeePerGas = most(more(fees.maxPriorityFeePerGas), now.maxPriorityFeePerGas);
  if (maxPriorityFeePerGas > maxFeePerGas || maxFeePerGas < more(fees.maxFeePerGas)) return undefined;
  if (maxFeePerBlobGas === undefined) return { maxFeePerGas, maxPriorityFeePerGas };
  const blobFee = least(limits.maxFeePerBlobGas, most(more(maxFeePerBlobGas), now.maxFeePerBlobGas ?? 0n));
  if (blobFee < more(maxFeePerBlobGas)) return undefined;
  return { maxFeePerGas, maxPriorityFeePerGas, maxFeePerBlobGas: blobFee };
};
