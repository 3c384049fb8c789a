import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { createMemoryStore } from "../store/memory-store.ts";
import { openRocksStore } from "../store/rocks-store.ts";
import { openWriterChain, writeNextBlock } from "./block-writer.fixture.ts";

const KILLS = 20;

/** Lets a writer work until it has acknowledged some blocks, then kills it; what it acknowledged last. */
const writeAndKill = (directory: string, blocks: number): Promise<{ number: bigint; hash: string }> =>
  new Promise((resolve, reject) => {
    const file = join(import.meta.dirname, "block-writer.fixture.ts");
    const child = spawn(process.execPath, [file, directory], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "assay-compile-cache") },
    });
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
      if (text.split("\n").length > blocks) child.kill("SIGKILL");
    });
    child.on("error", reject);
    child.on("exit", (_code, signal) => {
      const lines = text.split("\n");
      // A line cut by the kill is no acknowledgement that was read; the one before it is.
      const [number, hash] = lines[lines.length - 2]?.split(" ") ?? [];
      if (signal !== "SIGKILL" || number === undefined || hash === undefined)
        return reject(new Error(`the writer ended by itself: ${text}`));
      resolve({ number: BigInt(number), hash });
    });
  });

test("killed in the middle of block commits, a chain has every acknowledged block, and the same roots", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "assay-crash-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const acknowledged: { number: bigint; hash: string }[] = [];
  for (let kill = 0; kill < KILLS; kill++) acknowledged.push(await writeAndKill(directory, 1 + ((kill * 7) % 5)));

  const store = await openRocksStore(directory);
  const survivor = await openWriterChain(store);
  const reference = await openWriterChain(createMemoryStore());
  assert.equal(survivor.genesisHash, reference.genesisHash);
  const last = acknowledged[KILLS - 1];
  assert.ok(last !== undefined && survivor.head.header.number >= last.number);
  assert.ok(survivor.head.header.number >= BigInt(KILLS));
  await writeNextBlock(survivor);
  while (reference.head.header.number < survivor.head.header.number) await writeNextBlock(reference);
  for (let number = 0n; number <= reference.head.header.number; number++) {
    assert.deepEqual(survivor.blockByNumber(number), reference.blockByNumber(number), `block ${number}`);
    assert.deepEqual(survivor.receipts(number), reference.receipts(number));
  }
  for (const { number, hash } of acknowledged) assert.equal(survivor.blockByNumber(number)?.hash, hash);
  for (const chain of [survivor, reference]) await chain.setFinalized(chain.heads.safe);
  assert.deepEqual(survivor.heads, reference.heads);
  assert.deepEqual(survivor.position, reference.position);
  await store.close();
});

test("each block of a chain on disk is one sync", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "assay-sync-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const store = await openRocksStore(directory);
  const chain = await openWriterChain(store);
  assert.equal(store.syncs, 1, "genesis");
  for (let n = 2; n < 12; n++) {
    await writeNextBlock(chain);
    assert.equal(store.syncs, n);
  }
  await chain.rollback(5n);
  assert.equal(store.syncs, 12, "a rollback is one too");
  await store.close();
});
