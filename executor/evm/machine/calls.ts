import type { Operation } from "./operation.ts";

/** CALL, CALLCODE, DELEGATECALL, STATICCALL, CREATE, CREATE2, SELFDESTRUCT. */
export const CALLS: ReadonlyMap<number, Operation> = new Map<number, Operation>();
