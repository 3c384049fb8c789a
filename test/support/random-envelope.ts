import { accountOf } from "../../executor/chain/chain.fixture.ts";
import { encodeRlp, type RlpItem, rlpUint } from "../../executor/foundation/rlp.ts";
import { SECP256K1_ORDER, signDigest } from "../../executor/foundation/secp256k1.ts";
import { type Bytes, concat, fromHex, type Hex, keccak256, toHex, uintBE } from "../../executor/index.ts";
import { floorGas, intrinsicGas, MAX_INITCODE_BYTES } from "../../executor/protocol/envelope.ts";
import { ADDRESS } from "../../executor/protocol/parameters.ts";
import type { Random } from "./random-program.ts";

/**
 * Envelopes of all types at random: right ones; ones with a field at or behind an edge, or one item in another form, signed all
 * the same, so that nothing but that one rule refuses them; and ones changed behind the signature.
 */

/** What they are meant for. `senders`: what the accounts have, by the number of their key. */
export type EnvelopeWorld = {
  readonly chainId: bigint;
  readonly gasCap: bigint;
  readonly baseFee: bigint;
  readonly senders: readonly { readonly nonce: bigint; readonly balance: bigint }[];
};

/** `odd`: whether something is out of the ordinary here, of this probability. */
type Chooser = Random & { odd(probability: number): boolean };

const EMPTY = new Uint8Array(0);
const MAX_U64 = 2n ** 64n - 1n;
const MAX_U256 = 2n ** 256n - 1n;
const DEPOSIT = 0x7e;
const AUTHORIZATION_MAGIC = Uint8Array.of(5);

const bytesOf = (random: Chooser, size: number): Bytes =>
  Uint8Array.from({ length: size }, () => (random.chance(0.4) ? 0 : random.below(256)));
const keyOf = (index: number): Bytes => uintBE(BigInt(index + 1), 32);
export const addressOf = (index: number): Hex => accountOf(index).address.toLowerCase() as Hex;

const listHeader = (length: number): Bytes => {
  if (length < 56) return Uint8Array.of(0xc0 + length);
  const size = rlpUint(length);
  return concat(Uint8Array.of(0xf7 + size.length), size);
};

type Encoding = { readonly random: Chooser; readonly encoded: Bytes; readonly item: RlpItem };

const INTEGER_SIZES = [0, 1, 2, 8, 9, 16, 17, 20, 21, 32, 33, 60];

/** Other forms of a byte string. */
const STRING_FORMS: readonly ((encoding: Encoding & { readonly item: Bytes }) => Bytes)[] = [
  // Its length in the long form, with a zero before it, in place of none.
  ({ item }) => concat(Uint8Array.of(0xb8, item.length), item),
  ({ item }) => concat(Uint8Array.of(0xb9, 0, item.length), item),
  ({ item }) => concat(Uint8Array.of(0x81), item.subarray(0, 1)),
  // A zero in front, a byte more or less, other bytes, a list.
  ({ item }) => encodeRlp(concat(Uint8Array.of(0), item)),
  ({ random, item }) => encodeRlp(concat(item, bytesOf(random, 1))),
  ({ item }) => encodeRlp(item.subarray(1)),
  ({ random }) => encodeRlp(bytesOf(random, random.pick(INTEGER_SIZES))),
  ({ item }) => encodeRlp([item]),
  () => Uint8Array.of(0xc0),
];
/** Of a list. */
const LIST_FORMS: readonly ((encoding: Encoding & { readonly item: readonly RlpItem[] }) => Bytes)[] = [
  ({ encoded }) => concat(Uint8Array.of(0xf8, encoded.length - 1), encoded.subarray(1)),
  ({ encoded }) => concat(encoded, encoded),
  ({ encoded }) => encoded.subarray(1),
  ({ item }) => encodeRlp(item.slice(1)),
  ({ item }) => encodeRlp([...item, EMPTY]),
  () => Uint8Array.of(0x80),
  () => Uint8Array.of(0xc1, 0x80),
  () => EMPTY,
];

const spoil = ({ random, encoded, item }: Encoding): Bytes =>
  item instanceof Uint8Array
    ? random.pick(STRING_FORMS)({ random, encoded, item })
    : random.pick(LIST_FORMS)({ random, encoded, item });

const itemsIn = (item: RlpItem): number =>
  item instanceof Uint8Array ? 1 : item.reduce((sum, one) => sum + itemsIn(one), 1);

/** Encodes items, the one of number `spoilt` (in the order in which they begin) in another form. */
const encodeSpoilt = (random: Chooser, items: readonly RlpItem[], spoilt: number): Bytes => {
  let left = spoilt;
  const encode = (item: RlpItem): Bytes => {
    const isIt = left-- === 0;
    const payload = item instanceof Uint8Array ? item : concat(...item.map(encode));
    const plain = item instanceof Uint8Array ? encodeRlp(item) : concat(listHeader(payload.length), payload);
    return isIt ? spoil({ random, encoded: plain, item }) : plain;
  };
  return concat(...items.map(encode));
};

type Signature = { readonly parity: bigint; readonly r: bigint; readonly s: bigint };

const numberOf = (bytes: Bytes): bigint => BigInt(toHex(bytes));

/** A signature, now and then one that is none of the rules' for one reason. */
const signatureOf = (random: Chooser, digest: Bytes, key: Bytes): Signature => {
  const signed = signDigest(digest, key);
  const right = {
    parity: BigInt(signed[64] as number),
    r: numberOf(signed.subarray(0, 32)),
    s: numberOf(signed.subarray(32, 64)),
  };
  if (!random.odd(0.15)) return right;
  return random.pick<Signature>([
    { ...right, parity: 1n - right.parity, s: SECP256K1_ORDER - right.s },
    { ...right, parity: 1n - right.parity },
    { ...right, parity: 2n },
    { ...right, r: 0n },
    { ...right, s: 0n },
    { ...right, r: SECP256K1_ORDER },
    { ...right, s: SECP256K1_ORDER / 2n + 1n },
    { ...right, r: 5n },
    { ...right, r: MAX_U256 },
  ]);
};

const poolOf = (senders: number): readonly Hex[] => [
  ...Array.from({ length: senders }, (_, i) => addressOf(i)),
  ...[1n, 10n, 11n, 17n, 18n, 0x100n, 0x101n, 0xc0n].map((number) => toHex(uintBE(number, 20))),
  ADDRESS.infer,
  ADDRESS.admit,
  ADDRESS.sequencerFeeVault,
];

const accessListOf = (random: Chooser, pool: readonly Hex[]): RlpItem[] =>
  Array.from({ length: random.pick([0, 0, 1, 2, 3]) }, () => [
    fromHex(random.pick(pool)),
    Array.from({ length: random.pick([0, 0, 1, 2, 3]) }, () => uintBE(BigInt(random.below(3)), 32)),
  ]);

const authorizationOf = (random: Chooser, { chainId, senders }: EnvelopeWorld, pool: readonly Hex[]): RlpItem => {
  const authority = random.below(senders.length);
  const nonce = !random.odd(0.3) ? (senders[authority]?.nonce ?? 0n) : random.pick([0n, 1n, 6n, MAX_U64]);
  const fields = [
    rlpUint(random.pick([0n, chainId, chainId, chainId + 1n, MAX_U256])),
    random.chance(0.2) ? new Uint8Array(20) : fromHex(random.pick(pool)),
    rlpUint(nonce),
  ];
  const digest = keccak256(concat(AUTHORIZATION_MAGIC, encodeRlp(fields)));
  const { parity, r, s } = signatureOf(random, digest, keyOf(authority));
  return [...fields, rlpUint(parity), rlpUint(r), rlpUint(s)];
};

const DATA_SIZES = [0, 0, 1, 31, 32, 33, 55, 56, 300];

const dataOf = (random: Chooser, isCreation: boolean): Bytes => {
  if (isCreation && random.odd(0.1)) return new Uint8Array(random.pick([MAX_INITCODE_BYTES, MAX_INITCODE_BYTES + 1]));
  return bytesOf(random, random.pick(DATA_SIZES));
};

const around = (random: Chooser, value: bigint): bigint => {
  const near = value + random.pick([-1n, 0n, 0n, 1n]);
  return near < 0n ? 0n : near;
};

const TYPES = [0, 1, 2, 4] as const;
type Type = (typeof TYPES)[number];

const fieldsOf = (random: Chooser, type: Type, world: EnvelopeWorld, sender: number): RlpItem[] => {
  const { chainId, gasCap, baseFee, senders } = world;
  const pool = poolOf(senders.length);
  const to = (type === 4 ? random.odd(0.05) : random.chance(0.25)) ? undefined : random.pick(pool);
  const data = dataOf(random, to === undefined);
  const accessList = type === 0 ? [] : accessListOf(random, pool);
  const authorizations =
    type === 4 ? Array.from({ length: random.pick([0, 1, 1, 2, 3]) }, () => authorizationOf(random, world, pool)) : [];
  const lists = {
    accessList: accessList.map((entry) => ({
      address: "0x" as const,
      storageKeys: Array((entry as RlpItem[][])[1]?.length ?? 0).fill("0x"),
    })),
    authorizationList: authorizations as never[],
  };
  const least = intrinsicGas({ to, data, ...lists });
  const floor = floorGas(data);
  const gas = !random.odd(0.4)
    ? (least > floor ? least : floor) + BigInt(random.below(100_000))
    : random.pick([around(random, least), around(random, floor), around(random, gasCap), 0n, MAX_U64, MAX_U64 + 1n]);
  const cap = !random.odd(0.3)
    ? baseFee + BigInt(random.below(1_000))
    : random.pick([around(random, baseFee), 0n, MAX_U256, 2n ** 200n]);
  const tip = !random.odd(0.3) ? BigInt(random.below(Number(cap > 1_000n ? 1_000n : cap) + 1)) : around(random, cap);
  const { nonce, balance } = senders[sender] ?? { nonce: 0n, balance: 0n };
  const spare = balance - gas * cap;
  const value = !random.odd(0.4)
    ? BigInt(random.below(10))
    : random.pick([around(random, spare < 0n ? 0n : spare), MAX_U256]);
  const ids = type === 0 ? [] : [rlpUint(!random.odd(0.05) ? chainId : random.pick([0n, chainId + 1n, MAX_U256]))];
  const fees = type >= 2 ? [rlpUint(tip), rlpUint(cap)] : [rlpUint(cap)];
  return [
    ...ids,
    rlpUint(!random.odd(0.15) ? nonce : random.pick([nonce + 1n, 0n, MAX_U64, MAX_U64 + 1n])),
    ...fees,
    rlpUint(gas),
    to === undefined ? EMPTY : fromHex(to),
    rlpUint(value > MAX_U256 ? MAX_U256 : value),
    data,
    ...(type === 0 ? [] : [accessList]),
    ...(type === 4 ? [authorizations] : []),
  ];
};

const signedEnvelope = (random: Chooser, world: EnvelopeWorld): Bytes => {
  const type = random.pick(TYPES);
  const sender = random.chance(0.4) ? 0 : random.below(world.senders.length);
  const fields = fieldsOf(random, type, world, sender);
  if (random.odd(0.03)) fields.splice(random.below(fields.length), 1);
  if (random.odd(0.03)) fields.push(EMPTY);
  const prefix = type === 0 ? EMPTY : Uint8Array.of(type);
  const isSpoilt = random.odd(0.3);
  const count = itemsIn(fields) - 1;
  const payload = encodeSpoilt(random, fields, isSpoilt ? random.below(count) : -1);
  const isPlain = type === 0 && random.chance(0.3);
  const { chainId } = world;
  const tail = type !== 0 || isPlain ? EMPTY : concat(encodeRlp(rlpUint(chainId)), Uint8Array.of(0x80, 0x80));
  const digest = keccak256(concat(prefix, listHeader(payload.length + tail.length), payload, tail));
  const { parity, r, s } = signatureOf(random, digest, keyOf(sender));
  const wrongId = random.odd(0.05) ? random.pick([1n, -1n, 2n ** 200n]) : 0n;
  const v = type !== 0 ? parity : isPlain ? 27n + parity : 35n + 2n * (chainId + wrongId) + parity;
  const signature = [v, r, s].map((number) => rlpUint(number));
  const end = encodeSpoilt(random, signature, random.odd(0.05) ? random.below(3) : -1);
  const whole = payload.length + end.length;
  const header = random.odd(0.03) ? listHeader(whole + random.pick([-1, 1])) : listHeader(whole);
  return concat(prefix, header, payload, end);
};

const depositEnvelope = (random: Chooser, { senders }: EnvelopeWorld): Bytes => {
  const pool = poolOf(senders.length);
  const to = random.chance(0.3) ? undefined : random.pick(pool);
  const data = dataOf(random, to === undefined);
  const least = intrinsicGas({ to, data });
  const fields: RlpItem[] = [
    bytesOf(random, 32),
    fromHex(random.pick(pool)),
    to === undefined ? EMPTY : fromHex(to),
    rlpUint(random.pick([0n, 5n, 10n ** 18n, 2n ** 128n - 1n, 2n ** 128n])),
    rlpUint(random.pick([0n, 5n, 10n ** 18n, MAX_U256])),
    // The inbox takes no more.
    rlpUint(random.pick([around(random, least), least + 50_000n, 21_000n, 2n ** 24n])),
    random.odd(0.05) ? Uint8Array.of(1) : EMPTY,
    data,
  ];
  const payload = encodeSpoilt(random, fields, random.odd(0.3) ? random.below(fields.length) : -1);
  return concat(Uint8Array.of(DEPOSIT), listHeader(payload.length), payload);
};

/** Behind the signature: what a poster, who need not have signed it, may do. */
const CHANGES: readonly ((random: Chooser, envelope: Bytes) => Bytes)[] = [
  (random, envelope) => {
    const changed = envelope.slice();
    const place = random.below(changed.length);
    changed[place] = random.chance(0.5) ? (changed[place] as number) ^ (1 << random.below(8)) : random.below(256);
    return changed;
  },
  (random, envelope) => envelope.subarray(0, random.below(envelope.length) + 1),
  (random, envelope) => concat(envelope, bytesOf(random, random.between(1, 40))),
  (random, envelope) =>
    concat(Uint8Array.of(random.pick([0, 1, 2, 3, 4, 5, DEPOSIT, 0xbf, 0xc0])), envelope.subarray(1)),
  (random) => bytesOf(random, random.between(1, 200)),
];

/** At least one byte. Half of them are as their signer meant them, if not what the chain takes. */
export const randomEnvelope = (given: Random, world: EnvelopeWorld): Bytes => {
  const odd = given.chance(0.5) ? given.chance : () => false;
  const random: Chooser = { ...given, odd };
  const envelope = random.chance(0.2) ? depositEnvelope(random, world) : signedEnvelope(random, world);
  return odd(0.2) ? random.pick(CHANGES)(random, envelope) : envelope;
};
