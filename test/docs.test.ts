import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ROOMS as ROOM_TABLE } from "./support/rooms.ts";

/** The texts of the repository against its tree. */

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = ["executor", "bridge", "sequencer", "challenger", "infra", "test"];

const filesBelow = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
const topLevel = readdirSync(ROOT, { withFileTypes: true }).filter((entry) => entry.isFile());
const FILES = [...topLevel.map(({ name }) => name), ...FOLDERS.flatMap(filesBelow)];
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

/** What is written of a text, without its fenced blocks. */
const TEXTS = FILES.filter((file) => file.endsWith(".md")).map((file) => ({
  file,
  prose: read(file).replace(/^```.*?^```/gms, ""),
}));

const codeIn = (text: string): string[] => Array.from(text.matchAll(/`([^`\n]+)`/g), ([, code]) => code as string);

/** A heading's anchor, as the host of the repository makes it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
const anchorsIn = (prose: string): Set<string> =>
  new Set(Array.from(prose.matchAll(/^#+ (.*)$/gm), ([, heading]) => anchorOf(heading as string)));

test("every path of the repository that a text names is there", () => {
  const isPath = new RegExp(`^(${FOLDERS.join("|")})/[\\w./-]*$`);
  const missing = TEXTS.flatMap(({ file, prose }) =>
    codeIn(prose)
      .filter((code) => isPath.test(code) && !existsSync(join(ROOT, code)))
      .map((code) => `${file}: ${code}`),
  );
  assert.deepEqual(missing, []);
});

test("every link of a text leads to a file, and to a heading where it names one", () => {
  const broken: string[] = [];
  for (const { file, prose } of TEXTS)
    for (const [, target = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = "", anchor] = target.split("#");
      const at = path === "" ? file : relative(ROOT, resolve(ROOT, dirname(file), path));
      const text = TEXTS.find((other) => other.file === at);
      const isThere = existsSync(join(ROOT, at)) && (anchor === undefined || text !== undefined);
      if (!isThere || (anchor !== undefined && !anchorsIn(text?.prose ?? "").has(anchor)))
        broken.push(`${file}: ${target}`);
    }
  assert.deepEqual(broken, []);
});

test("every script that a text names is one", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Readonly<Record<string, string>> };
  const unknown = TEXTS.flatMap(({ file, prose }) =>
    Array.from(prose.matchAll(/npm run ([a-z:]+)/g), ([, name]) => name as string)
      .filter((name) => scripts[name] === undefined)
      .map((name) => `${file}: npm run ${name}`),
  );
  assert.deepEqual(unknown, []);
});

/** Rows of the map's table: a folder, and what to read in it first. */
const ROOMS = Array.from(
  read("ARCHITECTURE.md").matchAll(/^\| `([\w/-]+)` \|.*\|([^|]*)\|$/gm),
  ([, folder, first]) => ({
    folder: folder as string,
    first: codeIn(first as string),
  }),
);

test("the map has every room once, and what is read first is there", () => {
  const rooms = ["executor", "bridge"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `${folder}/${name}`),
  );
  const expected = [...rooms, ...FOLDERS.filter((folder) => folder !== "executor" && folder !== "bridge")];
  assert.deepEqual(ROOMS.map(({ folder }) => folder).sort(), expected.sort());
  for (const { folder, first } of ROOMS)
    for (const file of first)
      assert.ok(
        [join(folder, file), file].some((path) => existsSync(join(ROOT, path))),
        `${folder}: ${file}`,
      );
});

/** Where one gets along the arrows of the map's picture, by room; and the arrows themselves. */
const readPicture = () => {
  const [, picture = ""] = /```mermaid\n(.*?)```/s.exec(read("ARCHITECTURE.md")) ?? [];
  const arrows = new Map<string, Set<string>>();
  for (const line of picture.split("\n").filter((candidate) => candidate.includes("-->"))) {
    const path = line.split("-->").map((room) => room.trim());
    for (const [i, to] of path.entries()) {
      const from = path[i - 1];
      if (from !== undefined) arrows.set(from, (arrows.get(from) ?? new Set()).add(to));
    }
  }
  const reach = (room: string): ReadonlySet<string> => {
    const found = new Set<string>();
    const open = [room];
    for (let next = open.pop(); next !== undefined; next = open.pop())
      for (const to of arrows.get(next) ?? []) {
        if (!found.has(to)) open.push(to);
        found.add(to);
      }
    return found;
  };
  return { arrows, reach };
};

test("the picture's arrows are the imports that the linter lets pass", () => {
  const { arrows, reach } = readPicture();
  for (const top of ["executor", "bridge"])
    for (const [room, allowed] of Object.entries(ROOM_TABLE[top] ?? {})) {
      const below = reach(room);
      for (const other of allowed) assert.ok(below.has(other), `no arrows from ${room} to ${other}`);
      for (const other of arrows.get(room) ?? [])
        if (other in (ROOM_TABLE[top] ?? {})) assert.ok(allowed.includes(other), `${room} may not import ${other}`);
    }
});
