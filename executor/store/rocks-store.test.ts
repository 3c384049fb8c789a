import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import test, { after } from "node:test";
import { BATCH_KEYS, batchKey, markerKey, markers } from "./batch-writer.fixture.ts";
import { storeCompliance } from "./compliance.fixture.ts";
import { openRocksStore } from "./rocks-store.ts";

const root = await mkdtemp(join(tmpdir(), "assay-rocks-"));
after(() => rm(root, { recursive: true, force: true }));
let opened = 0;
const freshDirectory = (): string => join(root, `${opened++}`);

storeCompliance("rocks", () => openRocksStore(freshDirectory()));

test("what was written is there when the store is opened again", async () => {
  const directory = join(freshDirectory(), "nested", "twice");
  const first = await openRocksStore(directory);
  await first.write([{ type: "put", key: Uint8Array.of(1), value: Uint8Array.of(2) }]);
  await first.close();
  const second = await openRocksStore(directory);
  assert.deepEqual([...(second.get(Uint8Array.of(1)) ?? [])], [2]);
  await second.close();
});

const writer = (directory: string, first: number) =>
  spawn(process.execPath, [join(import.meta.dirname, "batch-writer.fixture.ts"), directory, `${first}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });

test("a store that another process or this one has open is refused as locked", async () => {
  const directory = freshDirectory();
  const child = writer(directory, 1);
  await once(createInterface(child.stdout), "line");
  await assert.rejects(openRocksStore(directory), { code: "STORE_LOCKED" });
  child.kill("SIGKILL");
  await once(child, "exit");
  const store = await openRocksStore(directory);
  await assert.rejects(openRocksStore(directory), { code: "STORE_LOCKED" });
  await store.close();
  await assert.rejects(openRocksStore("/dev/null/store"), { code: "STORE_IO" });
});

test("kill -9 twenty times while batches are written: every acknowledged batch is whole, none is torn", async () => {
  const directory = freshDirectory();
  let reached = 0;
  for (let round = 0; round < 20; round++) {
    const child = writer(directory, reached + 1);
    let acknowledged = reached;
    // Another place in the stream of batches each round; the writer is in the middle of a later one by then.
    const target = reached + 1 + ((round * 7) % 13);
    for await (const line of createInterface(child.stdout)) {
      acknowledged = Number(line);
      if (acknowledged === target) child.kill("SIGKILL");
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    assert.equal(child.signalCode, "SIGKILL");
    const store = await openRocksStore(directory);
    const numbers = Array.from({ length: BATCH_KEYS }, (_, i) =>
      Buffer.from(store.get(batchKey(i)) ?? []).readUInt32BE(0),
    );
    const [found = 0] = numbers;
    assert.ok(
      numbers.every((n) => n === found),
      `a torn batch: ${numbers}`,
    );
    assert.ok(found >= acknowledged, `batch ${acknowledged} was acknowledged, the store has ${found}`);
    assert.deepEqual(
      [...store.scan(markers)].map(([key]) => Buffer.from(key)),
      [Buffer.from(markerKey(found))],
    );
    reached = found;
    await store.close();
  }
});
