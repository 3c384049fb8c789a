import { z } from "zod";
import { type Bytes, fromHex, type Hex } from "../foundation/bytes.ts";
import { invalidParams } from "./errors.ts";

/** Schemas of parameters: `0x` text outside, values inside; hashes and addresses become lower case. */

const MAX_QUANTITY_DIGITS = 64;

/** A hex integer without leading zeros, below 2^256. */
const quantity = z
  .string("expected a hex quantity")
  .regex(/^0x(0|[1-9a-fA-F][0-9a-fA-F]*)$/, "cannot unmarshal hex number: expected 0x and digits without leading zeros")
  .max(2 + MAX_QUANTITY_DIGITS, "hex number > 256 bits")
  .transform((text) => BigInt(text));

/** A number of at most 64 bits: hex, or a plain JSON number as some clients send it. */
export const count = z.union([
  quantity.refine((value) => value < 1n << 64n, "hex number > 64 bits"),
  z
    .number()
    .int()
    .min(0)
    .transform((value) => BigInt(value)),
]);

export const bytes = z
  .string("expected a hex byte string")
  .regex(/^0x([0-9a-fA-F]{2})*$/, "cannot unmarshal hex string: expected 0x and an even number of digits")
  .transform((text): Bytes => fromHex(text));

const fixed = (size: number, what: string) =>
  z
    .string(`expected ${what}`)
    .regex(new RegExp(`^0x[0-9a-fA-F]{${2 * size}}$`), `invalid ${what}: expected 0x and ${2 * size} hex digits`)
    .transform((text) => text.toLowerCase() as Hex);

export const address = fixed(20, "address");
export const hash = fixed(32, "hash");
/** A word written in full, as in overrides and access lists. */
const wordHex = fixed(32, "32-byte value");

/** A storage slot: up to 32 bytes of hex, also of odd length; `slotOf` reads it. */
export const slot = z.string("expected a storage key");

export const slotOf = (text: string): Hex => {
  const digits = text.startsWith("0x") ? text.slice(2) : text;
  const shown = JSON.stringify(text.slice(0, 80));
  if (!/^[0-9a-fA-F]*$/.test(digits)) throw invalidParams(`invalid hex in storage key: ${shown}`);
  if (digits.length > 64) throw invalidParams(`storage key too long (want at most 32 bytes): ${shown}`);
  return `0x${digits.toLowerCase().padStart(64, "0")}`;
};

const BLOCK_TAGS = ["latest", "pending", "safe", "finalized", "earliest"] as const;
export type BlockTag = (typeof BLOCK_TAGS)[number];
export type BlockId =
  | { readonly kind: "tag"; readonly tag: BlockTag }
  | { readonly kind: "number"; readonly number: bigint }
  | { readonly kind: "hash"; readonly hash: Hex };

/** A tag or a number. */
export const blockNumber = z.union(
  [
    z.enum(BLOCK_TAGS).transform((tag): BlockId => ({ kind: "tag", tag })),
    quantity.refine((value) => value < 1n << 63n).transform((number): BlockId => ({ kind: "number", number })),
  ],
  "expected a block tag or a hex block number",
);

/** EIP-1898: a tag, a number, a hash, `{blockNumber}` or `{blockHash}`. */
export const blockId = z.union(
  [
    hash.transform((value): BlockId => ({ kind: "hash", hash: value })),
    blockNumber,
    z.strictObject({ blockNumber }).transform((value): BlockId => value.blockNumber),
    z
      .strictObject({ blockHash: hash, requireCanonical: z.boolean().optional() })
      .transform((value): BlockId => ({ kind: "hash", hash: value.blockHash })),
  ],
  "expected a block tag, number or hash, or an object with blockNumber or blockHash",
);

export const LATEST: BlockId = { kind: "tag", tag: "latest" };
/** A block that may be left out. */
export const blockOrLatest = blockId.nullish().transform((id) => id ?? LATEST);

const MAX_ACCESS_ENTRIES = 1_000;
const accessList = z
  .array(z.object({ address, storageKeys: z.array(wordHex).max(MAX_ACCESS_ENTRIES) }))
  .max(MAX_ACCESS_ENTRIES);

const MAX_AUTHORIZATIONS = 256;
/** EIP-7702, in geth's names. */
const authorizationList = z
  .array(
    z
      .object({ chainId: quantity, address, nonce: quantity, yParity: quantity, r: quantity, s: quantity })
      .refine(({ nonce, yParity }) => nonce < 2n ** 64n && yParity < 256n, "nonce or yParity is out of range"),
  )
  .min(1)
  .max(MAX_AUTHORIZATIONS);

/** geth's TransactionArgs, as far as a message call needs them; unknown members are left alone. */
export const message = z
  .object({
    from: address.nullish(),
    to: address.nullish(),
    gas: quantity.nullish(),
    gasPrice: quantity.nullish(),
    maxFeePerGas: quantity.nullish(),
    maxPriorityFeePerGas: quantity.nullish(),
    value: quantity.nullish(),
    nonce: quantity.nullish(),
    data: bytes.nullish(),
    input: bytes.nullish(),
    accessList: accessList.nullish(),
    blobVersionedHashes: z.array(z.unknown()).nullish(),
    authorizationList: authorizationList.nullish(),
  })
  .refine((value) => value.blobVersionedHashes == null, "blob transactions are not supported")
  .refine((value) => value.authorizationList == null || value.to != null, "a set-code transaction creates no contract")
  .refine(
    (value) => value.gasPrice == null || (value.maxFeePerGas == null && value.maxPriorityFeePerGas == null),
    "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified",
  )
  .refine(
    (value) => value.maxFeePerGas == null || (value.maxPriorityFeePerGas ?? 0n) <= value.maxFeePerGas,
    "maxFeePerGas less than maxPriorityFeePerGas",
  )
  .refine(
    (value) => value.data == null || value.input == null || Buffer.compare(value.data, value.input) === 0,
    'both "data" and "input" are set and not equal. Please use "input" to pass transaction call data',
  );
export type Message = z.output<typeof message>;

const MAX_OVERRIDES = 1_000;
const words = z.record(wordHex, wordHex).refine((value) => Object.keys(value).length <= MAX_OVERRIDES);

/** geth's state overrides. */
export const overrides = z
  .record(
    address,
    z
      .strictObject({
        balance: quantity.nullish(),
        nonce: quantity.nullish(),
        code: bytes.nullish(),
        state: words.nullish(),
        stateDiff: words.nullish(),
      })
      .refine((value) => value.state == null || value.stateDiff == null, "both state and stateDiff are given"),
  )
  .refine((value) => Object.keys(value).length <= MAX_OVERRIDES, `more than ${MAX_OVERRIDES} overrides`);
export type Overrides = z.output<typeof overrides>;

const MAX_TOPICS = 4;
const MAX_ALTERNATIVES = 1_000;
const topic = z.union([hash, z.array(hash).max(MAX_ALTERNATIVES)]).nullish();
const criteria = {
  address: z.union([address, z.array(address).max(MAX_ALTERNATIVES)]).nullish(),
  topics: z.array(topic).max(MAX_TOPICS, "too many topics: at most 4").nullish(),
};

export const logFilter = z
  .object({
    ...criteria,
    fromBlock: blockNumber.nullish(),
    toBlock: blockNumber.nullish(),
    blockHash: hash.nullish(),
  })
  .refine(
    (value) => value.blockHash == null || (value.fromBlock == null && value.toBlock == null),
    "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other",
  );
export type LogFilter = z.output<typeof logFilter>;

/** Criteria of `eth_subscribe("logs")`. */
export const logCriteria = z.object(criteria);
export type LogCriteria = z.output<typeof logCriteria>;

export const filterId = z
  .string("expected a filter id")
  .regex(/^0x[0-9a-fA-F]{1,64}$/, "invalid filter id")
  .transform((text) => text.toLowerCase() as Hex);

const MAX_PEER_TEXT = 512;
/** A multiaddress or a peer's id; what it means is the network's to say. */
export const peerText = z.string("expected a text").min(1).max(MAX_PEER_TEXT);

const MAX_CLAIMS = 50;
const SHOWN_CLAIMS = 10;
/** `{limit}` of a list of claims, which may be left out. */
export const claimLimit = z
  .strictObject({ limit: z.number().int().min(1).max(MAX_CLAIMS, `at most ${MAX_CLAIMS} claims at a time`).nullish() })
  .nullish()
  .transform((value) => value?.limit ?? SHOWN_CLAIMS);
