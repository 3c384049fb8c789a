import type { Telemetry } from "../../foundation/service.ts";
import type { Backend } from "../backend.ts";
import { RPC_CODE, RpcError, rpcErrorOf } from "../errors.ts";
import type { Method, MethodTable } from "../method.ts";
import { createDispatcherMetrics } from "./dispatcher-metrics.ts";

export type DispatcherOptions = {
  /** Calls in one batch. */
  readonly maxBatch?: number;
  /** Bytes of one answer, a batch's answers together. */
  readonly maxResponseBytes?: number;
  /** Calls that run at once; more are refused. */
  readonly maxConcurrent?: number;
};

type Id = string | number | null;
type Call = { readonly id: Id | undefined; readonly name: string; readonly params: unknown };

const success = (id: Id, result: unknown): string =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${JSON.stringify(result ?? null)}}`;

const failure = (id: Id, { code, message, data }: RpcError): string =>
  JSON.stringify({ jsonrpc: "2.0", id, error: { code, message, ...(data === undefined ? {} : { data }) } });

const isId = (id: unknown): id is Id | undefined =>
  id === undefined || id === null || typeof id === "string" || typeof id === "number";

const invalidRequest = (message = "invalid request"): RpcError => new RpcError(RPC_CODE.invalidRequest, message);

/** A call, or the error that it is answered with. */
const readCall = (given: unknown): Call | RpcError => {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return invalidRequest();
  const { jsonrpc, id, method, params } = given as Record<string, unknown>;
  if (jsonrpc !== "2.0" || typeof method !== "string" || !isId(id)) return invalidRequest();
  return { id, name: method, params };
};

const idOf = (given: unknown): Id => {
  const id = typeof given === "object" && given !== null ? (given as { id?: unknown }).id : null;
  return isId(id) ? (id ?? null) : null;
};

/** From the text of a request to the text of its answer. Never rejects. */
export const createDispatcher = (
  { backend, methods, logger, registry }: Telemetry & { readonly backend: Backend; readonly methods: MethodTable },
  { maxBatch = 1_000, maxResponseBytes = 25_000_000, maxConcurrent = 1_024 }: DispatcherOptions = {},
) => {
  const { requests, latency } = createDispatcherMetrics(registry);
  let running = 0;

  const find = (name: string, local: MethodTable): Method | undefined =>
    Object.hasOwn(methods, name) ? methods[name] : Object.hasOwn(local, name) ? local[name] : undefined;

  const run = async ({ name, params }: Call, local: MethodTable): Promise<unknown> => {
    const found = find(name, local);
    if (found === undefined)
      throw new RpcError(RPC_CODE.methodNotFound, `the method ${name.slice(0, 100)} does not exist/is not available`);
    if (params !== undefined && params !== null && !Array.isArray(params))
      throw new RpcError(RPC_CODE.invalidParams, "non-array args");
    if (running >= maxConcurrent) throw new RpcError(RPC_CODE.limitExceeded, "too many requests at once");
    running++;
    try {
      return await found.call(params ?? [], backend);
    } finally {
      running--;
    }
  };

  /** The answer, or undefined for a notification. */
  const answer = async (given: unknown, local: MethodTable): Promise<string | undefined> => {
    const call = readCall(given);
    if (call instanceof RpcError) {
      requests.inc({ method: "none", outcome: String(call.code) });
      return failure(idOf(given), call);
    }
    // Unknown names share one label: the caller must not make time series.
    const label = find(call.name, local) === undefined ? "unknown" : call.name;
    const start = performance.now();
    let text: string;
    try {
      text = success(call.id ?? null, await run(call, local));
      if (text.length > maxResponseBytes) throw new RpcError(RPC_CODE.responseTooLarge, "response too large");
      requests.inc({ method: label, outcome: "ok" });
    } catch (error) {
      const rpcError = rpcErrorOf(error);
      if (rpcError.code === RPC_CODE.internal) logger.error({ err: error, method: label }, "call failed");
      else logger.debug({ method: label, code: rpcError.code }, "call refused");
      requests.inc({ method: label, outcome: String(rpcError.code) });
      text = failure(call.id ?? null, rpcError);
    }
    latency.observe({ method: label }, (performance.now() - start) / 1000);
    return call.id === undefined ? undefined : text;
  };

  const answerBatch = async (batch: readonly unknown[], local: MethodTable): Promise<string | undefined> => {
    if (batch.length === 0) return failure(null, invalidRequest("empty batch"));
    if (batch.length > maxBatch) return failure(null, invalidRequest("batch too large"));
    const answers: string[] = [];
    let length = 0;
    for (const given of batch) {
      if (length > maxResponseBytes) {
        answers.push(failure(idOf(given), new RpcError(RPC_CODE.responseTooLarge, "response too large")));
        continue;
      }
      const text = await answer(given, local);
      if (text === undefined) continue;
      length += text.length;
      answers.push(text);
    }
    return answers.length === 0 ? undefined : `[${answers.join(",")}]`;
  };

  /** `local`: methods of this connection alone. Undefined: nothing is to be answered. */
  return async (body: string, local: MethodTable = {}): Promise<string | undefined> => {
    let given: unknown;
    try {
      given = JSON.parse(body);
    } catch {
      requests.inc({ method: "none", outcome: String(RPC_CODE.parse) });
      return failure(null, new RpcError(RPC_CODE.parse, "parse error"));
    }
    return Array.isArray(given) ? answerBatch(given, local) : answer(given, local);
  };
};
