import { CodedError } from "../foundation/errors.ts";
import { admitGas, MODEL_ID_BYTES, type ModelRecord } from "./model-call.ts";
import { TRANSACTION_GAS_CAP } from "./parameters.ts";

export type CallableErrorCode =
  /**
   * No transaction has the gas for one call of the model, or for its registration, whatever contract calls it. The message
   * names the limit. Make the model smaller: its operators for a call, its constants for a registration.
   */
  "MODEL_UNCALLABLE";

/** Gas of a transaction before it does anything. */
const TRANSACTION_GAS = 21_000n;
const ZERO_BYTE_GAS = 4n;
const WARM_CALL_GAS = 100n;

const memoryGas = (bytes: number): bigint => {
  const words = BigInt(Math.ceil(bytes / 32));
  return 3n * words + (words * words) / 512n;
};

/**
 * A bound that no transaction which calls the model can go below, in gas: it has the input as its own data (zero bytes, at
 * best), or a contract has it in memory and keeps a 64th of its gas (EIP-150).
 */
export const leastCallGas = ({ gas, inputBytes }: Pick<ModelRecord, "gas" | "inputBytes">): bigint => {
  const bytes = MODEL_ID_BYTES + inputBytes;
  const direct = ZERO_BYTE_GAS * BigInt(bytes) + gas;
  const byContract = memoryGas(bytes) + WARM_CALL_GAS + gas + (gas - 1n) / 63n;
  return TRANSACTION_GAS + (direct < byContract ? direct : byContract);
};

/** A bound that no registration of so many bytes can go below, in gas. */
const leastRegistrationGas = (artifactBytes: number): bigint => TRANSACTION_GAS + admitGas(artifactBytes);

export type CallableModel = Pick<ModelRecord, "gas" | "inputBytes"> & { readonly artifactBytes: number };

/**
 * MODEL_UNCALLABLE for a model that no transaction can call or register: `data` has the limit's name and what it is, and the
 * least that is needed, in gas.
 * @param blockGasLimit The chain's, if it is known.
 */
export const requireCallable = (model: CallableModel, blockGasLimit = TRANSACTION_GAS_CAP): void => {
  const [limit, most] =
    blockGasLimit < TRANSACTION_GAS_CAP
      ? (["block gas limit", blockGasLimit] as const)
      : (["transaction gas cap", TRANSACTION_GAS_CAP] as const);
  for (const [what, needed] of [
    ["a call of the model", leastCallGas(model)],
    ["registering the model", leastRegistrationGas(model.artifactBytes)],
  ] as const)
    if (needed > most)
      throw new CodedError<CallableErrorCode>(
        "MODEL_UNCALLABLE",
        `${what} takes at least ${needed} gas, the ${limit} is ${most}`,
        { limit, most, needed },
      );
};
