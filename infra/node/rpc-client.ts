import { CodedError, messageOf } from "../../executor/index.ts";

export type NodeRpcErrorCode =
  /** Nothing answers at --rpc, or not with JSON-RPC. Check the endpoint, and that the node runs. */
  | "NODE_RPC_UNREACHABLE"
  /** The node answered with an error that has no code of its own. The message is the node's. */
  | "NODE_RPC_ERROR";

const TIMEOUT_MS = 10_000;

type Answer = {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
};

const codeIn = (data: unknown): string | undefined => {
  const code = typeof data === "object" && data !== null ? (data as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : undefined;
};

const METHOD_NOT_FOUND = -32601;

/** A node that does not know a method for operators was told to leave them out, or is no node of this kind. */
const hintOf = (method: string, rpcCode: number): string =>
  rpcCode === METHOD_NOT_FOUND && method.startsWith("admin_") ? " (started with --rpc-no-admin?)" : "";

/** One call to one's own node. The codes of NodeRpcErrorCode, and those that the node names itself: P2P_OFF. */
export const askNode = async <T>(url: string, method: string, ...params: readonly unknown[]): Promise<T> => {
  const unreachable = (why: string, cause?: unknown) =>
    new CodedError<NodeRpcErrorCode>("NODE_RPC_UNREACHABLE", `no node answers at --rpc ${url}: ${why}`, { url }, cause);
  let answer: Answer;
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    answer = (await response.json()) as Answer;
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    throw unreachable(messageOf(cause ?? error), error);
  }
  if (typeof answer !== "object" || answer === null) throw unreachable("its answer is no JSON-RPC");
  if (answer.error !== undefined) {
    const { code: rpcCode, message, data } = answer.error;
    const text = `${message}${hintOf(method, rpcCode)}`;
    throw new CodedError(codeIn(data) ?? "NODE_RPC_ERROR", text, { url, method, rpcCode });
  }
  return answer.result as T;
};
