import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import { createLock, type Hex } from "../../../executor/index.ts";
import { account } from "../anvil.ts";
import type { L1Fork } from "../l1-replay.ts";
import { createMachine, NodeError } from "./machine.ts";
import { createMethods } from "./methods.ts";

/** The node, on a thread of its own: what a test's runner watches in a process would take most of its time. */

const CHAIN_ID = 31_337;
const FUNDS = 10_000n * 10n ** 18n;
const ACCOUNTS = 10;

type Request = { readonly id?: unknown; readonly method: string; readonly params?: readonly unknown[] };

const read = async (request: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
};

const machine = await createMachine(workerData as L1Fork, CHAIN_ID);
for (let i = 0; i < ACCOUNTS; i++) await machine.setBalance(account(i).address, FUNDS);
const lock = createLock();
const methods = createMethods(machine, CHAIN_ID, lock);

const answer = async ({ id = null, method, params = [] }: Request) => {
  const known = methods[method];
  const error = (code: number, message: string, data?: unknown) => ({
    jsonrpc: "2.0",
    id,
    error: { code, message, ...(data === undefined ? {} : { data }) },
  });
  if (known === undefined) return error(-32_601, `the method ${method} does not exist`);
  try {
    const result = await lock(async () => (known as (...given: readonly unknown[]) => unknown)(...params));
    return { jsonrpc: "2.0", id, result: result ?? null };
  } catch (cause) {
    if (cause instanceof NodeError) return error(cause.code, cause.message, cause.data);
    return error(-32_603, String(cause));
  }
};

/** Of the Beacon API what anvil has of it: blobs of a block that are asked for by hash. */
const beacon = ({ pathname, searchParams }: URL) => {
  if (!pathname.startsWith("/eth/v1/beacon/blobs/")) return undefined;
  const wanted = (searchParams.get("versioned_hashes") ?? "").split(",") as Hex[];
  return { data: wanted.map((hash) => machine.blobs.get(hash)).filter((blob) => blob !== undefined) };
};

const server = createServer(async (request, response) => {
  if (request.method !== "POST") {
    const found = beacon(new URL(request.url ?? "/", "http://l1"));
    response.writeHead(found === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(found));
    return;
  }
  const asked = JSON.parse(await read(request)) as Request | readonly Request[];
  const answers = Array.isArray(asked) ? await Promise.all(asked.map(answer)) : await answer(asked as Request);
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(answers));
});
server.listen(0, "127.0.0.1", () => {
  parentPort?.postMessage(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
