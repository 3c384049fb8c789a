import { type LocalAccount, privateKeyToAccount } from "viem/accounts";
import { keyAt, type Role, type SystemState, signersOf } from "../../bridge/index.ts";
import { type Bytes, CodedError, fromHex, type Hex, type Origin, signDigest } from "../../executor/index.ts";
import type { SequencerConfig } from "../config/config.ts";
import type { ReadinessCheck } from "../telemetry/metrics-server.ts";

export type SequencerKeysErrorCode =
  /** The inbox takes batches from another account than --batcher-key is the key of. Give that account's key. */
  | "NODE_BATCHER_KEY"
  /** Nodes take blocks that another account signs than --signer-key is the key of. Give that account's key. */
  | "NODE_SIGNER_KEY";

type Key = { readonly account: LocalAccount; readonly address: Hex; readonly secret: Bytes };

const keyOf = (secret: Hex): Key => {
  const account = privateKeyToAccount(secret);
  return { account, address: account.address.toLowerCase() as Hex, secret: fromHex(secret) };
};

/** The keys of the node that builds the blocks: of those that it was given, the ones that L1 names at the time. */
export type SequencerKeys = {
  readonly batchers: readonly LocalAccount[];
  /** Who may append now. Lower case. */
  readonly batcher: () => Hex;
  /** Signs a seal of a block of this origin. NODE_SIGNER_KEY. */
  readonly sign: (digest: Bytes, origin: Origin) => Bytes;
  readonly check: ReadinessCheck;
};

const ABOUT = {
  batcher: { code: "NODE_BATCHER_KEY", flag: "--batcher-key", does: "the inbox takes batches from" },
  signer: { code: "NODE_SIGNER_KEY", flag: "--signer-key", does: "nodes take blocks signed by" },
} as const satisfies Partial<Record<Role, { readonly code: SequencerKeysErrorCode; flag: string; does: string }>>;

/** NODE_BATCHER_KEY, NODE_SIGNER_KEY: L1 names an account now of which no key was given. */
export const createSequencerKeys = (
  { batcherKeys, signerKeys }: Pick<SequencerConfig, "batcherKeys" | "signerKeys">,
  system: () => SystemState,
): SequencerKeys => {
  const own = { batcher: batcherKeys.map(keyOf), signer: signerKeys.map(keyOf) };
  const has = (role: keyof typeof own, address: Hex): boolean => own[role].some((key) => key.address === address);
  const missing = (role: keyof typeof own, expected: Hex) => {
    const { code, flag, does } = ABOUT[role];
    const given = own[role].map(({ address }) => address);
    return new CodedError<SequencerKeysErrorCode>(
      code,
      `${does} ${expected}; ${flag} is the key of ${given.join(" and ")}`,
      { expected, given },
    );
  };
  const inEffect = (role: keyof typeof own): Hex => keyAt(system().keys[role], system().block.timestamp);
  for (const role of ["batcher", "signer"] as const)
    if (!has(role, inEffect(role))) throw missing(role, inEffect(role));
  return {
    batchers: own.batcher.map(({ account }) => account),
    batcher: () => inEffect("batcher"),
    sign(digest, origin) {
      const accepted = signersOf(system(), origin);
      const key = accepted.flatMap((address) => own.signer.filter((one) => one.address === address))[0];
      if (key === undefined) throw missing("signer", accepted[0] ?? inEffect("signer"));
      return signDigest(digest, key.secret);
    },
    check: {
      name: "keys",
      check() {
        for (const role of ["batcher", "signer"] as const) {
          const expected = inEffect(role);
          if (!has(role, expected)) return missing(role, expected).message;
        }
        return undefined;
      },
      notice() {
        for (const role of ["batcher", "signer"] as const) {
          const { key, since } = system().keys[role];
          const left = since - system().block.timestamp;
          if (left > 0n && !has(role, key))
            return `in ${left} s ${ABOUT[role].does} ${key}: give its key beside the other`;
        }
        return undefined;
      },
    },
  };
};
