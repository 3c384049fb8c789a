// JSON-RPC.
export type {
  Backend,
  Claim,
  ClaimState,
  Claims,
  ClaimsErrorCode,
  DisputeMove,
  DisputeView,
  PoolErrorCode,
  PooledTransaction,
  SettlementParameters,
  TransactionPool,
} from "./backend.ts";
export { createRpcServer, type RpcServerOptions } from "./server/server.ts";
