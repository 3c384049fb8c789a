import { readFileSync } from "node:fs";
import solc from "solc";

// The compiler as Foundry calls one that it did not download: the version, or standard JSON from in to out.

if (process.argv.includes("--version"))
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
else process.stdout.write(solc.compile(readFileSync(0, "utf8")));
