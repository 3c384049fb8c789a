import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "commander";
import { COMMAND_SETTINGS, type CommandName } from "../config/config.ts";
import { createProgram } from "./program.ts";

/** A command by its full name. */
const commandOf = (name: string): Command =>
  name.split(" ").reduce((command, word) => {
    const found = command.commands.find((below) => below.name() === word);
    assert.ok(found, name);
    return found;
  }, createProgram());

test("help lists every setting of a command with its variable", () => {
  for (const name of Object.keys(COMMAND_SETTINGS) as CommandName[]) {
    const help = commandOf(name).helpInformation();
    assert.equal(help.match(/ASSAY_[A-Z0-9_]+/g)?.length, COMMAND_SETTINGS[name].length, name);
  }
});
