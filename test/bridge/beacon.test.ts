import assert from "node:assert/strict";
import { test } from "node:test";
import { createBeaconSource } from "../../bridge/index.ts";
import { type Bytes, commitBlob, encodeBlobs, type Hex, hasCode } from "../../executor/index.ts";
import { startBeacon } from "../support/beacon.ts";

const BLOBS = encodeBlobs(Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7 + (i >> 9)) & 255));
const TIME = 5_000n;
const { signal } = new AbortController();
const hashes = (await Promise.all(BLOBS.map(commitBlob))).map(({ hash }) => hash);
const request = (wanted: readonly Hex[], timestamp = TIME) => ({ hashes: wanted, l1Block: 77n, timestamp });
const second = [hashes[1]] as readonly Hex[];

const set = (blobs: readonly Bytes[]) => new Set(blobs.map((blob) => Buffer.from(blob).toString("base64")));

test("the path of today is asked for the blobs alone that are lacking, at the slot of the block's time", async (t) => {
  const beacon = await startBeacon(t);
  beacon.put(TIME, BLOBS);
  const source = createBeaconSource(`${beacon.url}/`);
  assert.deepEqual(set(await source.fetch(request(second), signal)), set(BLOBS.slice(1)));
  assert.deepEqual(set(await source.fetch(request(hashes), signal)), set(BLOBS));
  const slot = (TIME - 1_000n) / 12n;
  assert.deepEqual(beacon.asked, [
    "/eth/v1/config/spec",
    "/eth/v1/beacon/genesis",
    `/eth/v1/beacon/blobs/${slot}`,
    `/eth/v1/beacon/blobs/${slot}`,
  ]);
  assert.deepEqual(await source.fetch(request(hashes, TIME + 12n), signal), [], "the next slot has none");
});

test("an endpoint from before Fulu gives all blobs of the slot", async (t) => {
  const beacon = await startBeacon(t, { serves: "sidecars", secondsPerSlot: 5n });
  beacon.put(TIME, BLOBS);
  const source = createBeaconSource(beacon.url);
  assert.deepEqual(set(await source.fetch(request(second), signal)), set(BLOBS));
});

test("an endpoint that fails or answers something else is told apart from one that has nothing", async (t) => {
  const beacon = await startBeacon(t);
  beacon.put(TIME, BLOBS);
  const source = createBeaconSource(beacon.url, { maxAnswerBytes: 50_000 });
  const fails = (code: string) =>
    assert.rejects(source.fetch(request(hashes), signal), (error) => {
      assert.ok(hasCode(error, code), `${error}`);
      // What a provider puts into the path or the query of its URLs is a secret.
      assert.equal(error.data["host"], new URL(beacon.url).host);
      return true;
    });
  beacon.mood = "failing";
  await fails("BEACON_STATUS");
  beacon.mood = "garbage";
  await fails("BEACON_ANSWER");
  beacon.mood = "endless";
  await fails("BEACON_ANSWER");
  beacon.mood = "empty";
  assert.deepEqual(await source.fetch(request(hashes), signal), []);
  await assert.rejects(source.fetch(request(hashes), AbortSignal.abort(new Error("over"))), /over/);
});
