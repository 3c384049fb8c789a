import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import {
  COMMAND_SETTINGS,
  type CommandConfig,
  type CommandName,
  notesOf,
  resolveConfig,
  usageOf,
} from "../config/config.ts";
import { SETTINGS, type Setting } from "../config/settings.ts";
import { COMMANDS, type CommandRow, GROUPS } from "./table.ts";

const version = (): string =>
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version as string;

/** The command line: every command of the table. A command that ran leaves its exit code in `process.exitCode`. */
export const createProgram = (): Command => {
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
  return program;
};
