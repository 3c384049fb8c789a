import assert from "node:assert/strict";
import { test } from "node:test";
import { createBucket, createBuckets } from "./rate.ts";

test("a bucket gives its burst at once and then its rate", () => {
  let now = 0;
  const bucket = createBucket({ perSecond: 10, burst: 5 }, () => now);
  for (let i = 0; i < 5; i++) assert.ok(bucket.take(1));
  assert.ok(!bucket.take(1));
  now = 99;
  assert.ok(!bucket.take(1));
  now = 100;
  assert.ok(bucket.take(1));
  now = 1_000_000;
  assert.ok(bucket.take(5));
  assert.ok(!bucket.take(1));
});

test("a debt is paid before anything is given again", () => {
  let now = 0;
  const bucket = createBucket({ perSecond: 1_000, burst: 100 }, () => now);
  assert.equal(bucket.owe(100), 0);
  assert.equal(bucket.owe(500), 500);
  assert.equal(bucket.owe(500), 1_000);
  now = 1_000;
  assert.ok(!bucket.take(1));
  now = 1_001;
  assert.ok(bucket.take(1));
});

test("a clock set back takes nothing away", () => {
  let now = 1_000;
  const bucket = createBucket({ perSecond: 1, burst: 1 }, () => now);
  now = 0;
  assert.ok(bucket.take(1));
  now = 1_000;
  assert.ok(bucket.take(1));
});

test("buckets are bounded, and a stranger does not refill another's", () => {
  let now = 0;
  const buckets = createBuckets({ perSecond: 1, burst: 1 }, () => now, 3);
  assert.ok(buckets.of("spent").take(1));
  for (let i = 0; i < 100; i++) {
    buckets.of(`passer-by ${i}`);
    assert.ok(!buckets.of("spent").take(1));
    assert.ok(buckets.size <= 3);
  }
  now = 1_000;
  assert.ok(buckets.of("spent").take(1));
});

test("when all are in use the one not asked for longest goes", () => {
  const buckets = createBuckets({ perSecond: 1, burst: 1 }, () => 0, 2);
  for (const key of ["a", "b"]) assert.ok(buckets.of(key).take(1));
  assert.ok(!buckets.of("a").take(1));
  assert.ok(buckets.of("c").take(1));
  assert.ok(!buckets.of("a").take(1));
  assert.ok(buckets.of("b").take(1));
});
