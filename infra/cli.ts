import { CommanderError } from "commander";
import { CodedError, messageOf } from "../executor/index.ts";
import { createProgram } from "./commands/program.ts";

/** 1: the command failed; 2: it was asked for wrongly. */
const EXIT = { failed: 1, usage: 2 } as const;

try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
  } else if (error instanceof CodedError) {
    process.stderr.write(`assay: ${error.code}: ${error.message}\n`);
    process.exitCode = error.code.startsWith("CONFIG_") ? EXIT.usage : EXIT.failed;
  } else {
    process.stderr.write(`assay: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`);
    process.exitCode = EXIT.failed;
  }
}
// Nothing that was left running keeps a finished command alive.
process.exit();
