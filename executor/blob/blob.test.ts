import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { toBlobs } from "viem";
import { equalBytes, toHex } from "../foundation/bytes.ts";
import { hasCode } from "../foundation/errors.ts";
import { BLOB_BYTES, BLOB_DATA_BYTES, decodeBlobs, encodeBlobs } from "./blob.ts";
import { commitBlob, isBlobOf, proveBlobs } from "./kzg.ts";

const { DasContextJs } = createRequire(import.meta.url)("@crate-crypto/node-eth-kzg");

const dataOf = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) + 1) & 255);

test("every byte of the data is where the specification says, and comes back", () => {
  for (const length of [0, 1, 31, 32, BLOB_DATA_BYTES - 1, BLOB_DATA_BYTES, BLOB_DATA_BYTES + 1, 6 * BLOB_DATA_BYTES]) {
    const data = dataOf(length);
    const blobs = encodeBlobs(data);
    assert.equal(blobs.length, Math.ceil(length / BLOB_DATA_BYTES));
    for (const p of [0, 30, 31, BLOB_DATA_BYTES - 1, BLOB_DATA_BYTES, length - 1].filter((p) => p >= 0 && p < length)) {
      const element = Math.floor(p / 31) % 4096;
      assert.equal(blobs[Math.floor(p / BLOB_DATA_BYTES)]?.[element * 32 + 1 + (p % 31)], data[p]);
    }
    for (const blob of blobs) for (let element = 0; element < 4096; element++) assert.equal(blob[element * 32], 0);
    const decoded = decodeBlobs(blobs);
    assert.equal(decoded.length, blobs.length * BLOB_DATA_BYTES);
    assert.ok(equalBytes(decoded.subarray(0, length), data));
    assert.ok(decoded.subarray(length).every((byte) => byte === 0));
  }
});

test("top bytes are passed over", () => {
  const data = dataOf(5_000);
  const blobs = encodeBlobs(data);
  for (let element = 0; element < 4096; element++) (blobs[0] as Uint8Array)[element * 32] = (element * 7) & 255;
  assert.ok(equalBytes(decodeBlobs(blobs).subarray(0, 5_000), data));
});

test("commitments and proofs are those that the library's verifier takes", async () => {
  const [bytes] = encodeBlobs(dataOf(1_000)) as [Uint8Array];
  const { commitment, hash } = await commitBlob(bytes);
  assert.match(hash, /^0x01[0-9a-f]{62}$/);
  const library = DasContextJs.create({ usePrecomp: false });
  const [proof] = await proveBlobs("blob", [bytes]);
  assert.equal(library.verifyBlobKzgProof(bytes, commitment, proof), true);
  const proofs = await proveBlobs("cells", [bytes]);
  assert.equal(proofs.length, 128);
  const cells = library.computeCells(bytes);
  const indices = cells.map((_: unknown, i: number) => i);
  const same = cells.map(() => commitment);
  assert.equal(library.verifyCellKzgProofBatch(same, indices, cells, proofs), true);
  assert.equal(library.verifyCellKzgProofBatch(same, indices, cells, proofs.toReversed()), false);

  assert.equal(await isBlobOf(hash, bytes), true);
  const other = Uint8Array.from(bytes);
  other[BLOB_BYTES - 1] = 1;
  assert.equal(await isBlobOf(hash, other), false);
  assert.equal(await isBlobOf(hash, bytes.subarray(1)), false);
  // A number that is not below the order is no field element.
  await assert.rejects(commitBlob(new Uint8Array(BLOB_BYTES).fill(255)), (error) => hasCode(error, "BLOB_MALFORMED"));
  assert.equal(await isBlobOf(hash, new Uint8Array(BLOB_BYTES).fill(255)), false);
});

test("bytes are laid out as viem lays them out", () => {
  const [theirs] = toBlobs({ data: toHex(dataOf(310)), to: "bytes" }) as [Uint8Array];
  const [ours] = encodeBlobs(dataOf(310)) as [Uint8Array];
  // Behind the data viem puts a mark of its own.
  assert.deepEqual(ours.subarray(0, 320), theirs.subarray(0, 320));
});
