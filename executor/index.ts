// The face of the executor: what the other folders may import.

// Blobs of L1.
export {
  BLOB_BYTES,
  BLOB_CHUNK_BYTES,
  BLOB_DATA_BYTES,
  decodeBlobs,
  decodeChunkBlob,
  encodeBlobs,
  encodeChunkBlob,
} from "./blob/blob.ts";
export { type CommittedBlob, commitBlob, hashOfBlob, proveBlobs, type SidecarForm } from "./blob/kzg.ts";
// The chain: parameters, genesis, executing blocks.
export { batchItemAt, headerTimestamp, isBlockHeader } from "./chain/batch-item.ts";
export { nextBaseFee } from "./chain/block.ts";
export type {
  Acceptance,
  AddResult,
  Block,
  BlockBuilder,
  Chain,
  ChainTransaction,
  DecodedTransaction,
  InboxEnvelope,
  Origin,
  Position,
  Receipt,
  RefusalCode,
  Spent,
} from "./chain/chain.ts";
export {
  type ChainState,
  chainStateAfter,
  chainStateAt,
  encodeChainState,
  genesisChainState,
  hashChainState,
  outputRootOf,
} from "./chain/chain-state.ts";
export { createChain } from "./chain/create-chain.ts";
export { aliasOf, createGenesis, type Genesis, type GenesisAlloc, type L1Partners } from "./chain/genesis.ts";
export { ADDRESS, type ChainParameters, DEVNET_PARAMETERS, TRANSACTION_GAS_CAP } from "./chain/parameters.ts";
export { blockTimestamp } from "./chain/system.ts";
export { type Inbox, unitsFrom } from "./chain/units.ts";

// One transaction at a time: envelopes and the state transition.
export { createMachine } from "./evm/engine.ts";
export { DEPOSIT_TYPE, decodeEnvelope, encodeDeposit, isRefusal, MAX_ENVELOPE_BYTES } from "./evm/envelope.ts";
// The machine: one step of a unit at a time.
export { type AnsweringModels, createAnswering, supplyTo } from "./evm/machine/answers.ts";
export type { UnitSource } from "./evm/machine/derive.ts";
export { afterInference, type PendingInference, pendingInference } from "./evm/machine/inference-call.ts";
export { createEvmMachine } from "./evm/machine/machine.ts";
export { loadPrecompiles } from "./evm/machine/precompiles.ts";
export { createUnitTrace, type UnitTrace } from "./evm/machine/trace.ts";
export { openWorld } from "./evm/machine/world.ts";
export { recordSlot } from "./evm/model-call.ts";
export { pointEvaluation } from "./evm/precompiles.ts";
export { createRules } from "./evm/rules.ts";
export { signDigest } from "./evm/secp256k1.ts";
export { applyTransaction } from "./evm/transition.ts";

// Bytes, hashes, errors, services.
export { createBoundedCache } from "./foundation/bounded-cache.ts";
export {
  type Bytes,
  concat,
  EMPTY_BYTES,
  equalBytes,
  fromHex,
  type Hex,
  toHex,
  uintBE,
  utf8,
  word,
  ZERO_32,
} from "./foundation/bytes.ts";
export { CodedError, hasCode, messageOf } from "./foundation/errors.ts";
export { keccak256, keccakOf } from "./foundation/keccak.ts";
export { ceilLog2, EMPTY_FRONTIER, innerNode, merkleRoot } from "./foundation/merkle.ts";
export {
  appendPadded,
  type PaddedLeaves,
  type PaddedNodes,
  paddedNodes,
  paddedTree,
  paddingWith,
} from "./foundation/padded-tree.ts";
export { decodeRlp, encodeRlp, type RlpItem } from "./foundation/rlp.ts";
export { createLock, createServices, type Service, sleep, type Telemetry } from "./foundation/service.ts";
export { TAG, tagByte } from "./foundation/tags.ts";
export { createWatch } from "./foundation/watch.ts";

// Predeploys, and the models that contracts call.
export {
  digitClassifier,
  feeVaultPredeploy,
  gasPriceOraclePredeploy,
  inferencePredeploy,
  messagePasserPredeploy,
  messengerPredeploy,
  mintableToken,
  modelRegistryPredeploy,
  standardBridgePredeploy,
  tokenFactoryPredeploy,
} from "./genesis/predeploys.gen.ts";
export { createModelRuntime, modelRecordOf } from "./models/create-runtime.ts";
export type {
  ArtifactKeeper,
  ArtifactSource,
  ModelContent,
  ModelPrograms,
  ModelRuntime,
  Piece,
} from "./models/runtime.ts";
// ONNX files into tensor programs.
export { decodeModel, decodeTensor } from "./onnx/decode.ts";
export { describeModel, describeProgram, type ModelDescription } from "./onnx/describe.ts";
export { readTensor, type TensorConstant } from "./onnx/graph.ts";
export { type Imported, importOnnx } from "./onnx/import.ts";
export { SUPPORTED_OPERATORS } from "./onnx/lower/table.ts";
export { encodeMeta, type TensorSchema } from "./onnx/meta.ts";
export { IMPORT_CONSTRAINTS, type Refusal as ImportRefusal, refusalsOf } from "./onnx/refusal.ts";
export {
  encodeSealedBlock,
  type SealedBlock,
  type SealedHeader,
  sealDigest,
  sealedBlockOf,
} from "./p2p/blocks/sealed-block.ts";
// Peers: blocks and content between nodes.
export { composePeering } from "./p2p/compose-peering.ts";
export type { ContentExchange } from "./p2p/content/content.ts";
export { createPeerArchive, createPeerArtifactSource } from "./p2p/content/sources.ts";
export { createPeering } from "./p2p/load-peering.ts";
export type { Handler, Network, NetworkErrorCode, Topic } from "./p2p/network/network.ts";
export type { Peering, PeeringComponents, PeeringOptions } from "./p2p/peering.ts";

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
} from "./rpc/backend.ts";
export { createRpcServer, type RpcServerOptions } from "./rpc/server.ts";

// State and where it is stored.
export { accountKey, slotKey } from "./state/account.ts";
export { type TreeProof, verifyProof } from "./state/proof.ts";
export { decodeProof, encodeProof } from "./state/proof-codec.ts";
export { readAccount } from "./state/read-account.ts";
export { createWorldState, type DumpedAccount, type WorldState } from "./state/world.ts";
export { COLUMN, type KeyValueStore, type Write } from "./store/key-value-store.ts";
export { createMemoryStore } from "./store/memory-store.ts";
export { openRocksStore } from "./store/rocks-store.ts";

// Tensor programs: building, reading, running.
export { digitsAt, elementHeight, isLive, product } from "./tensor/address.ts";
export { type Access, type Assembly, createAssembly, type OperatorSpec, type Ref } from "./tensor/assembly.ts";
export {
  type Conv2d,
  concatAxis,
  conv2d,
  expand,
  gatherRows,
  instruction,
  lookup,
  map,
  matmul,
  pad,
  pool2d,
  reduceAxes,
  requantise,
  slice,
  topkAxes,
  transpose,
  upsample2d,
} from "./tensor/builders.ts";
export { decodeProgram, encodeProgram } from "./tensor/codec.ts";
export {
  buildTensorTree,
  createTensorTree,
  partHash,
  type TensorTree,
  tensorRoot,
  tensorRootOf,
} from "./tensor/commitment.ts";
export { readProgram, violations } from "./tensor/constraints.ts";
export { bytesOf, constantData, packTensor, paddedBytes, unpackTensor } from "./tensor/elements.ts";
export { createEngine, type Engine } from "./tensor/engine.ts";
export { identityOf, openConstant, openOperator, operatorLeaf, programId } from "./tensor/identity.ts";
export type { OpenableTree } from "./tensor/multi-proof.ts";
export { createGraph as createOnnxGraph, type Value as OnnxValue } from "./tensor/onnx-graph.ts";
export { type Openings, openRun } from "./tensor/openings.ts";
export {
  type Constant,
  countOf,
  DTYPES,
  type Dtype,
  FOLDS,
  type Guard,
  type Instruction,
  type Interval,
  KINDS,
  type Operator,
  type Program,
  type Source,
  type TensorData,
} from "./tensor/program.ts";
export {
  element,
  evaluate,
  inputBytesOf,
  outputBytesOf,
  packOutputs,
  run as runReference,
} from "./tensor/reference.ts";
export {
  codeOf,
  IMMEDIATE_SOURCE,
  INSTRUCTIONS,
  type InstructionSpec,
  immediateBits,
  OPERAND_SOURCE,
  type ScalarType,
  scalarTypeOf,
} from "./tensor/scalar.ts";
export { processorName } from "./tensor/selftest.ts";
export { type Inference, type InferenceCall, proveStep, type StepProof } from "./tensor/step-proof.ts";
export { wordLeaf } from "./tensor/word-nodes.ts";
