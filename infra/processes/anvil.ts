import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { CodedError, sleep } from "../../executor/index.ts";
import { type Child, startChild } from "./child.ts";

export type AnvilErrorCode =
  /** anvil is not installed for this platform. npm install brings it on Linux and macOS, x64 and arm64. */
  | "ANVIL_PLATFORM"
  /** anvil does not listen in time. See its log; a machine under load may need another run. */
  | "ANVIL_SLOW";

export type AnvilOptions = {
  /** 0 takes a free one. */
  readonly port: number;
  readonly chainId: number;
  readonly mnemonic: string;
  readonly accounts: number;
  readonly logFile: string;
  readonly hardfork?: string;
  /** Further arguments of anvil. */
  readonly args?: readonly string[];
};

export type Anvil = Child & { readonly rpc: string; readonly port: number };

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/**
 * Path of a Foundry program: the program itself, not npm's wrapper, so that a signal reaches it. ANVIL_PLATFORM.
 * `from`: the module whose dependencies are searched.
 */
export const foundryBinary = (tool: "anvil" | "cast" | "forge", from: string | URL = import.meta.url): string => {
  const { platform } = process;
  const name = `@foundry-rs/${tool}-${platform}-${ARCHITECTURES[process.arch]}/bin/${tool}`;
  try {
    return createRequire(from).resolve(platform === "win32" ? `${name}.exe` : name);
  } catch (error) {
    throw new CodedError<AnvilErrorCode>(
      "ANVIL_PLATFORM",
      `${tool} is not installed for ${platform} ${process.arch}: npm install brings it on Linux and macOS, x64 and arm64`,
      { tool, platform },
      error,
    );
  }
};

const READY_MS = 20_000;

/** The port that anvil names in its log, after byte `begin` of it. */
const untilListening = async (child: Child, begin: number): Promise<number> => {
  let dead = false;
  void child.exited.then(() => {
    dead = true;
  });
  for (const end = performance.now() + READY_MS; performance.now() < end; ) {
    const log = readFileSync(child.logFile).subarray(begin).toString("utf8");
    const listening = /Listening on 127\.0\.0\.1:(\d+)/.exec(log);
    if (listening) return Number(listening[1]);
    if (dead) throw child.death();
    await Promise.race([sleep(20), child.exited]);
  }
  throw new CodedError<AnvilErrorCode>("ANVIL_SLOW", `anvil does not listen after ${READY_MS} ms; see its log`, {
    logFile: child.logFile,
  });
};

/** Starts anvil on loopback and waits until it listens. DEVNET_CHILD_DIED, ANVIL_SLOW, ANVIL_PLATFORM. */
export const startAnvil = async (options: AnvilOptions): Promise<Anvil> => {
  const { port, chainId, mnemonic, accounts, logFile, hardfork = "prague", args = [] } = options;
  const begin = existsSync(logFile) ? statSync(logFile).size : 0;
  const child = await startChild({
    name: "anvil",
    command: foundryBinary("anvil"),
    args: [
      ...["--host", "127.0.0.1", "--port", String(port), "--chain-id", String(chainId), "--hardfork", hardfork],
      ...["--mnemonic", mnemonic, "--accounts", String(accounts), "--color", "never", ...args],
    ],
    logFile,
    lifeline: "guard",
  });
  try {
    const listening = await untilListening(child, begin);
    return { ...child, rpc: `http://127.0.0.1:${listening}`, port: listening };
  } catch (error) {
    await child.stop();
    throw error;
  }
};
