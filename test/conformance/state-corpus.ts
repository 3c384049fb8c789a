import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { z } from "zod";
import { type Bytes, FORKS, type Fork, fromHex, type Hex, word } from "../../executor/index.ts";

/** Numbers and words of the fixtures: hex with or without leading zeros. */
const quantity = z.string().transform((text) => BigInt(text === "0x" ? "0x0" : text));
const bytes = z.string().transform((text): Bytes => fromHex(text.length % 2 === 0 ? text : `0x0${text.slice(2)}`));
const hex = z.string().transform((text) => text.toLowerCase() as Hex);

const environment = z.object({
  currentCoinbase: hex,
  currentGasLimit: quantity,
  currentNumber: quantity,
  currentTimestamp: quantity,
  currentBaseFee: quantity,
  currentRandom: bytes,
  currentExcessBlobGas: quantity.optional(),
});

const account = z.object({
  nonce: quantity,
  balance: quantity,
  code: bytes,
  storage: z.record(z.string(), bytes),
});

const accessList = z.array(z.object({ address: hex, storageKeys: z.array(bytes.transform(word)) }));

const authorization = z.object({
  chainId: quantity,
  address: hex,
  nonce: quantity,
  v: quantity,
  r: quantity,
  s: quantity,
});

const transaction = z.object({
  nonce: quantity,
  gasLimit: z.array(quantity),
  value: z.array(quantity),
  data: z.array(bytes),
  to: z.string(),
  secretKey: bytes,
  gasPrice: quantity.optional(),
  maxFeePerGas: quantity.optional(),
  maxPriorityFeePerGas: quantity.optional(),
  maxFeePerBlobGas: quantity.optional(),
  blobVersionedHashes: z.array(hex).optional(),
  accessLists: z.array(accessList.nullable()).optional(),
  authorizationList: z.array(authorization).optional(),
});

const expectation = z.object({
  hash: hex,
  logs: hex,
  expectException: z.string().optional(),
  txbytes: bytes.optional(),
  indexes: z.object({ data: z.number(), gas: z.number(), value: z.number() }),
});

const fixture = z.object({
  env: environment,
  pre: z.record(z.string(), account),
  transaction,
  post: z.record(z.string(), z.array(expectation)),
});

export type StateEnvironment = z.infer<typeof environment>;
export type StateAccount = z.infer<typeof account>;

/** The transaction of one case, its indices resolved. */
export type StateTransaction = {
  readonly nonce: bigint;
  readonly gasLimit: bigint;
  readonly value: bigint;
  readonly data: Bytes;
  readonly to: Hex | undefined;
  readonly secretKey: Bytes;
  readonly gasPrice: bigint | undefined;
  readonly maxFeePerGas: bigint | undefined;
  readonly maxPriorityFeePerGas: bigint | undefined;
  readonly maxFeePerBlobGas: bigint | undefined;
  readonly blobVersionedHashes: readonly Hex[] | undefined;
  readonly accessList: z.infer<typeof accessList> | undefined;
  readonly authorizationList: z.infer<typeof transaction>["authorizationList"];
};

/** One official state test: a pre-state, one transaction, and what must be true afterwards. */
export type StateCase = {
  /** `fork folder/file.json test data/gas/value`. */
  readonly name: string;
  readonly fork: Fork;
  readonly environment: StateEnvironment;
  readonly pre: readonly (readonly [address: Hex, account: StateAccount])[];
  readonly transaction: StateTransaction;
  /** The signed transaction, where the fixture has it. */
  readonly envelope: Bytes | undefined;
  /** Patricia root of the post-state. */
  readonly root: Hex;
  readonly logsHash: Hex;
  readonly exception: string | undefined;
};

export type StateCorpus = { readonly cases: readonly StateCase[]; readonly files: number; readonly otherForks: number };

/** As the fixtures spell them. */
const NAMES: Readonly<Record<Fork, string>> = { cancun: "Cancun", prague: "Prague", osaka: "Osaka" };

const casesOf = (name: string, test: z.infer<typeof fixture>, fork: Fork): readonly StateCase[] =>
  (test.post[NAMES[fork]] ?? []).map(({ hash, logs, expectException, indexes, txbytes }) => {
    const source = test.transaction;
    return {
      name: `${fork} ${name} ${indexes.data}/${indexes.gas}/${indexes.value}`,
      fork,
      environment: test.env,
      pre: Object.entries(test.pre).map(([address, entry]) => [address.toLowerCase() as Hex, entry] as const),
      transaction: {
        nonce: source.nonce,
        gasLimit: source.gasLimit[indexes.gas] as bigint,
        value: source.value[indexes.value] as bigint,
        data: source.data[indexes.data] as Bytes,
        to: source.to === "" ? undefined : (source.to.toLowerCase() as Hex),
        secretKey: source.secretKey,
        gasPrice: source.gasPrice,
        maxFeePerGas: source.maxFeePerGas,
        maxPriorityFeePerGas: source.maxPriorityFeePerGas,
        maxFeePerBlobGas: source.maxFeePerBlobGas,
        blobVersionedHashes: source.blobVersionedHashes,
        accessList: source.accessLists?.[indexes.data] ?? undefined,
        authorizationList: source.authorizationList,
      },
      envelope: txbytes,
      root: hash,
      logsHash: logs,
      exception: expectException,
    };
  });

/** Every case with a post-state of a fork that the chain has below `directory`, by file name. Other files are counted. */
export const readStateCorpus = (directory: string, forks: readonly Fork[] = FORKS): StateCorpus => {
  const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".json"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const cases: StateCase[] = [];
  let files = 0;
  for (const path of paths) {
    const tests = JSON.parse(readFileSync(path, "utf8")) as Record<string, { readonly post?: Record<string, unknown> }>;
    let seen = false;
    for (const [name, test] of Object.entries(tests)) {
      const present = forks.filter((fork) => test.post?.[NAMES[fork]] !== undefined);
      if (present.length === 0) continue;
      seen = true;
      const parsed = fixture.parse(test);
      for (const fork of present) cases.push(...casesOf(`${relative(directory, path)} ${name}`, parsed, fork));
    }
    if (seen) files++;
  }
  return { cases, files, otherForks: paths.length - files };
};
