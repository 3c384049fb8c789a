import type { Bytes } from "../foundation/bytes.ts";

/** What a call costs and gives; undefined: it fails and takes all its gas. */
export type PrecompileAnswer = { readonly gas: bigint; readonly output: Bytes } | undefined;

/** A precompile as a function of its input and the gas that it is given. */
export type Precompile = (data: Bytes, gasLimit: bigint) => PrecompileAnswer;

/** Bytes of input above which a precompile fails: L1 must be able to replay the call. */
export const MAX_PRECOMPILE_INPUT = 65_536;
export const MAX_PAIRING_INPUT = 192 * 200;
/** A call that costs more than this fails: an L1 transaction could not forward it. */
export const MAX_PRECOMPILE_GAS = 8_000_000n;

/** Bytes of input that the precompile at this address takes at most. */
export const maximumInput = (address: number): number => (address === 8 ? MAX_PAIRING_INPUT : MAX_PRECOMPILE_INPUT);
