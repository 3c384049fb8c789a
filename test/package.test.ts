import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

type Locked = {
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly libc?: readonly string[];
  readonly engines?: { readonly node?: string };
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};
type Lock = { readonly packages: Readonly<Record<string, Locked>> };
type Manifest = {
  readonly engines: { readonly node: string };
  readonly allowScripts: Readonly<Record<string, boolean>>;
};

const read = <T>(name: string): T => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), "utf8")) as T;
const manifest = read<Manifest>("package.json");
const locked = Object.entries(read<Lock>("package-lock.json").packages);
const nameOf = (path: string): string => path.split("node_modules/").at(-1) as string;

/** Major and minor of the oldest Node that package.json allows. */
const oldest = (/^>=(\d+)\.(\d+)$/.exec(manifest.engines.node) ?? []).slice(1).map(Number) as [number, number];

/** Whether a range allows that Node; ranges are alternatives of `>=`, `^`, or a bare version. */
const allows = (range: string): boolean =>
  range.split("||").some((alternative) => {
    const [, sign, major, minor] = /^(>=|\^)? ?v?(\d+)(?:\.(\d+))?/.exec(alternative.trim()) ?? [];
    if (major === undefined) return alternative.trim() === "*";
    const atLeast = oldest[0] > Number(major) || (oldest[0] === Number(major) && oldest[1] >= Number(minor ?? 0));
    return sign === ">=" ? atLeast : atLeast && oldest[0] === Number(major);
  });

test("the lock file has the packages of every platform, so that an install adds none", () => {
  const names = new Set(locked.map(([path]) => nameOf(path)));
  const missing = locked.flatMap(([, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !names.has(name)),
  );
  assert.deepEqual(missing, []);
});

test("every package takes the oldest Node that package.json allows", () => {
  assert.equal(oldest.length, 2);
  const refused = locked.filter(([, { engines, optional }]) => !optional && engines?.node && !allows(engines.node));
  assert.deepEqual(refused, []);
});

test("npm 10 and npm 11 write the same lock file: none of what only one of them knows", () => {
  const known = locked.filter(([, { libc }]) => libc !== undefined).map(([path]) => path);
  assert.deepEqual(known, []);
});

/*
 * npm 11 asks `allowScripts`; npm 10 does not know it, and runs what the lock file marks. The one script that package.json
 * refuses downloads libraries for graphics processors, which nothing here uses.
 */
test("a refused install script runs under no npm", () => {
  const refused = Object.keys(manifest.allowScripts).filter((name) => !manifest.allowScripts[name]);
  const marked = locked.filter(([path, { hasInstallScript }]) => hasInstallScript && refused.includes(nameOf(path)));
  assert.deepEqual(marked, []);
});

test("package.json decides on every install script", () => {
  const scripts = locked.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => nameOf(path));
  assert.deepEqual(
    scripts.filter((name) => !(name in manifest.allowScripts)),
    [],
  );
});
