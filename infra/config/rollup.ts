import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { type L1Contracts, partnersOf } from "../../bridge/index.ts";
import {
  type ChainParameters,
  CodedError,
  createGenesis,
  type Genesis,
  type Hex,
  messageOf,
  requireForkOrder,
} from "../../executor/index.ts";

export type RollupErrorCode =
  /** The rollup file cannot be read or written, is not JSON, or fields are wrong. The message names all of them. */
  | "ROLLUP_FILE"
  /** The rollup file that `deploy` would write exists. Choose another name, or remove it. */
  | "ROLLUP_EXISTS";

const hex = (bytes: number) =>
  z
    .string()
    .regex(new RegExp(`^0x[0-9a-f]{${2 * bytes}}$`), `expected 0x and ${2 * bytes} lower-case hex digits`)
    .transform((text) => text as Hex);
/** A number of any size is written as decimal text. */
const decimal = z
  .string()
  .regex(/^(0|[1-9]\d{0,77})$/, "expected a decimal number as text")
  .transform((text) => BigInt(text));
const address = hex(20);

const schema = z.strictObject({
  version: z.literal(1),
  l1: z.strictObject({
    chainId: z.int().positive(),
    /** The first L1 block that can hold something of the chain. */
    startBlock: decimal,
    contracts: z.strictObject({
      batchInbox: address,
      portal: address,
      modelRegistry: address,
      claimRegistry: address,
      claimGames: address,
      l1CrossDomainMessenger: address,
      l1StandardBridge: address,
      stepVerifier: address,
      tensorStepVerifier: address,
      admissionVerifier: address,
      leafRules: address,
      systemConfig: address,
    }),
  }),
  chain: z.strictObject({
    chainId: decimal,
    blockGasLimit: decimal,
    initialBaseFee: decimal,
    minimumBaseFee: decimal,
    maxDrift: decimal,
    maxLag: decimal,
    budget: z.strictObject({ rate: decimal, cap: decimal, block: decimal, refusal: decimal }),
    /** Names that this version does not have are kept: its rules end where they begin. */
    forks: z.record(z.string().regex(/^[a-z][a-z0-9]{0,31}$/, "expected a fork's name"), decimal),
  }),
  genesis: z.strictObject({
    /** Balances in wei. */
    accounts: z.array(z.strictObject({ address, balance: decimal })).max(10_000),
    /** Whom the fee vaults pay on L1. */
    feeRecipient: address.optional(),
  }),
});

/** Everything that two nodes must share to be on one chain. Numbers of the file are `bigint` here. */
export type Rollup = {
  readonly version: 1;
  readonly l1: {
    readonly chainId: number;
    readonly startBlock: bigint;
    readonly contracts: L1Contracts;
  };
  readonly chain: ChainParameters;
  readonly genesis: {
    readonly accounts: readonly { readonly address: Hex; readonly balance: bigint }[];
    readonly feeRecipient?: Hex | undefined;
  };
};

/** ROLLUP_FILE: cannot be read, is not JSON, or a field is wrong; the message names all of them. */
export const readRollup = (file: string): Rollup => {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new CodedError<RollupErrorCode>("ROLLUP_FILE", `${file}: ${messageOf(error)}`, { file }, error);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "file"}: ${message}`);
    throw new CodedError<RollupErrorCode>("ROLLUP_FILE", `${file}: ${problems.join("; ")}`, { file, problems });
  }
  try {
    requireForkOrder(parsed.data.chain.forks);
  } catch (error) {
    throw new CodedError<RollupErrorCode>("ROLLUP_FILE", `${file}: chain.forks: ${messageOf(error)}`, { file }, error);
  }
  return parsed.data;
};

/** The chain of a rollup whose contracts on L1 are these. */
export const genesisOf = ({ chain, genesis }: Pick<Rollup, "chain" | "genesis">, contracts: L1Contracts): Genesis => {
  const alloc = Object.fromEntries(genesis.accounts.map(({ address, balance }) => [address, { balance }]));
  return createGenesis(chain, alloc, { ...partnersOf(contracts), feeRecipient: genesis.feeRecipient });
};

export const writeRollup = (file: string, rollup: Rollup): void =>
  writeFileSync(
    file,
    `${JSON.stringify(rollup, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value), 2)}\n`,
  );

/**
 * Makes the rollup's file before what goes into it: what takes long, and cannot be taken back, is not done for a file that
 * cannot be written. ROLLUP_EXISTS, ROLLUP_FILE. What `work` answers is written; when it fails the file is removed.
 */
export const writeNewRollup = async (file: string, work: () => Promise<Rollup>): Promise<Rollup> => {
  try {
    closeSync(openSync(file, "wx"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST")
      throw new CodedError<RollupErrorCode>("ROLLUP_EXISTS", `${file} exists: choose another file, or remove it`, {
        file,
      });
    throw new CodedError<RollupErrorCode>("ROLLUP_FILE", `${file}: ${messageOf(error)}`, { file }, error);
  }
  try {
    const rollup = await work();
    writeRollup(file, rollup);
    return rollup;
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  }
};
