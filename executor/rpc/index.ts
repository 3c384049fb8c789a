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
  RoleView,
  SettlementParameters,
  SystemView,
  TransactionPool,
} from "./backend.ts";
export { createRpcServer, type RpcServerOptions } from "./server/server.ts";
