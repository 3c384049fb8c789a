export { createLogger, type LoggerOptions } from "./logger.ts";
export {
  createMetricsServer,
  createRegistry,
  type MetricsErrorCode,
  type MetricsServer,
  type ReadinessCheck,
} from "./metrics-server.ts";
