import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { CodedError } from "../../executor/index.ts";
import { startAnvil } from "./anvil.ts";
import { startChild, tailOf } from "./child.ts";
import { requireFreePort } from "./port.ts";

const directory = mkdtempSync(join(tmpdir(), "assay-child-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};
/** Resolves when the process is gone: a pid that is not our child gives no event. */
const gone = async (pid: number): Promise<void> => {
  for (const end = Date.now() + 10_000; alive(pid); await new Promise((resolve) => setTimeout(resolve, 10)))
    assert.ok(Date.now() < end, `process ${pid} is still there`);
};
const node = (name: string, source: string) =>
  startChild({
    name,
    command: process.execPath,
    args: ["-e", source],
    logFile: join(directory, `${name}.log`),
    lifeline: "ipc",
  });
const mnemonic = "test test test test test test test test test test test junk";
const ANVIL = { port: 0, chainId: 31337, mnemonic, accounts: 3 };

test("a child says when it is ready, and ends when told", async () => {
  const child = await node(
    "greeter",
    `process.on("SIGTERM", () => process.exit(0)); setInterval(() => {}, 1000); process.send({ ready: 7 });`,
  );
  const ready = await child.message((message) => (message as { ready?: number }).ready, 10_000);
  assert.equal(ready, 7);
  await child.stop();
  assert.deepEqual(await child.exited, { code: 0, signal: null });
  await child.stop();
});

test("a child that dies tells its last words", async () => {
  const child = await node("mortal", `console.error("line 1\\nthe store is broken"); process.exit(3)`);
  await assert.rejects(
    child.message((message) => message, 10_000),
    (error) =>
      error instanceof CodedError &&
      error.code === "DEVNET_CHILD_DIED" &&
      error.data["code"] === 3 &&
      error.message.includes("the store is broken"),
  );
});

test("a child that says nothing is too slow", async () => {
  const child = await node("mute", `setInterval(() => {}, 1000)`);
  await assert.rejects(
    child.message((message) => message as object, 50),
    (error) => error instanceof CodedError && error.code === "DEVNET_CHILD_SLOW",
  );
  await child.stop();
});

test("a program that does not exist is a coded error", async () => {
  const logFile = join(directory, "none.log");
  await assert.rejects(
    startChild({ name: "none", command: join(directory, "none"), args: [], logFile, lifeline: "ipc" }),
    (error) => error instanceof CodedError && error.code === "DEVNET_CHILD_DIED",
  );
});

test("anvil starts on a free port, answers, and stops without a trace", async () => {
  const anvil = await startAnvil({ ...ANVIL, logFile: join(directory, "anvil.log") });
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_chainId", params: [] });
  const response = await fetch(anvil.rpc, { method: "POST", headers: { "content-type": "application/json" }, body });
  assert.equal(((await response.json()) as { result: string }).result, "0x7a69");
  const taken = requireFreePort(anvil.port, "--l1-port");
  await assert.rejects(taken, (error) => error instanceof CodedError && error.code === "DEVNET_PORT_TAKEN");
  await anvil.stop();
  await assert.rejects(fetch(anvil.rpc, { method: "POST", body }));
  await requireFreePort(anvil.port, "--l1-port");
});

test("anvil on a taken port dies with the reason", async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)),
  );
  await assert.rejects(
    startAnvil({ ...ANVIL, port, logFile: join(directory, "anvil-taken.log") }),
    (error) => error instanceof CodedError && error.code === "DEVNET_CHILD_DIED",
  );
  server.close();
});

test("children of both kinds end when the parent is killed", async () => {
  const pids = join(directory, "pids.json");
  const parent = join(directory, "parent.mts");
  const here = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  writeFileSync(
    parent,
    `import { execFileSync } from "node:child_process";
     import { writeFileSync } from "node:fs";
     const { startChild } = await import(${here("child.ts")});
     const { startAnvil } = await import(${here("anvil.ts")});
     const anvil = await startAnvil({ ...${JSON.stringify(ANVIL)}, logFile: ${JSON.stringify(join(directory, "a.log"))} });
     const child = await startChild({ name: "child", command: process.execPath, lifeline: "ipc",
       args: ["-e", 'process.on("disconnect", () => process.exit(0)); process.send("ready")'],
       logFile: ${JSON.stringify(join(directory, "c.log"))} });
     await child.message((m) => m, 10000);
     const program = Number(execFileSync("pgrep", ["-P", String(anvil.pid), "-x", "anvil"], { encoding: "utf8" }));
     writeFileSync(${JSON.stringify(`${pids}.new`)}, JSON.stringify([anvil.pid, program, child.pid]));
     (await import("node:fs")).renameSync(${JSON.stringify(`${pids}.new`)}, ${JSON.stringify(pids)});
     setInterval(() => {}, 1000);`,
  );
  const killed = spawn(process.execPath, [parent], { stdio: ["ignore", "ignore", "inherit"] });
  while (!existsSync(pids)) {
    assert.equal(killed.exitCode, null, "the parent failed");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const children = JSON.parse(readFileSync(pids, "utf8")) as number[];
  assert.equal(children.length, 3);
  for (const pid of children) assert.ok(alive(pid));
  killed.kill("SIGKILL");
  for (const pid of children) await gone(pid);
});

test("the tail of a log is its last lines, within a bound", () => {
  const file = join(directory, "long.log");
  writeFileSync(file, Array.from({ length: 1000 }, (_, i) => `line ${i}`).join("\n"));
  assert.deepEqual(tailOf(file, 2).split("\n"), ["line 998", "line 999"]);
  assert.ok(tailOf(file, 10_000).length <= 4096);
  assert.equal(tailOf(join(directory, "absent.log")), "");
});
