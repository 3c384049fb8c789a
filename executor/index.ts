// The face of the executor: what the other folders may import.

export { encodeBlockHeader, hashBlockHeader, nextBaseFee } from "./chain/block.ts";
export type {
  AddResult,
  Block,
  BlockAttributes,
  BlockBuilder,
  CallMessage,
  CallResult,
  Chain,
  ChainErrorCode,
  ChainEvents,
  ChainTransaction,
  DecodedTransaction,
  Header,
  Heads,
  InboxEnvelope,
  Log,
  Origin,
  Position,
  Receipt,
  Refusal,
  RefusalCode,
} from "./chain/chain.ts";
export { createAddress } from "./chain/contract-address.ts";
export { type ChainComponents, createChain } from "./chain/create-chain.ts";
export {
  aliasOf,
  createGenesis,
  type Genesis,
  type GenesisAccount,
  type GenesisAlloc,
} from "./chain/genesis.ts";
export {
  ADDRESS,
  type ChainParameters,
  DEVNET_PARAMETERS,
  TRANSACTION_GAS_CAP,
} from "./chain/parameters.ts";
export { blockTimestamp } from "./chain/system.ts";
export { bloomHas } from "./evm/bloom.ts";
export { type BlockEnvironment, type ChainMachine, createMachine } from "./evm/engine.ts";
export {
  createEnvelopeDecoder,
  DEPOSIT_TYPE,
  type DecodeResult,
  decodeEnvelope,
  type EnvelopeDecoder,
  encodeDeposit,
  intrinsicGas,
  isRefusal,
  MAX_ENVELOPE_BYTES,
} from "./evm/envelope.ts";
export { pointEvaluation } from "./evm/kzg.ts";
export { createRules } from "./evm/rules.ts";
export { applyTransaction, type Outcome, type TransitionContext } from "./evm/transition.ts";
export {
  type Bytes,
  compareBytes,
  concat,
  EMPTY_BYTES,
  equalBytes,
  fromHex,
  type Hex,
  readUintBE,
  toHex,
  uintBE,
  utf8,
  word,
  ZERO_32,
} from "./foundation/bytes.ts";
export { CodedError, hasCode, messageOf } from "./foundation/errors.ts";
export { keccak256, keccakOf } from "./foundation/keccak.ts";
export { decodeRlp, encodeRlp, type RlpItem, readRlpUint, rlpUint } from "./foundation/rlp.ts";
export {
  createLock,
  createServices,
  type Lock,
  type Service,
  sleep,
  type Telemetry,
} from "./foundation/service.ts";
export {
  digitClassifier,
  inferencePredeploy,
  l1BlockPredeploy,
  modelRegistryPredeploy,
} from "./genesis/predeploys.gen.ts";
export { createModelRuntime, judgeArtifact, type ModelRuntimeOptions, modelRecordOf } from "./models/create-runtime.ts";
export type { Admission, ModelErrorCode, ModelRecord, ModelRuntime } from "./models/runtime.ts";
export { DECODE_LIMITS, decodeModel, decodeTensor, type OnnxErrorCode } from "./onnx/decode.ts";
export { describeModel, describeProgram, type ModelDescription, type ProgramDescription } from "./onnx/describe.ts";
export { readTensor, type TensorConstant } from "./onnx/graph.ts";
export {
  DEFAULT_RANGE,
  type Imported,
  type ImportOptions,
  type ImportReport,
  importOnnx,
} from "./onnx/import.ts";
export { SUPPORTED_OPERATORS } from "./onnx/lower/table.ts";
export { decodeMeta, encodeMeta, type ModelMeta, type TensorSchema } from "./onnx/meta.ts";
export {
  type Constraint as RefusalConstraint,
  IMPORT_CONSTRAINTS,
  type Refusal as ImportRefusal,
  refusalsOf,
} from "./onnx/refusal.ts";
export type { Backend, PoolErrorCode, PooledTransaction, SubmitErrorCode, TransactionPool } from "./rpc/backend.ts";
export { createRpcServer, type RpcServer, type RpcServerErrorCode, type RpcServerOptions } from "./rpc/server.ts";
export { type AccountRecord, accountKey, accountPreimage, accountValue, slotKey } from "./state/account.ts";
export { codeChunks, codeRoot } from "./state/code.ts";
export {
  hashBranch,
  hashLeaf,
  type ProofErrorCode,
  type SiblingOpening,
  type TreeProof,
  updateRoot,
  verifyProof,
} from "./state/proof.ts";
export { type AccountView, readAccount } from "./state/read-account.ts";
export {
  createWorldState,
  type DumpedAccount,
  type SealedState,
  type WorldState,
  type WorldStateErrorCode,
  type WorldStateOptions,
} from "./state/world.ts";
export type { StoreErrorCode } from "./store/key-value-store.ts";
export { COLUMN, type KeyValueStore, type Range, type Write } from "./store/key-value-store.ts";
export { createMemoryStore } from "./store/memory-store.ts";
export { openRocksStore } from "./store/rocks-store.ts";
export {
  addressOf,
  digitsAt,
  digitsOf,
  elementHeight,
  indexOf,
  isLive,
  openingBytes,
  product,
  runsOf,
  wordHeight,
  wordsOf,
} from "./tensor/address.ts";
export {
  type Access,
  type Assembly,
  createAssembly,
  denseStrides,
  type OperatorSpec,
  type Ref,
} from "./tensor/assembly.ts";
export {
  type Built,
  broadcastStrides,
  type Conv2d,
  concatAxis,
  conv2d,
  expand,
  gatherRows,
  instruction,
  lookup,
  type Matmul,
  map,
  matmul,
  type Placement,
  type Pool2d,
  pad,
  pool2d,
  reduceAxes,
  requantise,
  slice,
  topkAxes,
  transpose,
  upsample2d,
  windowCount,
} from "./tensor/builders.ts";
export { decodeProgram, encodeConstant, encodeHeader, encodeOperator, encodeProgram } from "./tensor/codec.ts";
export {
  createTensorTree,
  partHash,
  type TensorTree,
  tensorRoot,
  tensorRootOf,
  wordLeaf,
} from "./tensor/commitment.ts";
export type { Constraint, ConstraintId, Violation } from "./tensor/constraint.ts";
export { CONSTRAINTS, checkProgram, readProgram, violations, wellFormed } from "./tensor/constraints.ts";
export { bytesOf, constantData, packTensor, paddedBytes, unpackTensor } from "./tensor/elements.ts";
export { createEngine, type Engine, type EngineErrorCode, type EngineOptions } from "./tensor/engine.ts";
export { callGas, operatorGas, programGas } from "./tensor/gas.ts";
export {
  constantRecordHash,
  identityOf,
  operatorLeaf,
  operatorRecordHash,
  type ProgramIdentity,
  programId,
} from "./tensor/identity.ts";
export { arrayOf, createGraph as createOnnxGraph, type Value as OnnxValue } from "./tensor/onnx-graph.ts";
export {
  allocate,
  type Constant,
  countOf,
  DTYPES,
  type Dtype,
  FOLDS,
  type Fold,
  type Guard,
  type Instruction,
  type Interval,
  KINDS,
  type Kind,
  type Operand,
  type Operator,
  type OperatorOf,
  type Program,
  type Source,
  type TensorData,
} from "./tensor/program.ts";
export {
  type Execution,
  element,
  evaluate,
  inputBytesOf,
  outputBytesOf,
  packOutputs,
  type Read,
  run as runReference,
  unpackInputs,
} from "./tensor/reference.ts";
export {
  bitsOfF32,
  codeOf,
  f32OfBits,
  IMMEDIATE_SOURCE,
  INSTRUCTIONS,
  type InstructionSpec,
  immediateBits,
  immediateOf,
  instructionOf,
  OPERAND_SOURCE,
  roundToEven,
  type ScalarType,
  scalarTypeOf,
} from "./tensor/scalar.ts";
export { checkProcessor, type ProcessorErrorCode, processorName } from "./tensor/selftest.ts";
