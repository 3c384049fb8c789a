// The face of the executor: what the other folders may import.

export type {
  AddResult,
  Block,
  BlockAttributes,
  BlockBuilder,
  Chain,
  ChainTransaction,
  Header,
  Heads,
  InboxEnvelope,
  Log,
  Origin,
  Position,
  Receipt,
} from "./chain/chain.ts";
export { ADDRESS, type ChainParameters, DEVNET_PARAMETERS, TRANSACTION_GAS_CAP } from "./chain/parameters.ts";
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
export type { ModelRuntime } from "./models/runtime.ts";
export { COLUMN, type KeyValueStore, type Range, type Write } from "./store/key-value-store.ts";
