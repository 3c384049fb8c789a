// JSON-RPC.
export type {
  Backend,
  ChallengerPlan,
  ChallengerView,
  Claim,
  ClaimState,
  Claims,
  ClaimsErrorCode,
  DisputedStep,
  DisputeMove,
  DisputeView,
  DoubtfulClaim,
  PoolErrorCode,
  PooledTransaction,
  SettlementParameters,
  TransactionPool,
} from "./backend.ts";
export { createRpcServer, type RpcServerOptions } from "./server/server.ts";
