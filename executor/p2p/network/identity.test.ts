import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { generateKeyPair, privateKeyToProtobuf } from "@libp2p/crypto/keys";
import { pino } from "pino";
import { hasCode } from "../../foundation/errors.ts";
import { loadIdentity } from "./identity.ts";

const folder = async (t: { after(done: () => Promise<void>): void }) => {
  const path = await mkdtemp(join(tmpdir(), "assay-identity-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
};
const lines: string[] = [];
const logger = pino({ level: "trace" }, { write: (line: string) => lines.push(line) });
const isIdentity = (error: unknown) => hasCode(error, "P2P_IDENTITY");

test("an absent key is made once, for its owner alone, and is the same ever after", async (t) => {
  const path = await folder(t);
  const file = join(path, "deep", "identity.key");
  const [a, b] = await Promise.all([loadIdentity(file, logger), loadIdentity(file, logger)]);
  assert.ok(a.equals(b));
  assert.equal(a.type, "Ed25519");
  assert.ok(a.equals(await loadIdentity(file, logger)));
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(join(path, "deep")), ["identity.key"]);
});

test("a file that is no Ed25519 key is refused and kept", async (t) => {
  const file = join(await folder(t), "identity.key");
  const other = privateKeyToProtobuf(await generateKeyPair("secp256k1"));
  for (const content of [new Uint8Array(0), new TextEncoder().encode("not a key"), new Uint8Array(5_000), other]) {
    await writeFile(file, content);
    await assert.rejects(loadIdentity(file, logger), isIdentity);
    assert.deepEqual(new Uint8Array(await readFile(file)), new Uint8Array(content));
  }
});

test("a folder in the file's place is refused", async (t) => {
  await assert.rejects(loadIdentity(await folder(t), logger), isIdentity);
});

test("a key that others can read is warned about and closed to them, and never logged", async (t) => {
  const file = join(await folder(t), "identity.key");
  const key = await loadIdentity(file, logger);
  await chmod(file, 0o644);
  lines.length = 0;
  await loadIdentity(file, logger);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal(lines.length, 1);
  assert.equal(JSON.parse(lines[0] as string).level, 40);
  for (const form of ["hex", "base64"] as const)
    assert.ok(!lines.join("").includes(Buffer.from(key.raw.slice(0, 32)).toString(form)));
});
