// The face of the bridge: what the other folders may import.

export {
  type Anchor,
  type AnchorErrorCode,
  anchorOf,
  anchorsOn,
  positionOf,
  statedGenesis,
} from "./claims/anchors.ts";
export { createClaimView } from "./claims/claim-view.ts";
export { type ClaimantOptions, createClaimant } from "./claims/claimant.ts";
export {
  type Context,
  claimId,
  contextHash,
  edgeHash,
  encodeGame,
  type Game,
  gameHash,
  levelBase,
  rightBase,
  rootOverLast,
} from "./claims/game-hash.ts";
export { type Beginning, latestConfirmed } from "./claims/latest.ts";
export { claimedRange, GENESIS_PLACE, type Place, type RangeComponents, statesOf } from "./claims/range.ts";
export { openRegistries, type Registries, type RegistriesErrorCode } from "./claims/registries.ts";
export { settleCall, withdrawCreditCall } from "./claims/registry.ts";
export { createRetention } from "./claims/retention.ts";
export {
  changed,
  createRightClaims,
  type RightClaim,
  type RightClaims,
  type RightClaimsErrorCode,
  type Succession,
} from "./claims/right-claims.ts";
export { firstClaimWrite } from "./claims/trail.ts";
export {
  type ClaimParameters,
  DEVNET_CLAIMS,
  DEVNET_DELAYS,
  DEVNET_WITHDRAWALS,
  type SystemParameters,
} from "./clients/claim-parameters.ts";
export {
  type Deployment,
  type DeployOptions,
  deployBridge,
  deploySuccessors,
  type L1Contracts,
  meteringOf,
  partnersOf,
  type Successors,
} from "./clients/deploy.ts";
export type { BaseFees } from "./clients/fees.ts";
export { BLOB_GAS, estimateGas, gasLimitOf, L1_GAS_CAP, L1_MAX_BYTES, refusalOf, rpcErrorOf } from "./clients/gas.ts";
export {
  appendBlobsCall,
  appendCall,
  type BatchPlace,
  type BatchToAppend,
  type BlobBatch,
  depositCall,
  enqueueCall,
  estimateAppend,
  forceCall,
  MAX_BATCH_BLOBS,
  readInbox,
  readWindow,
  refusalOfAppend,
} from "./clients/inbox.ts";
export { createJudges, type Departure, type Judges } from "./clients/judges.ts";
export { createKeyring, type KeyringErrorCode } from "./clients/keyring.ts";
export { type BlockRange, createLogWindows, type LogWindows } from "./clients/log-windows.ts";
export { chunksOf, type ModelData } from "./clients/model-chunks.ts";
export {
  createModelPublisher,
  type ModelToPublish,
  messagesIn,
  type PublicationPlan,
  type PublicationProgress,
  type Published,
  registrationGas,
} from "./clients/model-publisher.ts";
export {
  type CompiledParts,
  type Creation,
  chainRules,
  packedForks,
  type StepRules,
  stepCreations,
} from "./clients/step-contracts.ts";
export {
  CHANGE_OVER,
  describeSystem,
  isSigner,
  keyAt,
  ROLES,
  type Role,
  type RoleKey,
  readSystem,
  type ScheduledUpgrade,
  type SystemState,
  signersOf,
} from "./clients/system.ts";
export {
  type BlobCall,
  createTransactor,
  type L1Call,
  type Transactor,
  type TransactorErrorCode,
  type TransactorOptions,
} from "./clients/transactor.ts";
export {
  admissionVerifier,
  batchInbox,
  bulkSteps,
  claimGame,
  claimGames,
  claimRegistry,
  keccakF,
  l1CrossDomainMessenger,
  l1StandardBridge,
  leafRules,
  modelRegistry,
  portal,
  programIntervals,
  programRules,
  stepVerifier,
  systemConfig,
  tensorStepVerifier,
} from "./contracts/contracts.gen.ts";
export { createBeaconSource } from "./derivation/beacon.ts";
export { type BlobArchive, createBlobArchive } from "./derivation/blob-archive.ts";
export { createFollower, type Follower, type FollowerOptions } from "./derivation/follower.ts";
export { type InboxRecord, lineageOf } from "./derivation/inbox-store.ts";
export { createL1ArtifactSource } from "./derivation/l1-artifacts.ts";
export { type BlobSource, createPeerBlobSource } from "./derivation/l1-blobs.ts";
export type { Archive } from "./derivation/l1-calldata.ts";
export { createL1Source, type L1Source, type L1SourceOptions } from "./derivation/l1-source.ts";
export { accumulate, depositEnvelope } from "./derivation/messages.ts";
export { openSystemWatch, type SystemWatch } from "./derivation/system-watch.ts";
