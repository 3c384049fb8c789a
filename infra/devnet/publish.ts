import {
  createModelPublisher,
  createTransactor,
  type ModelData,
  type ModelToPublish,
  type PublicationPlan,
  type PublicationProgress,
  type Published,
} from "../../bridge/index.ts";
import type { Hex, Telemetry } from "../../executor/index.ts";
import type { Clients } from "./contract.ts";

/** How often L1 is asked whether a transaction was mined. */
const POLL_MS = 50;

export type PublishOptions = {
  /** Where the bytes go: `auto`, what costs less. */
  readonly data?: ModelData | "auto";
  /** Is shown what it comes to before anything is sent; throws to prevent it. */
  readonly onPlan?: (plan: PublicationPlan) => void;
  readonly onProgress?: PublicationProgress;
  readonly signal?: AbortSignal;
};

/**
 * Publishes a model on L1 with the account of the clients. L1_REVERTED for a bad name, L1_FUNDS for an account that
 * cannot pay; TRANSACTOR_STOPPED by `signal`.
 */
export const publish = async (
  { logger, registry, reader, wallet }: Telemetry & Clients,
  l1Registry: Hex,
  model: ModelToPublish,
  { data = "calldata", onPlan, onProgress, signal }: PublishOptions = {},
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
    const publisher = createModelPublisher({ logger: quiet, client: reader, transactor }, l1Registry);
    const plan = await publisher.plan(model, data);
    onPlan?.(plan);
    return await publisher.publish(plan, onProgress);
  } finally {
    signal?.removeEventListener("abort", onAbort);
    await transactor.stop();
  }
};
