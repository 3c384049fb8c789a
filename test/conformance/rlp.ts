import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encodeRlp, fromHex, type Hex, type RlpItem, toHex, utf8 } from "../../executor/index.ts";
import { rewriteRlp } from "../support/rlp-harness.ts";
import type { Suite } from "./suite.ts";

/** Ethereum's RLP tests: a value and its encoding, or VALID / INVALID alone. `#` leads a large number. */
type Vector = { readonly in: unknown; readonly out: string };

const numberItem = (value: bigint): RlpItem => {
  if (value === 0n) return new Uint8Array(0);
  const hex = value.toString(16);
  return fromHex(`0x${hex.length % 2 === 0 ? hex : `0${hex}`}`);
};

const itemOf = (value: unknown): RlpItem => {
  if (Array.isArray(value)) return value.map(itemOf);
  if (typeof value === "number") return numberItem(BigInt(value));
  const text = value as string;
  return text.startsWith("#") ? numberItem(BigInt(text.slice(1))) : utf8(text);
};

const check = async (vector: Vector): Promise<string> => {
  const expected: Hex = `0x${vector.out.replace(/^0x/, "").toLowerCase()}`;
  const { typescript, solidity } = await rewriteRlp(fromHex(expected));
  if (vector.in === "INVALID")
    return typescript === undefined && solidity === undefined ? "" : `read by ${solidity ? "Solidity" : "TypeScript"}`;
  if (typescript !== expected || solidity !== expected) return `TypeScript ${typescript}, Solidity ${solidity}`;
  if (vector.in === "VALID") return "";
  const written = toHex(encodeRlp(itemOf(vector.in)));
  return written === expected ? "" : `written as ${written}`;
};

export const rlpSuite: Suite = {
  name: "rlp",
  folder: "mpt-rlp-kzg/rlp",
  async run(directory, { filter = "" }) {
    const failures: { name: string; reason: string }[] = [];
    let passed = 0;
    for (const file of ["rlptest", "invalidRLPTest", "RandomRLPTests/example"])
      for (const [name, vector] of Object.entries(
        JSON.parse(readFileSync(join(directory, `${file}.json`), "utf8")) as Record<string, Vector>,
      )) {
        if (!name.includes(filter)) continue;
        const reason = await check(vector);
        if (reason === "") passed++;
        else failures.push({ name, reason });
      }
    return { passed, failures, exclusions: [], notes: ["each vector in TypeScript and in Solidity"] };
  },
};
