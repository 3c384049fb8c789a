import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

const directory = mkdtempSync(join(tmpdir(), "assay-lifecycle-"));
after(() => rmSync(directory, { recursive: true, force: true }));

/** A program under `untilStopped`; it prints "up" when running and "stopped" when its service has been stopped. */
const run = (name: string, start: string): { child: ChildProcess; text: () => string; up: Promise<void> } => {
  const file = join(directory, `${name}.mts`);
  const module = JSON.stringify(new URL("lifecycle.ts", import.meta.url).href);
  const pino = JSON.stringify(import.meta.resolve("pino"));
  writeFileSync(
    file,
    `import { untilStopped } from ${module};
     import { pino } from ${pino};
     const keep = setInterval(() => {}, 1000);
     const stop = async () => { clearInterval(keep); console.log("stopped"); };
     const up = (failed = new Promise(() => {})) => { console.log("up"); return { failed, stop }; };
     process.exitCode = await untilStopped(pino(pino.destination({ dest: 1, sync: true })), ${start});
     clearInterval(keep);
     if (process.connected) process.disconnect();`,
  );
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit", "ipc"] });
  let text = "";
  const up = new Promise<void>((resolve) => {
    child.stdout?.on("data", (data) => {
      text += data;
      if (text.includes("up\n")) resolve();
    });
  });
  return { child, text: () => text, up };
};
/** Exit code, once everything it printed has arrived. */
const exit = async (child: ChildProcess): Promise<number | null> => {
  const printed = new Promise((resolve) => child.stdout?.once("close", resolve));
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  await printed;
  return code;
};

for (const signal of ["SIGINT", "SIGTERM"] as const)
  test(`${signal} stops in order with code 0, twice as well as once`, async () => {
    const { child, text, up } = run(signal, "async () => up()");
    const ended = exit(child);
    await up;
    child.kill(signal);
    child.kill(signal);
    assert.equal(await ended, 0);
    assert.ok(text().includes("stopped\n"));
  });

test("the end of the parent's channel stops", async () => {
  const { child, text, up } = run("orphan", "async () => up()");
  const ended = exit(child);
  await up;
  child.disconnect();
  assert.equal(await ended, 0);
  assert.ok(text().includes("stopped\n"));
});

test("a failure, a rejection nobody handles, an exception nobody catches: logged, stopped, code 1", async () => {
  const starts = {
    failure: `async () => up(new Promise((_, reject) => setTimeout(() => reject(new Error("the store broke")), 20)))`,
    rejection: `async () => { setTimeout(() => void Promise.reject(new Error("the store broke")), 20); return up(); }`,
    exception: `async () => { setTimeout(() => { throw new Error("the store broke"); }, 20); return up(); }`,
  };
  for (const [name, start] of Object.entries(starts)) {
    const { child, text } = run(name, start);
    assert.equal(await exit(child), 1, name);
    assert.ok(text().includes("the store broke"), name);
    assert.ok(text().includes("stopped\n"), name);
  }
});

test("a failure that was foreseen is said once, with its code and no stack", async () => {
  const errors = JSON.stringify(new URL("../../executor/index.ts", import.meta.url).href);
  const start = `async () => {
    const { CodedError } = await import(${errors});
    throw new CodedError("P2P_LISTEN", "the port is taken", { port: 1 }, new Error("bind"));
  }`;
  const { child, text } = run("foreseen", start);
  assert.equal(await exit(child), 1);
  assert.equal(text().split("the port is taken").length, 2, text());
  const { msg, code, data, cause } = JSON.parse(text());
  assert.deepEqual(
    { msg, code, data, cause },
    { msg: "the port is taken", code: "P2P_LISTEN", data: { port: 1 }, cause: "bind" },
  );
  assert.ok(!text().includes("    at "), text());
});

test("a start that fails is code 1; a start that is interrupted is stopped when it comes up", async () => {
  const failed = run("failed", `async () => { throw new Error("no L1"); }`);
  assert.equal(await exit(failed.child), 1);
  assert.ok(failed.text().includes("no L1"));
  const slow = run(
    "slow",
    `(signal) => { console.log("up"); return new Promise((resolve) => signal.addEventListener("abort", () => resolve(up()))); }`,
  );
  const ended = exit(slow.child);
  await slow.up;
  slow.child.kill("SIGINT");
  assert.equal(await ended, 0);
  assert.ok(slow.text().includes("stopped\n"));
});
