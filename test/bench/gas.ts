import { readFileSync, writeFileSync } from "node:fs";
import { deviations, excesses, formatSection, type GasSection } from "./gas-table.ts";

/** Loaded one after the other: each has an L1 of its own. */
const SECTIONS: readonly (() => Promise<GasSection>)[] = [
  async () => (await import("./settlement-gas.ts")).settlementGas(),
  async () => (await import("./board-gas.ts")).boardGas(),
  async () => (await import("./dispute-gas.ts")).disputeGas(),
  async () => (await import("./scalar-gas.ts")).scalarGas(),
  async () => (await import("./element-gas.ts")).elementGas(),
];

const FILE = new URL("GAS.md", import.meta.url);
const ABOUT = `# Gas on L1

Measured by \`npm run bench:gas\`, which ends with 1 where execution is not as written here, and writes this file with
\`npm run bench:gas -- --write\`. What was sent to an L1 on
anvil is run again by @ethereumjs/vm under today's fork, Osaka, where each transaction's gas equals anvil's, and under the
next one, Amsterdam, as far as the library has it. A test fails where a call exceeds what it may have under either: 2^24
for a transaction, a goal of its own for an opening and for a side's whole dispute.

`;

const isWrite = process.argv.includes("--write");
const written = isWrite ? "" : readFileSync(FILE, "utf8");
const sections: string[] = [];
const findings: string[] = [];
for (const measure of SECTIONS) {
  const section = await measure();
  const text = formatSection(section);
  process.stdout.write(`${text}\n`);
  sections.push(text);
  findings.push(...excesses(section.rows), ...(isWrite ? [] : deviations(written, section)));
}
if (isWrite) writeFileSync(FILE, ABOUT + sections.join("\n"));
if (findings.length > 0) {
  process.stderr.write(`${findings.join("\n")}\n`);
  process.exitCode = 1;
}
