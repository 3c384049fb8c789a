import { fromHex, type Hex, readUintBE, toHex } from "../foundation/bytes.ts";
import { CodedError, messageOf } from "../foundation/errors.ts";
import type { NetworkErrorCode } from "../p2p/network/network.ts";
import { describeInferReason } from "../protocol/model-call.ts";
import type { ClaimsErrorCode, SubmitErrorCode } from "./backend.ts";
import { quantity } from "./format.ts";

/** Codes of JSON-RPC 2.0 and of Ethereum clients. */
export const RPC_CODE = {
  /** The request is not JSON. Encode it again. */
  parse: -32700,
  /** The request is JSON and no call. Send `jsonrpc`, `id`, `method` and `params`. */
  invalidRequest: -32600,
  /** The node has no such method, or was started without its namespace. */
  methodNotFound: -32601,
  /** An argument is missing, too many or not of its form. The message names it. */
  invalidParams: -32602,
  /** A fault of the node. Its log has the cause. */
  internal: -32603,
  /** The node cannot do it, or not now. The message says why, `data.code` names it where programs branch on it. */
  server: -32000,
  /** The answer would be too long. Ask for less at a time. */
  responseTooLarge: -32003,
  /** Too many calls, filters, subscriptions or results at once. Ask for less, or later. */
  limitExceeded: -32005,
  /** The node does not keep it so far back, as geth says it of what EIP-4444 lets it forget. Ask a node that keeps more. */
  prunedHistory: 4444,
  /** The call reverted: `data` is what the contract gave as its reason. */
  reverted: 3,
} as const;

/** Why the node does not answer, as `data.code`. Beside them, errors of other modules keep their code: NAMED_CODE. */
export type RpcRefusalCode =
  /** The node was started with --p2p-off. Start it without, or ask another. */
  | "P2P_OFF"
  /** The transaction is neither in the chain nor in the pool of the node. Check the hash, and send it again. */
  | "TRANSACTION_UNKNOWN"
  /** The transaction waits in the node's pool. Ask again when it is in a block. */
  | "TRANSACTION_PENDING"
  /** The node does not read L1. Ask one that does. */
  | "CLAIMS_UNKNOWN"
  /** The node began with a snapshot, and has no blocks before it. Ask one that has. */
  | "CHAIN_BEFORE_SNAPSHOT"
  /** The node is no challenger. Ask one that is. */
  | "DISPUTES_UNKNOWN";

/** An answer to the caller: its text is part of the interface. */
export class RpcError extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.name = "RpcError";
    this.code = code;
    this.data = data;
  }
}

export const refused = (code: RpcRefusalCode, message: string): RpcError =>
  new RpcError(RPC_CODE.server, message, { code });
export const invalidParams = (message: string): RpcError => new RpcError(RPC_CODE.invalidParams, message);
export const serverError = (message: string): RpcError => new RpcError(RPC_CODE.server, message);
export const limitExceeded = (message: string): RpcError => new RpcError(RPC_CODE.limitExceeded, message);

/** geth's words, on which clients branch; the detail follows after a colon. */
const SUBMIT_TEXT: Readonly<Record<SubmitErrorCode, string>> = {
  TX_MALFORMED: "rlp: transaction is malformed",
  TX_TYPE: "transaction type not supported",
  TX_CHAIN_ID: "invalid chain id for signer",
  TX_SIGNATURE: "invalid sender",
  TX_INITCODE_SIZE: "max initcode size exceeded",
  TX_GAS_CAP: "transaction gas limit too high",
  TX_INTRINSIC_GAS: "intrinsic gas too low",
  TX_TIP_CAP: "max priority fee per gas higher than max fee per gas",
  TX_FEE_CAP: "max fee per gas less than block base fee",
  TX_BLOCK_GAS: "exceeds block gas limit",
  TX_SENDER_CODE: "sender not an eoa",
  TX_NONCE_LOW: "nonce too low",
  TX_NONCE_HIGH: "nonce too high",
  TX_BALANCE: "insufficient funds for gas * price + value",
  TX_DECLARED_GAS: "gas limit above the declared gas",
  POOL_KNOWN: "already known",
  POOL_REPLACEMENT_UNDERPRICED: "replacement transaction underpriced",
  POOL_UNDERPRICED: "transaction underpriced",
  POOL_DATA_FEE: "transaction underpriced",
  POOL_SENDER_FULL: "account limit exceeded",
  POOL_DELEGATED: "in-flight transaction limit reached for delegated accounts",
  POOL_QUEUE_FULL: "txpool is full",
  POOL_STOPPED: "the node is stopping",
};

/** Errors that keep their code, in the answer's data, for programs. */
const NAMED_CODE: Readonly<Record<NetworkErrorCode | ClaimsErrorCode | "FORK_UNKNOWN", number>> = {
  P2P_ADDRESS: RPC_CODE.invalidParams,
  P2P_PEER: RPC_CODE.server,
  P2P_TIMEOUT: RPC_CODE.server,
  P2P_BUSY: RPC_CODE.server,
  P2P_INVALID: RPC_CODE.server,
  P2P_IDENTITY: RPC_CODE.server,
  P2P_LISTEN: RPC_CODE.server,
  CLAIMS_NOT_READ: RPC_CODE.server,
  CLAIMS_UNREACHABLE: RPC_CODE.server,
  CLAIMS_TOO_MANY: RPC_CODE.server,
  FORK_UNKNOWN: RPC_CODE.server,
};

const submitText = (code: string): string | undefined =>
  Object.hasOwn(SUBMIT_TEXT, code) ? SUBMIT_TEXT[code as SubmitErrorCode] : undefined;

/** The answer for a transaction that the pool or the chain refused. */
const refusal = (code: SubmitErrorCode, detail?: string, data?: unknown): RpcError => {
  const text = SUBMIT_TEXT[code];
  const message = detail === undefined || detail === "" || detail === text ? text : `${text}: ${detail}`;
  return new RpcError(RPC_CODE.server, message, data);
};

const ERROR_SELECTOR = "0x08c379a0";
const PANIC_SELECTOR = "0x4e487b71";
const PANICS: Readonly<Record<string, string>> = {
  "0": "generic panic",
  "1": "assert(false)",
  "17": "arithmetic underflow or overflow",
  "18": "division or modulo by zero",
  "33": "enum overflow",
  "34": "invalid encoded storage byte array accessed",
  "49": "out-of-bounds array access; popping on an empty array",
  "50": "out-of-bounds access of an array or bytesN",
  "65": "out of memory",
  "81": "uninitialized function",
};

/** The reason inside return data of `Error(string)`, `Panic(uint256)` or INFER. */
const revertReason = (data: Hex): string | undefined => {
  const bytes = fromHex(data);
  const body = bytes.subarray(4);
  if (data.startsWith(PANIC_SELECTOR) && body.length >= 32) {
    const code = readUintBE(body.subarray(0, 32));
    return PANICS[String(code)] ?? `unknown panic code: 0x${code.toString(16)}`;
  }
  if (!data.startsWith(ERROR_SELECTOR) || body.length < 64) return describeInferReason(bytes);
  const offset = readUintBE(body.subarray(0, 32));
  if (offset + 32n > BigInt(body.length)) return undefined;
  const at = Number(offset);
  const length = readUintBE(body.subarray(at, at + 32));
  if (length > BigInt(body.length - at - 32)) return undefined;
  return Buffer.from(body.subarray(at + 32, at + 32 + Number(length))).toString("utf8");
};

export const reverted = (data: Uint8Array): RpcError => {
  const hex = toHex(data);
  const reason = data.length >= 4 ? revertReason(hex) : undefined;
  return new RpcError(
    RPC_CODE.reverted,
    reason === undefined ? "execution reverted" : `execution reverted: ${reason}`,
    hex,
  );
};

/** What the caller is told of anything that was thrown. Unforeseen errors keep their text to themselves. */
export const rpcErrorOf = (error: unknown): RpcError => {
  if (error instanceof RpcError) return error;
  if (error instanceof CodedError) {
    const text = submitText(error.code);
    if (error.code === "POOL_DATA_FEE")
      return refusal(error.code, messageOf(error), { code: error.code, tip: quantity(error.data["needed"] as bigint) });
    if (text !== undefined) return refusal(error.code as SubmitErrorCode, messageOf(error));
    if (Object.hasOwn(NAMED_CODE, error.code))
      return new RpcError(NAMED_CODE[error.code as keyof typeof NAMED_CODE], messageOf(error), { code: error.code });
    if (error.code === "STATE_PRUNED") return serverError(`missing trie node: ${messageOf(error)}`);
    if (error.code === "CALL_TIMEOUT") return serverError(messageOf(error));
    if (error.code === "CALL_LIMIT") return limitExceeded(messageOf(error));
    if (error.code === "MODEL_MISSING" || error.code === "MODEL_DATA_MISSING") return serverError(messageOf(error));
  }
  return new RpcError(RPC_CODE.internal, "internal error");
};
