import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, fromHex, type Hex, toHex } from "../../foundation/bytes.ts";
import { hasCode } from "../../foundation/errors.ts";
import { encodeRlp, rlpUint } from "../../foundation/rlp.ts";
import type { NetworkErrorCode } from "../network/network.ts";
import { noise } from "./content.fixture.ts";
import { CONTENT_PROTOCOL, decodeContentRequest, encodeContentRequest, MAX_HASHES } from "./content.ts";
import { CONTENT_KINDS, type ContentKind } from "./kinds.ts";

const hashesOf = (count: number): Hex[] => Array.from({ length: count }, (_, i) => toHex(noise(i, 32)));

test("a request has one form", () => {
  for (const kind of Object.keys(CONTENT_KINDS) as ContentKind[])
    for (const count of [1, MAX_HASHES]) {
      const request = { kind, hashes: hashesOf(count) };
      const wire = encodeContentRequest(request);
      assert.ok(wire.length <= CONTENT_PROTOCOL.maxRequestBytes);
      assert.deepEqual(decodeContentRequest(wire), request);
    }
  const wires = Object.values(CONTENT_KINDS).map(({ wire }) => wire);
  assert.equal(new Set(wires).size, wires.length);
});

test("whatever else comes is the peer's fault", () => {
  const valid = encodeContentRequest({ kind: "chunk", hashes: hashesOf(3) });
  const hashes = hashesOf(MAX_HASHES + 1).map(fromHex);
  for (const [name, wire] of [
    ["nothing", new Uint8Array(0)],
    ["a string", encodeRlp(noise(1, 40))],
    ["one field", encodeRlp([rlpUint(1)])],
    ["three fields", encodeRlp([rlpUint(1), hashes.slice(0, 1), rlpUint(1)])],
    ["an unknown kind", encodeRlp([rlpUint(77), hashes.slice(0, 1)])],
    ["a long kind", encodeRlp([rlpUint(256), hashes.slice(0, 1)])],
    ["no hash", encodeRlp([rlpUint(1), []])],
    ["too many hashes", encodeRlp([rlpUint(1), hashes])],
    ["a short hash", encodeRlp([rlpUint(1), [noise(1, 31)]])],
    ["a list for a hash", encodeRlp([rlpUint(1), [[noise(1, 32)]]])],
    ["a byte left over", concat(valid, Uint8Array.of(0))],
    ["an early end", valid.subarray(0, -1)],
  ] as const)
    assert.throws(
      () => decodeContentRequest(wire),
      (error) => hasCode<NetworkErrorCode>(error, "P2P_INVALID"),
      name,
    );
});
