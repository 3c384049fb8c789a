import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import Fastify from "fastify";
import { type WebSocket, WebSocketServer } from "ws";
import type { Hex } from "../../foundation/bytes.ts";
import { CodedError, messageOf } from "../../foundation/errors.ts";
import type { Service, Telemetry } from "../../foundation/service.ts";
import type { Backend } from "../backend.ts";
import { createFilters, type FilterOptions } from "../filters.ts";
import { createMethodTable } from "../methods/table.ts";
import { createDispatcher, type DispatcherOptions } from "./dispatcher.ts";
import { createServerMetrics } from "./server-metrics.ts";
import { createSubscriptionHub } from "./subscriptions.ts";

export type RpcServerErrorCode =
  /** Somebody listens on the RPC port. Give another --rpc-port. */
  | "RPC_PORT_TAKEN"
  /** The RPC server cannot listen: see the cause. Give another --rpc-port. */
  | "RPC_LISTEN";

export type RpcServerOptions = {
  /** 0 takes a free one. */
  readonly port: number;
  readonly host?: string;
  /** Names by which the server may be called: the check against DNS rebinding. "*": any. */
  readonly hosts?: readonly string[] | "*";
  /** Web origins that may call. None by default: a page in a browser cannot reach the node. */
  readonly origins?: readonly string[];
  readonly maxBodyBytes?: number;
  readonly maxConnections?: number;
  /** WebSocket messages of one connection that wait for their answer. */
  readonly maxPending?: number;
  /** Bytes that a slow subscriber may leave unread before it is cut off. */
  readonly maxBufferedBytes?: number;
  /** Namespaces that are not served: "admin". */
  readonly without?: readonly string[];
  readonly filters?: FilterOptions;
  readonly dispatcher?: DispatcherOptions;
};

export type RpcServer = Service & { readonly url: string; readonly port: number };

/** Within which a request must have arrived in full. */
const REQUEST_MS = 30_000;
/** Between two signs of life that a WebSocket client is asked for. */
const HEARTBEAT_MS = 30_000;

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** `host:port` without the port. */
const nameOf = (host: string): string => host.replace(/:\d+$/, "").toLowerCase();

/**
 * JSON-RPC over HTTP POST and over WebSocket, on one port. RPC_PORT_TAKEN, RPC_LISTEN.
 * Subscriptions live on WebSocket connections only.
 */
export const createRpcServer = async (
  { backend, logger, registry }: Telemetry & { readonly backend: Backend },
  options: RpcServerOptions,
): Promise<RpcServer> => {
  const {
    host = "127.0.0.1",
    hosts = [...LOOPBACK, host],
    origins = [],
    maxBodyBytes = 5_000_000,
    maxConnections = 1_000,
    maxPending = 1_000,
    maxBufferedBytes = 16_000_000,
  } = options;
  const { connections } = createServerMetrics(registry);
  const filters = createFilters(backend, options.filters);
  const hub = createSubscriptionHub(backend);
  const dispatch = createDispatcher(
    { backend, methods: createMethodTable(backend, filters, options), logger, registry },
    options.dispatcher,
  );

  /** Status of a request that is not let in. */
  const refused = ({ headers }: IncomingMessage): 403 | undefined => {
    if (hosts !== "*" && !hosts.includes(nameOf(headers.host ?? ""))) return 403;
    return headers.origin !== undefined && !origins.includes(headers.origin) ? 403 : undefined;
  };

  const app = Fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: true,
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_, body, done) => done(null, body));
  app.addHook("onRequest", async (request, reply) => {
    const status = refused(request.raw);
    if (status !== undefined) return reply.code(status).type("text/plain").send("host or origin not allowed\n");
    const { origin } = request.headers;
    if (origin !== undefined)
      reply
        .header("access-control-allow-origin", origin)
        .header("vary", "origin")
        .header("access-control-max-age", 600);
  });
  app.options("/", (_, reply) =>
    reply.header("access-control-allow-methods", "POST").header("access-control-allow-headers", "content-type").send(),
  );
  app.post("/", async (request, reply) => {
    const text = await dispatch((request.body as string | undefined) ?? "");
    return reply.type("application/json").send(text ?? "");
  });
  app.setErrorHandler<Error & { statusCode?: number }>((error, _, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) logger.error({ err: error }, "request failed");
    return reply
      .code(status)
      .type("text/plain")
      .send(`${status >= 500 ? "internal error" : error.message}\n`);
  });

  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxBodyBytes });
  const silent = new WeakSet<WebSocket>();
  const heartbeat = setInterval(() => {
    for (const socket of sockets.clients) {
      if (silent.has(socket)) socket.terminate();
      silent.add(socket);
      socket.ping();
    }
  }, HEARTBEAT_MS);

  const serve = (socket: WebSocket) => {
    connections.inc();
    let pending = 0;
    let queue = Promise.resolve();
    const send = (text: string) => {
      if (socket.readyState !== socket.OPEN) return;
      if (socket.bufferedAmount > maxBufferedBytes) {
        logger.warn({ buffered: socket.bufferedAmount }, "subscriber is too slow: cut off");
        socket.terminate();
      } else socket.send(text);
    };
    const session = hub.connect((subscription: Hex, result: unknown) =>
      send(`{"jsonrpc":"2.0","method":"eth_subscription","params":${JSON.stringify({ subscription, result })}}`),
    );
    socket.on("message", (data, binary) => {
      if (binary || pending >= maxPending) return socket.close(binary ? 1003 : 1013);
      pending++;
      // One after the other: answers come in the order of the calls, events of a subscription after its id.
      queue = queue.then(async () => {
        const text = await dispatch(data.toString(), session.methods);
        pending--;
        if (text !== undefined) send(text);
      });
    });
    socket.on("pong", () => silent.delete(socket));
    socket.on("error", (error) => logger.debug({ err: error }, "websocket error"));
    socket.on("close", () => {
      connections.dec();
      session.close();
    });
  };

  app.server.on("upgrade", (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const status = refused(request) ?? (sockets.clients.size >= maxConnections ? 503 : undefined);
    if (status !== undefined) {
      stream.end(
        `HTTP/1.1 ${status} ${status === 403 ? "Forbidden" : "Service Unavailable"}\r\nconnection: close\r\n\r\n`,
      );
      return;
    }
    sockets.handleUpgrade(request, stream, head, serve);
  });

  const stop = async () => {
    clearInterval(heartbeat);
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
    hub.stop();
    filters.stop();
    await app.close();
  };
  try {
    await app.listen({ host, port: options.port });
  } catch (error) {
    await stop();
    const taken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
    throw new CodedError<RpcServerErrorCode>(
      taken ? "RPC_PORT_TAKEN" : "RPC_LISTEN",
      taken ? `port ${options.port} of ${host} is taken by another process` : `cannot listen: ${messageOf(error)}`,
      { host, port: options.port },
      error,
    );
  }
  const listening = app.server.address();
  const port = typeof listening === "object" && listening !== null ? listening.port : options.port;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  logger.info({ url }, "JSON-RPC is served");
  let stopping: Promise<void> | undefined;
  return {
    name: "rpc",
    url,
    port,
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
};
