import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { biomeConfigs, ROOMS } from "./support/rooms.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BIOME = path.join(ROOT, "node_modules/.bin/biome");

const sources = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.ts"], { cwd: ROOT, encoding: "utf8" })
  .split("\n")
  .filter((file) => file !== "" && !/\.(test|fixture|d)\.ts$/.test(file) && !file.startsWith("test/"));

const importsOf = (file: string): readonly string[] =>
  Array.from(readFileSync(path.join(ROOT, file), "utf8").matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g), ([, target]) =>
    path.join(path.dirname(file), target as string),
  );

test("biome.json says what the table of rooms says", () => {
  const { actual, wanted } = biomeConfigs();
  assert.deepEqual(actual, wanted);
});

test("every folder of the tree is a room of the table", () => {
  const rooms = new Set(
    sources
      .map((file) => file.split("/"))
      .filter((parts) => parts.length > 2)
      .map(([top, room]) => `${top}/${room}`),
  );
  const known = Object.entries(ROOMS).flatMap(([top, inner]) => Object.keys(inner).map((room) => `${top}/${room}`));
  assert.deepEqual(
    [...rooms].filter((room) => !known.includes(room)),
    [],
  );
});

test("no folder imports another in a circle", () => {
  const edges = new Map<string, Set<string>>();
  for (const file of sources) {
    // A face names what lies in the folders below it.
    if (file.endsWith("/index.ts")) continue;
    const from = path.dirname(file);
    for (const target of importsOf(file)) {
      const to = path.dirname(target);
      if (to !== from && !target.endsWith("/index.ts")) edges.set(from, (edges.get(from) ?? new Set()).add(to));
    }
  }
  const done = new Set<string>();
  const visit = (folder: string, trail: readonly string[]): void => {
    assert.ok(!trail.includes(folder), `a circle: ${[...trail.slice(trail.indexOf(folder)), folder].join(" -> ")}`);
    if (done.has(folder)) return;
    for (const next of edges.get(folder) ?? []) visit(next, [...trail, folder]);
    done.add(folder);
  };
  for (const folder of edges.keys()) visit(folder, []);
});

test("no source file is longer than 500 lines", () => {
  const long = sources
    .filter((file) => !/(\.gen|_pb)\.ts$/.test(file))
    .filter((file) => readFileSync(path.join(ROOT, file), "utf8").split("\n").length > 501);
  assert.deepEqual(long, []);
});

const PLANTED = [
  ["executor/evm", 'import type { Chain } from "../chain/chain.ts";\nexport type Planted = Chain;\n'],
  ["executor/machine/operations", 'export { createMachine as planted } from "../../evm/engine.ts";\n'],
  ["bridge/clients", 'export { createFollower as planted } from "../derivation/follower.ts";\n'],
  ["sequencer/batch", 'export { toHex as planted } from "../../executor/foundation/bytes.ts";\n'],
  ["executor/protocol", 'export { batchInbox as planted } from "../../bridge/index.ts";\n'],
] as const;

test("an import against the direction is refused", (t) => {
  const files = PLANTED.map(([folder]) => path.join(ROOT, folder, "planted-import.ts"));
  t.after(() => {
    for (const file of files) rmSync(file, { force: true });
  });
  PLANTED.forEach(([, text], i) => {
    writeFileSync(files[i] as string, text);
  });
  const { stdout, stderr } = spawnSync(BIOME, ["lint", "--only=style/noRestrictedImports", ...files], {
    cwd: ROOT,
    encoding: "utf8",
  });
  for (const [folder] of PLANTED)
    assert.match(stdout + stderr, new RegExp(`${folder}/planted-import.ts\\S* lint/style/noRestrictedImports`));
});
