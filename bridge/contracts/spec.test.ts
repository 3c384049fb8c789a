import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const SPEC = readFileSync(new URL("SPEC.md", import.meta.url), "utf8");
const ON_BOTH_CHAINS = "../../executor/genesis/contracts/";
const FOLDERS = [
  "./",
  "./interfaces/",
  "./libraries/",
  "./admission/",
  "./steps/",
  ON_BOTH_CHAINS,
  `${ON_BOTH_CHAINS}libraries/`,
];
const SOURCES = FOLDERS.flatMap((folder) => {
  const url = new URL(folder, import.meta.url);
  return readdirSync(url)
    .filter((name) => name.endsWith(".sol"))
    .map((name) => readFileSync(new URL(name, url), "utf8"));
}).join("\n");

const codes = Array.from(SPEC.matchAll(/`([^`\n]+)`/g), ([, code]) => code as string);

test("every error and contract that the specification names is in the sources", () => {
  const names = new Set(codes.filter((code) => /^[A-Z]\w*[a-z]\w*$/.test(code)));
  assert.ok(names.size > 40, `${names.size} names`);
  const unknown = [...names].filter((name) => !new RegExp(`\\b(error|contract|event) ${name}\\b`).test(SOURCES));
  assert.deepEqual(unknown, []);
});

test("every function that the specification names is in the sources", () => {
  const names = new Set(codes.flatMap((code) => /^(?:\w+\.)?([a-z]\w*)\([\w, .[\]]*\)$/.exec(code)?.[1] ?? []));
  assert.ok(names.size > 20, `${names.size} names`);
  const unknown = [...names].filter((name) => !new RegExp(`\\bfunction ${name}\\b`).test(SOURCES));
  assert.deepEqual(unknown, []);
});
