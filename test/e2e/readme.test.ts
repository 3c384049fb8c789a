import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import solc from "solc";
import { concatHex, type Hex } from "viem";
import { clientsOf, type DevnetInfo, sampleModelFile, sampleScans } from "../../infra/index.ts";
import { ASSAY, FREE_PORTS, firstLineOf } from "../support/devnet.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const README = readFileSync(join(ROOT, "README.md"), "utf8");

/** What fenced blocks of one language hold, in order. */
const blocksOf = (language: string): string[] =>
  [...README.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map((found) => found[1] as string);

/** What commands print that do not print the model's id. */
const EXPECTED: Readonly<Record<string, (info: DevnetInfo) => string>> = {
  "audit --rpc": () => "the nodes agree on every block",
  "status --rpc": () => "proof maturity delay",
  "peers list": ({ sequencerP2p }) => sequencerP2p as string,
  "evidence list": () => "no evidence",
};

const directory = mkdtempSync(join(tmpdir(), "assay-readme-"));
let devnet: ReturnType<typeof firstLineOf>;
let info: DevnetInfo;

before(async () => {
  copyFileSync(sampleModelFile(), join(directory, "model.onnx"));
  // `npm start --silent -- --json`, on ports that are free whatever else runs here.
  const child = spawn("npm", ["start", "--silent", "--", "--json", ...FREE_PORTS], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  devnet = firstLineOf(child);
  info = JSON.parse(await devnet.firstLine) as DevnetInfo;
});
after(async () => {
  // As a terminal does it: to everything that runs in the foreground.
  if (devnet?.child.pid !== undefined) process.kill(-devnet.child.pid, "SIGINT");
  await devnet?.ended;
  rmSync(directory, { recursive: true, force: true });
});

test("npm start --silent -- --json prints one line and nothing else", () => {
  assert.equal(devnet.stdout(), `${JSON.stringify(info)}\n`);
});

test("every command of the README is known, and does what it says", async () => {
  const commands = blocksOf("sh").flatMap((block) => block.trimEnd().split("\n"));
  const elsewhere = ["npm install", "npm start", "npm test"];
  const run = commands.filter((command) => !elsewhere.includes(command));
  assert.ok(run.length >= 3, `commands: ${run}`);
  for (const command of run) {
    const [npx, assay, ...rest] = command.split(" ");
    assert.equal(`${npx} ${assay}`, "npx assay", `a test runs this command: ${command}`);
    const args = rest.map((word) =>
      word
        .replace(/^http:\/\/127\.0\.0\.1:8545$/, info.l1Rpc)
        .replace(/^http:\/\/127\.0\.0\.1:9545$/, info.sequencerRpc)
        .replace(/^http:\/\/127\.0\.0\.1:9546$/, info.executorRpc)
        .replace(/^rollup\.json$/, info.rollup)
        .replace(/^(model\..*)$/, join(directory, "$1")),
    );
    // npx takes longer than the command: the first is run as it is written, the others by the program that npx finds.
    const [program, before] = command === run[0] ? ["npx", ["assay"]] : [ASSAY, []];
    const { stdout } = await promisify(execFile)(program, [...before, ...args], {
      cwd: ROOT,
      env: { ...process.env, ASSAY_PRIVATE_KEY: info.accounts[9]?.privateKey as string },
    });
    const expected = EXPECTED[rest.slice(0, 2).join(" ")]?.(info) ?? info.sample.modelId;
    assert.ok(stdout.includes(expected), `${command} prints ${expected}: ${stdout}`);
  }
});

test("the README's contract compiles and calls the model", async () => {
  const [source] = blocksOf("solidity");
  assert.ok(source);
  const output = JSON.parse(
    solc.compile(
      JSON.stringify({
        language: "Solidity",
        sources: { "Reader.sol": { content: source } },
        settings: { outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } } },
      }),
    ),
  );
  const problems = (output.errors ?? []).filter(({ severity }: { severity: string }) => severity === "error");
  assert.deepEqual(problems, []);
  const [compiled] = Object.values(output.contracts["Reader.sol"]) as {
    abi: never[];
    evm: { bytecode: { object: string } };
  }[];
  assert.ok(compiled);
  const { reader, wallet } = clientsOf(BigInt(info.chainId), info.sequencerRpc, info.accounts[0]?.privateKey as Hex);
  const { abi } = compiled;
  const bytecode = `0x${compiled.evm.bytecode.object}` as const;
  const deployment = await wallet.deployContract({ abi, bytecode, args: [info.sample.modelId] as never });
  const { contractAddress } = await reader.waitForTransactionReceipt({ hash: deployment });
  assert.ok(contractAddress);
  const scan = sampleScans()[2];
  assert.ok(scan);
  const pixels = Float32Array.from(Buffer.from(scan.pixels.slice(2), "hex"));
  const input = `0x${Buffer.from(pixels.buffer).toString("hex")}` as const;
  const call = { address: contractAddress, abi, functionName: "ask", args: [input] } as never;
  const hash = await wallet.writeContract(call);
  const receipt = await reader.waitForTransactionReceipt({ hash });
  assert.equal(receipt.status, "success");
  const answer = Buffer.from(concatHex([receipt.logs[0]?.data as Hex]).slice(2), "hex");
  // ABI: offset, length, bytes.
  const probabilities = Array.from({ length: 10 }, (_, i) => answer.readFloatLE(64 + 4 * i));
  assert.equal(probabilities.indexOf(Math.max(...probabilities)), 2);
});
