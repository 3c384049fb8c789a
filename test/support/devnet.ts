import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { DevnetInfo } from "../../infra/index.ts";

export const ASSAY = fileURLToPath(new URL("../../infra/assay", import.meta.url));

/** Every port free: many devnets live side by side. */
export const FREE_PORTS = [
  ...["--l1-port", "0", "--rpc-port", "0", "--executor-rpc-port", "0"],
  ...["--metrics-port", "0", "--executor-metrics-port", "0"],
];

/** A program that somebody started from a shell. */
export type Spawned = {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Exit code, once everything that was printed has arrived. */
  readonly ended: Promise<number | null>;
  /** The first line on standard output; rejects with standard error when the program ends without one. */
  readonly firstLine: Promise<string>;
  /** Once standard output has the text; rejects as `firstLine` does. */
  shows(text: string): Promise<void>;
};

/** Follows what a program prints. */
export const firstLineOf = (child: ChildProcess): Spawned => {
  let stdout = "";
  let stderr = "";
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  child.stderr?.on("data", (data) => {
    stderr += data;
  });
  const firstLine = new Promise<string>((resolve, reject) => {
    child.stdout?.on("data", (data) => {
      stdout += data;
      if (stdout.includes("\n")) resolve(stdout.slice(0, stdout.indexOf("\n")));
    });
    void ended.then((code) => reject(new Error(`ended with ${code}: ${stderr}`)));
  });
  firstLine.catch(() => undefined);
  const shows = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (stdout.includes(text)) resolve();
      };
      child.stdout?.on("data", look);
      look();
      void ended.then((code) => reject(new Error(`ended with ${code}: ${stderr}`)));
    });
  return { child, stdout: () => stdout, stderr: () => stderr, ended, firstLine, shows };
};

/** Runs the command line as its user would. */
export const runAssay = (args: readonly string[], environment: Readonly<Record<string, string>> = {}): Spawned =>
  firstLineOf(spawn(ASSAY, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...environment } }));

export type RunningDevnet = Spawned & { readonly info: DevnetInfo; stop(): Promise<number | null> };

/** `assay devnet --json` on free ports, ready. */
export const spawnDevnet = async (args: readonly string[] = []): Promise<RunningDevnet> => {
  // An L1 node that is new takes seconds to make ready for its first blob: what is not about blobs does without.
  const spawned = runAssay(["devnet", "--json", ...FREE_PORTS, "--batch-data", "calldata", ...args]);
  const info = JSON.parse(await spawned.firstLine) as DevnetInfo;
  return {
    ...spawned,
    info,
    stop: () => {
      spawned.child.kill("SIGINT");
      return spawned.ended;
    },
  };
};

type Process = { readonly pid: number; readonly parent: number; readonly command: string };

const processes = (): Process[] =>
  readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state === "Z") return [];
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      return [{ pid: Number(name), parent: Number(parent), command }];
    } catch {
      return [];
    }
  });

/** The process and all that descend from it. */
export const familyOf = (pid: number): number[] => {
  const all = processes();
  const family = [pid];
  for (const member of family) for (const { pid: child, parent } of all) if (parent === member) family.push(child);
  return family;
};

export const isAlive = (pid: number): boolean => processes().some((process) => process.pid === pid);
