import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { CodedError, messageOf } from "../executor/index.ts";
import { COMMANDS, type CommandRow, GROUPS } from "./commands/table.ts";
import {
  COMMAND_SETTINGS,
  type CommandConfig,
  type CommandName,
  notesOf,
  resolveConfig,
  usageOf,
} from "./config/config.ts";
import { SETTINGS, type Setting } from "./config/settings.ts";

/** 1: the command failed; 2: it was asked for wrongly. */
const EXIT = { failed: 1, usage: 2 } as const;

const version = (): string =>
  JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version as string;

const program = new Command("assay")
  .description("An optimistic rollup for verifiable AI inference")
  .version(version())
  .showHelpAfterError("(add --help for the options)")
  .exitOverride();

const groups = new Map<string, Command>();
const groupOf = (name: string): Command => {
  const group = groups.get(name) ?? program.command(name).description(GROUPS[name] as string);
  groups.set(name, group);
  return group;
};

/** A command whose options, help and parsing come from the table of settings. */
const define = <C extends CommandName>(name: C, { description, operand, run }: CommandRow<C>): void => {
  const [first, second] = name.split(" ") as [string, string?];
  const parent = second === undefined ? program : groupOf(first);
  const command = parent.command(second ?? first).description(description);
  if (operand !== undefined) command.argument(operand);
  for (const settingName of COMMAND_SETTINGS[name]) {
    const setting: Setting<unknown> = SETTINGS[settingName];
    const option = new Option(usageOf(setting), `${setting.description} ${notesOf(setting)}`);
    if (setting.repeatable)
      option.argParser((value: string, before: string | undefined) =>
        before === undefined ? value : `${before},${value}`,
      );
    command.addOption(option);
  }
  command.action(async () => {
    const config = resolveConfig(COMMAND_SETTINGS[name], command.opts(), process.env);
    process.exitCode = await run(config as CommandConfig<C>, ...command.args);
  });
};

for (const [name, row] of Object.entries(COMMANDS)) define(name as CommandName, row as CommandRow<CommandName>);

try {
  await program.parseAsync();
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
