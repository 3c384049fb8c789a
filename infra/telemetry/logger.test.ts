import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { CodedError } from "../../executor/index.ts";
import { createLogger } from "./logger.ts";

const collect = () => {
  const lines: string[] = [];
  return { lines, stream: { write: (line: string) => void lines.push(line) } };
};

test("a line is one JSON object with time, level, name and message", () => {
  const { lines, stream } = collect();
  createLogger({ name: "node", level: "info", format: "json", stream }).info({ block: 3 }, "sealed");
  const line = JSON.parse(lines[0] as string);
  assert.equal(line.name, "node");
  assert.equal(line.level, 30);
  assert.equal(line.block, 3);
  assert.equal(line.msg, "sealed");
  assert.ok(!Number.isNaN(Date.parse(line.time)));
});

test("the level decides", () => {
  const { lines, stream } = collect();
  const logger = createLogger({ name: "node", level: "warn", format: "json", stream });
  logger.info("no");
  logger.warn("yes");
  assert.equal(lines.length, 1);
});

test("secrets do not come through: by field, by value, in an error, in a URL, from a child logger", () => {
  const secret = `0x${"5e".repeat(32)}`;
  for (const format of ["json", "pretty"] as const) {
    const { lines, stream } = collect();
    const logger = createLogger({ name: "node", level: "info", format, stream, secrets: [secret] });
    logger.info({ privateKey: "hush-1", account: { privateKey: "hush-2" } }, `the key is ${secret}`);
    logger.error({ err: new Error(`cannot sign with ${secret}`) }, "signing");
    logger.info({ url: "https://user:hush-3@example.org/" }, "connecting");
    logger.child({ module: "batcher" }).info({ config: { deep: { batcherKeys: ["hush-4"] } } }, secret);
    const all = lines.join("");
    for (const hidden of [secret, "hush-1", "hush-2", "hush-3", "hush-4"])
      assert.ok(!all.includes(hidden), `${format}: ${hidden} in ${all}`);
    assert.ok(all.includes("[redacted]"));
  }
});

test("a file holds a line as soon as the call returns", () => {
  const directory = mkdtempSync(join(tmpdir(), "assay-logger-"));
  const file = join(directory, "deeper", "node.log");
  createLogger({ name: "node", level: "info", format: "auto", file }).info("first");
  createLogger({ name: "node", level: "info", format: "auto", file }).info("second");
  const messages = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).msg);
  assert.deepEqual(messages, ["first", "second"]);
  rmSync(directory, { recursive: true });
});

test("of an error its code, data and the place are kept, not what a library hangs on it", () => {
  const { lines, stream } = collect();
  const logger = createLogger({ name: "node", level: "info", format: "json", stream });
  const cause = Object.assign(new Error("a long story"), { shortMessage: "it reverted", abi: ["x".repeat(100_000)] });
  logger.error({ err: cause }, "failed");
  logger.error({ err: new CodedError("STORE_IO", "disk full", { directory: "/data" }, cause) }, "failed");
  const [viem, coded] = lines.map((line) => JSON.parse(line).err);
  assert.ok((lines[0] as string).length < 5_000);
  assert.equal(viem.message, "it reverted");
  assert.equal(coded.code, "STORE_IO");
  assert.deepEqual(coded.data, { directory: "/data" });
  assert.equal(coded.cause, "a long story");
  assert.match(coded.stack, /logger\.test\.ts/);
});
