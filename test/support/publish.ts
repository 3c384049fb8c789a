import { createModelPublisher, createTransactor, type ModelToPublish } from "../../bridge/index.ts";
import { account } from "./anvil.ts";
import { type Stage, telemetry } from "./stage.ts";

/** An account of L1 that nobody else uses. */
const PUBLISHER = 2;

/** Publishes a model on a stage's L1, which mines when a transaction arrives. */
export const publishOn = async ({ anvil, deployment }: Stage, model: ModelToPublish): Promise<void> => {
  const transactor = createTransactor({ ...telemetry(), client: anvil.client, account: account(PUBLISHER) });
  const publisher = createModelPublisher(
    { ...telemetry(), client: anvil.client, transactor },
    deployment.contracts.modelRegistry,
  );
  let done = false;
  const publishing = publisher
    .plan(model, "calldata")
    .then((plan) => publisher.publish(plan))
    .finally(() => {
      done = true;
    });
  while (!done) await transactor.tick();
  await publishing;
  await transactor.stop();
};
