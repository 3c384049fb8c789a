import assert from "node:assert/strict";
import { before, test } from "node:test";
import fc from "fast-check";
import { concat, readUintBE, uintBE } from "../../foundation/bytes.ts";
import { hasCode } from "../../foundation/errors.ts";
import { decodeRlp, encodeRlp, type RlpItem, rlpUint } from "../../foundation/rlp.ts";
import { SECP256K1_ORDER } from "../../foundation/secp256k1.ts";
import { headerOf, OTHER_KEY, openSealer, SEQUENCER, type Sealer, sealBlock, withSeal } from "./sealed.fixture.ts";
import {
  decodeSealedBlock,
  decodeSealedHeader,
  encodeSealedBlock,
  encodeSealedHeader,
  holdsBody,
  MAX_SEALED_BLOCK_BYTES,
  type SealedBlock,
  sealerOf,
} from "./sealed-block.ts";

let sealer: Sealer;
let block: SealedBlock;
before(async () => {
  sealer = await openSealer();
  block = await sealer.build({ revision: 3n });
});

const malformed = { code: "BLOCK_MALFORMED" };
const fieldsOf = (bytes: Uint8Array) => [...(decodeRlp(bytes) as readonly RlpItem[])];

test("a block survives the wire, with its hash, its signer and its body", () => {
  const read = decodeSealedBlock(encodeSealedBlock(block));
  assert.deepEqual(read, block);
  assert.equal(read.hash, sealer.chain.head.hash);
  assert.equal(sealerOf(sealer.chain.genesisHash, read), SEQUENCER);
  assert.equal(holdsBody(read), true);
  assert.deepEqual(decodeSealedHeader(encodeSealedHeader(block)), headerOf(block));
});

test("the signature binds hash, origin, revision, time and chain", () => {
  const { chain } = sealer;
  const signer = (changed: SealedBlock, genesis = chain.genesisHash) => sealerOf(genesis, changed);
  assert.notEqual(signer(sealBlock(chain.genesisHash, chain.head, { key: OTHER_KEY })), SEQUENCER);
  assert.notEqual(signer(withSeal(block, { revision: 4n })), SEQUENCER);
  assert.notEqual(signer(withSeal(block, { sealedAt: 1n })), SEQUENCER);
  assert.notEqual(signer({ ...block, origin: { ...block.origin, number: 2n } }), SEQUENCER);
  assert.notEqual(signer({ ...block, origin: { ...block.origin, timestamp: 2n } }), SEQUENCER);
  assert.notEqual(signer({ ...block, hash: chain.genesisHash }), SEQUENCER);
  assert.notEqual(signer(block, block.hash), SEQUENCER);
});

test("a signature has one form: the one of high s, and other parities, are nobody's", () => {
  const { signature } = block.seal;
  const s = readUintBE(signature.subarray(32, 64));
  const parity = signature[64] as number;
  const high = concat(signature.subarray(0, 32), uintBE(SECP256K1_ORDER - s, 32), Uint8Array.of(1 - parity));
  assert.equal(sealerOf(sealer.chain.genesisHash, withSeal(block, { signature: high })), undefined);
  for (const wrong of [2, 3, 27, 28, 255]) {
    const changed = concat(signature.subarray(0, 64), Uint8Array.of(wrong));
    assert.equal(sealerOf(sealer.chain.genesisHash, withSeal(block, { signature: changed })), undefined);
  }
  const empty = withSeal(block, { signature: new Uint8Array(65) });
  assert.equal(sealerOf(sealer.chain.genesisHash, empty), undefined);
});

test("a body that the header does not commit to is not the block's", () => {
  const [envelope] = block.envelopes as [Uint8Array];
  assert.equal(holdsBody({ ...block, envelopes: [] }), false);
  assert.equal(holdsBody({ ...block, envelopes: [envelope, envelope] }), false);
  assert.equal(holdsBody({ ...block, envelopes: [concat(envelope, Uint8Array.of(0))] }), false);
});

test("forms that are not the codec's own are refused", () => {
  const bytes = encodeSealedBlock(block);
  const fields = fieldsOf(bytes);
  const refuse = (changed: readonly RlpItem[]) => assert.throws(() => decodeSealedBlock(encodeRlp(changed)), malformed);
  refuse([rlpUint(2), ...fields.slice(1)]);
  refuse(fields.slice(0, 4));
  refuse([...fields, new Uint8Array(0)]);
  refuse([fields[0] as RlpItem, [rlpUint(1), rlpUint(1), new Uint8Array(64)], ...fields.slice(2)]);
  refuse([...fields.slice(0, 2), [uintBE(1, 9), rlpUint(1)], ...fields.slice(3)]);
  refuse([...fields.slice(0, 4), [[new Uint8Array(1)]]]);
  refuse([...fields.slice(0, 4), Uint8Array.of(1)]);
  // A header field that is the same in every block, changed: the hash would not see it.
  const header = fieldsOf(fields[3] as Uint8Array);
  for (const constant of [1, 7, 12, 14, 16, 17, 18, 19]) {
    const changed = header.map((field, i) => (i === constant ? Uint8Array.of(1, 2) : field));
    refuse([...fields.slice(0, 3), encodeRlp(changed), ...fields.slice(4)]);
  }
  assert.throws(() => decodeSealedBlock(new Uint8Array(MAX_SEALED_BLOCK_BYTES + 1)), malformed);
  assert.throws(() => decodeSealedBlock(concat(bytes, Uint8Array.of(0))), malformed);
});

test("bytes that are many items are refused before they are as many objects", () => {
  const [version, seal, origin, header] = fieldsOf(encodeSealedBlock(block)) as [RlpItem, RlpItem, RlpItem, RlpItem];
  const own = concat(...[version, seal, origin, header].map((item) => encodeRlp(item)));
  const listOf = (body: Uint8Array) => concat(Uint8Array.of(0xfa), uintBE(body.length, 3), body);
  for (const item of [0x01, 0x80, 0xc0]) {
    const bomb = listOf(concat(own, listOf(new Uint8Array(MAX_SEALED_BLOCK_BYTES - 2_000).fill(item))));
    assert.ok(bomb.length <= MAX_SEALED_BLOCK_BYTES);
    const began = performance.now();
    assert.throws(() => decodeSealedBlock(bomb), malformed);
    assert.ok(performance.now() - began < 500);
  }
});

test("no more envelopes are hashed than the header has gas for", () => {
  const stuffed = { ...block, envelopes: new Array<Uint8Array>(60_000).fill(new Uint8Array(64)) };
  const began = performance.now();
  assert.equal(holdsBody(stuffed), false);
  assert.ok(performance.now() - began < 50);
});

test("mutated bytes give nothing, or a block that encodes to them", () => {
  const bytes = encodeSealedBlock(block);
  let read = 0;
  const edits = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(edits, fc.nat(bytes.length), (changes, cut) => {
      const mutated = bytes.slice(0, cut % 5 === 0 ? cut : bytes.length);
      for (const [at, by] of changes) if (at < mutated.length) mutated[at] = (mutated[at] as number) ^ by;
      try {
        assert.deepEqual(encodeSealedBlock(decodeSealedBlock(mutated)), mutated);
        read++;
      } catch (error) {
        if (!hasCode(error, "BLOCK_MALFORMED")) throw error;
      }
    }),
    { numRuns: 2_000, seed: 3 },
  );
  assert.ok(read > 100);
});
