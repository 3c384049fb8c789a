/**
 * First byte of every tagged hash preimage of the protocol. One table, one twin in Solidity; no value occurs twice.
 * Untagged preimages (state-tree inner nodes, account values, word trees, stack links) are told apart by place.
 */
export const TAG = {
  inner: 0x01,
  stateLeaf: 0x08,
  accountKey: 0x09,
  slotKey: 0x0a,
  machineState: 0x10,
  chainState: 0x11,
  operatorLeaf: 0x12,
  tensorWord: 0x13,
  tensorPart: 0x14,
  admission: 0x15,
  programId: 0x16,
  operatorRecord: 0x17,
  constantRecord: 0x18,
  programMeta: 0x19,
  contentChunk: 0x1a,
  game: 0x20,
  levelBase: 0x21,
  rightBase: 0x22,
  context: 0x23,
  edge: 0x24,
  rest: 0x40,
  frame: 0x41,
  environment: 0x42,
  blockEnvironment: 0x43,
  registers: 0x44,
  suspended: 0x45,
  logsRecord: 0x46,
  logsLink: 0x47,
  logEntry: 0x48,
  receipt: 0x49,
  frontier: 0x4a,
  sweepRecord: 0x4b,
  freshSlot: 0x4c,
  destroyedAccount: 0x4d,
  addressMark: 0x4e,
  slotMark: 0x4f,
  transientSlot: 0x50,
  bloom: 0x51,
  prevRandao: 0x52,
  transaction: 0x53,
  blockSeal: 0x54,
} as const;

export type Tag = (typeof TAG)[keyof typeof TAG];

const bytes = Object.fromEntries(Object.values(TAG).map((tag) => [tag, Uint8Array.of(tag)])) as Record<Tag, Uint8Array>;

/** The tag as a one-byte string, ready to be hashed. */
export const tagByte = (tag: Tag): Uint8Array => bytes[tag];
