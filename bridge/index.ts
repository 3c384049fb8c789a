// The face of the bridge: what the other folders may import.
export {
  type DeployClients,
  type DeployErrorCode,
  type Deployment,
  type DeployOptions,
  deployBridge,
  type L1Contracts,
} from "./clients/deploy.ts";
export {
  appendCall,
  type BatchToAppend,
  type DepositToSend,
  depositCall,
  enqueueCall,
  forceCall,
  readInbox,
} from "./clients/inbox.ts";
export {
  CHUNK_BYTES,
  chunksOf,
  createModelPublisher,
  type ModelPublisher,
  type ModelToPublish,
  type Published,
  registrationGas,
} from "./clients/model-publisher.ts";
export {
  createTransactor,
  gasFor,
  type L1Call,
  type Transactor,
  type TransactorErrorCode,
  type TransactorOptions,
} from "./clients/transactor.ts";
export { batchInbox, modelRegistry, portal } from "./contracts/contracts.gen.ts";
export {
  type BatchBlock,
  type BatchCursor,
  batchBlockSize,
  type DerivedBlock,
  decodeBatch,
  encodeBatch,
  MAX_BATCH_BYTES,
} from "./derivation/batch.ts";
export { createFollower, type Follower, type FollowerErrorCode, type FollowerOptions } from "./derivation/follower.ts";
export type { DelayedMessage, InboxRecord, L1Block } from "./derivation/inbox-store.ts";
export { createL1Source, type L1Source, type L1SourceErrorCode, type L1SourceOptions } from "./derivation/l1-source.ts";
export {
  accumulate,
  type DepositMessage,
  depositEnvelope,
  depositSourceHash,
  EMPTY_ACCUMULATOR,
  MESSAGE_KIND,
  type MessageKind,
} from "./derivation/messages.ts";
