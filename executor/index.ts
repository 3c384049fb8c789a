// The face of the executor: what the other folders may import.
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
export { COLUMN, type KeyValueStore, type Range, type Write } from "./store/key-value-store.ts";
