import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { parseTransaction, type Hex as ViemHex, keccak256 as viemKeccak } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { type Bytes, concat, fromHex, type Hex, toHex, uintBE } from "../foundation/bytes.ts";
import { decodeRlp, encodeRlp, type RlpItem, rlpUint } from "../foundation/rlp.ts";
import { SECP256K1_ORDER } from "../foundation/secp256k1.ts";
import { createEnvelopeDecoder, decodeEnvelope, encodeDeposit, intrinsicGas, isRefusal } from "./envelope.ts";
import type { DecodedTransaction, RefusalCode } from "./transaction.ts";

const CHAIN = 918273n;
const key = privateKeyToAccount(`0x${"11".repeat(32)}`);
const TO = "0x00000000000000000000000000000000000000aa" as const;

const decoded = (envelope: Bytes): DecodedTransaction => {
  const result = decodeEnvelope(envelope, { chainId: CHAIN });
  assert.ok(!isRefusal(result), isRefusal(result) ? `${result.code}: ${result.message}` : "");
  return result;
};
const codeOf = (envelope: Bytes): RefusalCode | "ok" => {
  const result = decodeEnvelope(envelope, { chainId: CHAIN });
  return isRefusal(result) ? result.code : "ok";
};

const common = { nonce: 3, gas: 100_000n, to: TO, value: 5n, data: "0x00ff" } as const;
const requests = {
  "legacy without a chain": { type: "legacy", gasPrice: 9n, ...common },
  legacy: { type: "legacy", chainId: Number(CHAIN), gasPrice: 9n, ...common },
  "access list": {
    type: "eip2930",
    chainId: Number(CHAIN),
    gasPrice: 9n,
    accessList: [{ address: TO, storageKeys: [`0x${"22".repeat(32)}`] }],
    ...common,
  },
  "fee market": { type: "eip1559", chainId: Number(CHAIN), maxFeePerGas: 9n, maxPriorityFeePerGas: 2n, ...common },
} as const;

const signed = async (request: object): Promise<Bytes> => fromHex(await key.signTransaction(request as never));

test("every type decodes to what its signer meant", async () => {
  for (const [name, request] of Object.entries(requests)) {
    const envelope = await signed(request);
    const { transaction, sender, target, intrinsicGas: gas } = decoded(envelope);
    const theirs = parseTransaction(toHex(envelope) as ViemHex);
    assert.equal(transaction.hash, viemKeccak(envelope), name);
    assert.equal(transaction.from, key.address.toLowerCase(), name);
    assert.equal(sender.toString(), transaction.from);
    assert.equal(target?.toString(), TO);
    assert.equal(transaction.nonce, 3n);
    assert.equal(transaction.gasLimit, theirs.gas);
    assert.equal(transaction.value, theirs.value);
    assert.equal(toHex(transaction.data), theirs.data);
    assert.equal(transaction.gasPrice, theirs.gasPrice);
    assert.equal(transaction.maxFeePerGas, theirs.maxFeePerGas);
    assert.equal(transaction.maxPriorityFeePerGas, theirs.maxPriorityFeePerGas);
    assert.equal(transaction.chainId, theirs.chainId === undefined ? undefined : BigInt(theirs.chainId));
    assert.equal(gas, 21_000n + 4n + 16n + (name === "access list" ? 2400n + 1900n : 0n), name);
  }
});

test("a known sender is taken as it is; nothing is recovered", async () => {
  const envelope = await signed(requests.legacy);
  const { sender } = decoded(envelope);
  const other = decodeEnvelope(envelope, { chainId: CHAIN, sender });
  assert.ok(!isRefusal(other) && other.sender === sender);
});

const fieldsOf = (envelope: Bytes): RlpItem[] => [
  ...(decodeRlp((envelope[0] as number) < 0xc0 ? envelope.subarray(1) : envelope) as readonly RlpItem[]),
];
/** The same envelope with one field replaced; its signature then fits another sender, or none. */
const withField = (envelope: Bytes, index: number, value: RlpItem): Bytes => {
  const fields = fieldsOf(envelope);
  fields[index] = value;
  const list = encodeRlp(fields);
  return (envelope[0] as number) < 0xc0 ? concat(envelope.subarray(0, 1), list) : list;
};

test("each static rule refuses with its code", async () => {
  const market = await signed(requests["fee market"]);
  const legacy = await signed(requests.legacy);
  const plain = await signed(requests["legacy without a chain"]);
  const creation = { type: "eip1559", chainId: Number(CHAIN), nonce: 0, maxFeePerGas: 1n, gas: 16_777_216n } as const;
  const cases: readonly (readonly [string, Bytes, RefusalCode])[] = [
    ["empty", new Uint8Array(0), "TX_MALFORMED"],
    ["longer than 98,304 bytes", concat(Uint8Array.of(2), new Uint8Array(98_304)), "TX_MALFORMED"],
    ["a blob transaction", concat(Uint8Array.of(3), market.subarray(1)), "TX_TYPE"],
    ["a set-code transaction without authorizations", concat(Uint8Array.of(4), market.subarray(1)), "TX_MALFORMED"],
    ["type 0", concat(Uint8Array.of(0), market.subarray(1)), "TX_TYPE"],
    ["type 0xbf", Uint8Array.of(0xbf), "TX_TYPE"],
    ["a byte too many", concat(market, Uint8Array.of(0)), "TX_MALFORMED"],
    ["a byte too few", market.subarray(0, -1), "TX_MALFORMED"],
    ["a field too many", concat(Uint8Array.of(2), encodeRlp([...fieldsOf(market), rlpUint(1)])), "TX_MALFORMED"],
    ["nonce with a leading zero", withField(market, 1, Uint8Array.of(0, 1)), "TX_MALFORMED"],
    ["nonce of 9 bytes", withField(market, 1, uintBE(1n << 64n, 9)), "TX_MALFORMED"],
    ["gas limit of 9 bytes", withField(market, 4, uintBE(1n << 64n, 9)), "TX_MALFORMED"],
    ["fee of 33 bytes", withField(market, 3, uintBE(1n << 256n, 33)), "TX_MALFORMED"],
    ["target of 19 bytes", withField(market, 5, new Uint8Array(19)), "TX_MALFORMED"],
    ["access list that is a string", withField(market, 8, Uint8Array.of(1, 2)), "TX_MALFORMED"],
    ["access list entry with a short key", withField(market, 8, [[fromHex(TO), [new Uint8Array(31)]]]), "TX_MALFORMED"],
    ["data that is a list", withField(market, 7, []), "TX_MALFORMED"],
    ["another chain", withField(market, 0, rlpUint(1n)), "TX_CHAIN_ID"],
    ["legacy for another chain", withField(legacy, 6, rlpUint(37n)), "TX_CHAIN_ID"],
    ["legacy v of 26", withField(plain, 6, rlpUint(26n)), "TX_SIGNATURE"],
    ["legacy v of 29", withField(plain, 6, rlpUint(29n)), "TX_SIGNATURE"],
    ["y parity of 2", withField(market, 9, rlpUint(2n)), "TX_SIGNATURE"],
    ["r = 0", withField(market, 10, new Uint8Array(0)), "TX_SIGNATURE"],
    ["r = n", withField(market, 10, uintBE(SECP256K1_ORDER, 32)), "TX_SIGNATURE"],
    ["s = 0", withField(market, 11, new Uint8Array(0)), "TX_SIGNATURE"],
    ["s = n / 2 + 1", withField(market, 11, uintBE(SECP256K1_ORDER / 2n + 1n, 32)), "TX_SIGNATURE"],
    ["r that is no point", withField(market, 10, uintBE(SECP256K1_ORDER - 1n, 32)), "TX_SIGNATURE"],
    [
      "init code of 49,153 bytes",
      await signed({ ...creation, data: `0x${"00".repeat(49_153)}`, gas: 30_000_000n }),
      "TX_INITCODE_SIZE",
    ],
    ["gas limit of 2^24 + 1", await signed({ ...creation, gas: 16_777_217n, data: "0x" }), "TX_GAS_CAP"],
    ["a gas short of intrinsic", await signed({ ...requests["fee market"], gas: 21_019n }), "TX_INTRINSIC_GAS"],
    ["creation, a gas short", await signed({ ...creation, data: "0x00", gas: 53_005n }), "TX_INTRINSIC_GAS"],
    ["tip above the cap", withField(market, 2, rlpUint(10n)), "TX_TIP_CAP"],
  ];
  for (const [name, envelope, code] of cases) assert.equal(codeOf(envelope), code, name);
  assert.equal(codeOf(await signed({ ...creation, data: "0x00", gas: 53_006n })), "ok");
  assert.equal(codeOf(await signed({ ...requests["fee market"], gas: 21_020n })), "ok");
  assert.equal(codeOf(await signed({ ...creation, data: `0x${"00".repeat(49_152)}` })), "ok");
});

test("the first broken rule names the refusal", async () => {
  const market = await signed(requests["fee market"]);
  const chained = withField(withField(market, 0, rlpUint(1n)), 9, rlpUint(2n));
  assert.equal(codeOf(chained), "TX_CHAIN_ID", "chain before signature");
  assert.equal(codeOf(withField(chained, 1, Uint8Array.of(0))), "TX_MALFORMED", "form before chain");
  const greedy = withField(withField(market, 4, rlpUint(1n << 30n)), 2, rlpUint(10n));
  assert.equal(codeOf(greedy), "TX_GAS_CAP", "gas cap before fees");
  assert.equal(codeOf(withField(greedy, 11, new Uint8Array(0))), "TX_SIGNATURE", "signature before gas cap");
});

test("intrinsic gas counts words of init code, zero bytes and access lists", () => {
  const base = { to: TO as Hex | undefined, data: new Uint8Array(0) };
  assert.equal(intrinsicGas(base), 21_000n);
  assert.equal(intrinsicGas({ ...base, data: Uint8Array.of(0, 1) }), 21_020n);
  assert.equal(intrinsicGas({ to: undefined, data: new Uint8Array(33) }), 53_000n + 33n * 4n + 4n);
});

const deposit = {
  sourceHash: toHex(uintBE(7, 32)),
  from: "0x1111000000000000000000000000000000001112",
  to: TO,
  mint: 10n ** 18n,
  value: 3n,
  gas: 50_000n,
  data: Uint8Array.of(1, 2, 3),
} as const;

test("a deposit decodes to what was encoded, and needs no signature", () => {
  const { transaction, sender, target } = decoded(encodeDeposit(deposit));
  assert.equal(transaction.type, 0x7e);
  assert.deepEqual(transaction.deposit, { sourceHash: deposit.sourceHash, mint: deposit.mint });
  assert.equal(sender.toString(), deposit.from);
  assert.equal(target?.toString(), TO);
  assert.equal(transaction.gasLimit, 50_000n);
  assert.deepEqual(transaction.data, deposit.data);
  assert.equal(decoded(encodeDeposit({ ...deposit, to: undefined })).target, undefined);
});

test("a deposit of another form is refused", () => {
  const fields = decodeRlp(encodeDeposit(deposit).subarray(1)) as readonly RlpItem[];
  const changed = (index: number, value: RlpItem) =>
    concat(Uint8Array.of(0x7e), encodeRlp(fields.map((field, i) => (i === index ? value : field))));
  assert.equal(codeOf(changed(6, Uint8Array.of(1))), "TX_MALFORMED", "a system deposit");
  assert.equal(codeOf(changed(0, new Uint8Array(31))), "TX_MALFORMED", "a short source hash");
  assert.equal(codeOf(changed(3, uintBE(1n << 128n, 17))), "TX_MALFORMED", "more minted than can exist");
});

test("decoding is total and canonical: a changed byte never gives the same transaction", async () => {
  const envelopes = await Promise.all(Object.values(requests).map(signed));
  envelopes.push(encodeDeposit(deposit));
  fc.assert(
    fc.property(fc.nat(envelopes.length - 1), fc.nat(), fc.integer({ min: 1, max: 255 }), (which, at, flip) => {
      const original = envelopes[which] as Bytes;
      const copy = original.slice();
      const index = at % copy.length;
      copy[index] = (copy[index] as number) ^ flip;
      const result = decodeEnvelope(copy, { chainId: CHAIN });
      if (isRefusal(result)) return;
      assert.notEqual(result.transaction.hash, decoded(original).transaction.hash);
      assert.equal(result.transaction.envelope, copy);
    }),
    { seed: 3, numRuns: 600 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodeEnvelope(bytes, { chainId: CHAIN })),
    { seed: 4, numRuns: 2000 },
  );
});

test("the decoder remembers a bounded number of transactions and keeps its own copy of their bytes", async () => {
  const decode = createEnvelopeDecoder(CHAIN, { remembered: 2 });
  const [a, b, c] = await Promise.all([0, 1, 2].map((nonce) => signed({ ...requests.legacy, nonce })));
  const first = decode(a as Bytes);
  assert.equal(decode(a as Bytes), first);
  decode(b as Bytes);
  decode(c as Bytes);
  assert.notEqual(decode(a as Bytes), first, "the oldest was forgotten");
  const tight = createEnvelopeDecoder(CHAIN, { rememberedBytes: 2 * (a as Bytes).length });
  const [before, kept2] = [tight(a as Bytes), tight(b as Bytes)];
  assert.deepEqual([tight(a as Bytes), tight(b as Bytes)], [before, kept2]);
  tight(c as Bytes);
  assert.equal(tight(b as Bytes), kept2);
  assert.notEqual(tight(a as Bytes), before, "the oldest was forgotten for its bytes");
  const mine = (a as Bytes).slice();
  const kept = createEnvelopeDecoder(CHAIN)(mine);
  mine.fill(0);
  assert.ok(!isRefusal(kept) && kept.transaction.envelope.some((byte) => byte !== 0));
});
