import type { Bytes } from "../../executor/index.ts";

const TRANSACTION_GAS = 21_000;
const TOKEN_GAS = 4;
const FLOOR_TOKEN_GAS = 10;

/** Gas of a transaction on L1 with this calldata and this execution (EIP-7623: a zero byte is one token, another four). */
export const l1Gas = (calldata: Bytes, execution: number): number => {
  const tokens = calldata.reduce((sum, byte) => sum + (byte === 0 ? 1 : 4), 0);
  return TRANSACTION_GAS + Math.max(TOKEN_GAS * tokens + execution, FLOOR_TOKEN_GAS * tokens);
};

/** L1's own bound of a transaction's data, less what is around the evidence. */
export const MOST_EVIDENCE = 120_000;
