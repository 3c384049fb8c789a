import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, readMarkdown } from "../foundation/markdown.fixture.ts";
import { TAG } from "../foundation/tags.ts";
import { ADDRESS, DEVNET_PARAMETERS } from "./parameters.ts";

const SPEC = readMarkdown(new URL("SPEC.md", import.meta.url));

test("the specification's table of tags is the code's", () => {
  const written = SPEC.table("Hash tags").map(([tag, name]) => [name, Number(tag)]);
  assert.deepEqual(Object.fromEntries(written), TAG);
  assert.equal(written.length, Object.keys(TAG).length);
});

test("the specification names every address that has a meaning", () => {
  const full = (short: string): string => {
    const [head = "", tail = ""] = short.slice(2).split("…");
    return `0x${head}${"0".repeat(40 - head.length - tail.length)}${tail}`;
  };
  const written = SPEC.table("Addresses").map(([address = ""]) => full(plain(address)));
  assert.deepEqual(written.sort(), Object.values<string>(ADDRESS).sort());
});

test("the specification's parameters are the devnet's", () => {
  const value = (name: string): bigint => {
    const row = SPEC.table("Parameters").find(([parameter = ""]) => parameter.startsWith(name));
    assert.ok(row, name);
    const [, power] = /^10\^(\d+)/.exec(row[1] ?? "") ?? [];
    return power === undefined ? BigInt((row[1] ?? "").replace(/[^0-9]/g, "")) : 10n ** BigInt(power);
  };
  assert.deepEqual(
    {
      chainId: value("chain id"),
      blockGasLimit: value("block gas limit"),
      initialBaseFee: value("initial base fee"),
      minimumBaseFee: value("least base fee"),
      maxDrift: value("maximum drift"),
      maxLag: value("maximum lag"),
      budget: {
        rate: value("budget rate"),
        cap: value("budget cap"),
        block: value("budget block"),
        refusal: value("budget refusal"),
      },
      forks: { osaka: value("forks") },
    },
    DEVNET_PARAMETERS,
  );
});
