// The rules of the chain, as data and pure functions.
export {
  type BatchBlock,
  type BatchBody,
  batchBlockSize,
  batchItemAt,
  encodeBatch,
  envelopesAt,
  headerTimestamp,
  isBlockHeader,
  MAX_BATCH_BYTES,
} from "./batch.ts";
export type { Block } from "./block.ts";
export { nextBaseFee } from "./block.ts";
export { blockTimestamp, leastUnitPrice, type Opening, openingOf, spend } from "./budget.ts";
export { type CallableErrorCode, requireCallable } from "./callable.ts";
export {
  type ChainState,
  chainStateAfter,
  chainStateAt,
  encodeChainState,
  hashChainState,
  outputRootOf,
  placeIn,
} from "./chain-state.ts";
export { AUTHORIZATION_REFUND, delegateOf, delegationTo } from "./delegation.ts";
export {
  authorityOf,
  DEPOSIT_TYPE,
  decodeEnvelope,
  encodeDeposit,
  isRefusal,
  MAX_ENVELOPE_BYTES,
  SET_CODE_TYPE,
} from "./envelope.ts";
export {
  FORKS,
  type Fork,
  type ForkErrorCode,
  type ForkSchedule,
  includes,
  requireForkOrder,
  type ScheduledFork,
  scheduledForks,
  unknownFork,
} from "./forks.ts";
export { recordSlot } from "./model-call.ts";
export {
  type Chunk,
  type ChunkKind,
  calldataChunk,
  contentHashOf,
  contentOf,
  decodeManifest,
  encodeManifest,
  MAX_CHUNK_BYTES,
} from "./model-content.ts";
export type { BlockAttributes, Origin, Position } from "./origin.ts";
export { ADDRESS, type ChainParameters, DEFAULT_BUDGET, DEVNET_PARAMETERS, TRANSACTION_GAS_CAP } from "./parameters.ts";
export type { Receipt } from "./receipt.ts";
export { type BlockRules, rulesAt } from "./rules.ts";
export type { Authorization, ChainTransaction, DecodedTransaction, InboxEnvelope, RefusalCode } from "./transaction.ts";
export type { Inbox } from "./unit.ts";
export { type Unit, unitAt } from "./unit.ts";
