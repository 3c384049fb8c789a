import { createModelPublisher, createTransactor, type ModelToPublish, type Published } from "../../bridge/index.ts";
import type { Hex, Telemetry } from "../../executor/index.ts";
import type { Clients } from "./contract.ts";

/** How often L1 is asked whether a transaction was mined. */
const POLL_MS = 50;

/**
 * Publishes a model on L1 with the account of the clients. L1_REVERTED for a bad name, L1_FUNDS for an account that
 * cannot pay; TRANSACTOR_STOPPED by `signal`.
 */
export const publish = async (
  { logger, registry }: Telemetry,
  { reader, wallet }: Clients,
  l1Registry: Hex,
  { signal, ...model }: ModelToPublish & { readonly signal?: AbortSignal },
): Promise<Published> => {
  const quiet = logger.child({}, { level: "warn" });
  const transactor = createTransactor(
    { logger: quiet, registry, client: reader, account: wallet.account },
    { pollMs: POLL_MS, awaitFunds: false },
  );
  const onAbort = () => void transactor.stop();
  signal?.addEventListener("abort", onAbort, { once: true });
  transactor.start();
  try {
    return await createModelPublisher({ logger: quiet, client: reader, transactor }, l1Registry).publish(model);
  } finally {
    signal?.removeEventListener("abort", onAbort);
    await transactor.stop();
  }
};
