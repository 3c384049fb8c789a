export { createLogger } from "./logger.ts";
export { createMetricsServer, createRegistry, type ReadinessCheck } from "./metrics-server.ts";
