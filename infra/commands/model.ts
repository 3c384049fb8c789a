import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { formatEther } from "viem";
import type { PublicationPlan, PublicationProgress } from "../../bridge/index.ts";
import {
  CodedError,
  describeModel,
  encodeProgram,
  type Hex,
  hasCode,
  importOnnx,
  type ModelDescription,
  messageOf,
  modelRecordOf,
  programId,
  refusalsOf,
  requireCallable,
} from "../../executor/index.ts";
import { type CommandConfig, secretsOf } from "../config/config.ts";
import { readRollup } from "../config/rollup.ts";
import { clientsOf } from "../devnet/contract.ts";
import { poll } from "../devnet/poll.ts";
import { publish } from "../devnet/publish.ts";
import { connectL1 } from "../node/l1.ts";
import { createLogger } from "../telemetry/logger.ts";
import { createRegistry } from "../telemetry/metrics-server.ts";
import { meaningOf } from "./model-registry.ts";
import { clientOf, registeredModel, resolveModel, type Verdict, verdictOf } from "./registered-models.ts";

export type ModelCommandErrorCode =
  /** The model's file cannot be read, or the artifact's cannot be written. Check the path. */
  "MODEL_FILE";

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const REFUSED = 1;

const readModel = (file: string): Uint8Array => {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CodedError<ModelCommandErrorCode>(
      "MODEL_FILE",
      `cannot read ${file}: ${messageOf(error)}`,
      { file },
      error,
    );
  }
};

/** Runs `work`; a refused model is told with all its reasons, one a line. */
const orRefusals = async (file: string, json: boolean, work: () => Promise<void> | void): Promise<number> => {
  try {
    await work();
    return 0;
  } catch (error) {
    if (!hasCode(error, "ONNX_REFUSED")) throw error;
    const refusals = refusalsOf(error);
    if (json) print(JSON.stringify({ refusals }));
    else {
      print(`${basename(file)} is refused for ${refusals.length} reason${refusals.length === 1 ? "" : "s"}:`);
      for (const { constraint, operator, node, reason } of refusals)
        print(`  [${constraint}] ${operator} ${node}: ${reason}`);
    }
    return REFUSED;
  }
};

const inWords = (value: unknown): unknown => (typeof value === "bigint" ? Number(value) : value);

const counted = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");

const grouped = (value: number | bigint): string => value.toLocaleString("en-US");

const tensor = ({ name, dtype, shape, range }: ModelDescription["inputs"][number]): string =>
  `${name}  ${dtype} [${shape.join(", ")}]  ${range.lo} to ${range.hi}`;

const facts = (lines: readonly (readonly string[])[]): string =>
  lines.map(([what = "", value = ""]) => `${what.padEnd(14)}${value}`).join("\n");

/** The facts about a model, one a line. */
const describe = (model: ModelDescription): string =>
  facts([
    ["name", model.name],
    ...model.inputs.map((input) => ["input", tensor(input)]),
    ...model.outputs.map((output) => ["output", tensor(output)]),
    ["nodes", counted(model.imported.operators)],
    ["operators", counted(model.operators)],
    ["constants", grouped(model.constants)],
    ["artifact", `${grouped(model.artifactBytes)} bytes`],
    ["call", `${grouped(model.inputBytes)} bytes in, ${grouped(model.outputBytes)} bytes out`],
    ["multiply-adds", grouped(model.multiplyAdds)],
    ["gas", `${grouped(model.gas)} a call`],
    ["id", model.id],
  ]);

const DTYPE_NAMES: Readonly<Record<number, string>> = { 1: "u8", 2: "i8", 3: "i32", 4: "i64", 5: "f32" };

/** A model as contracts see it. */
const inspectRegistered = async (config: CommandConfig<"model inspect">, text: string): Promise<number> => {
  const client = clientOf(config.nodeRpc);
  const model = await registeredModel(client, await resolveModel(client, text));
  const { schema, ...record } = model;
  const shown = ({ name, dtype, shape }: (typeof schema.inputs)[number]): string =>
    `${name}  ${DTYPE_NAMES[dtype] ?? dtype} [${shape.join(", ")}]`;
  const lines = [
    ["name", schema.name],
    ["licence", schema.licence],
    ...schema.inputs.map((input) => ["input", shown(input)]),
    ...schema.outputs.map((output) => ["output", shown(output)]),
    ["operators", grouped(record.operators)],
    ["call", `${grouped(record.inputBytes)} bytes in, ${grouped(record.outputBytes)} bytes out`],
    ["gas", `${grouped(record.gas)} a call`],
    ["id", model.id],
  ].filter(([, value]) => value !== "");
  print(config.json ? JSON.stringify(model, (_, value) => inWords(value)) : facts(lines));
  return 0;
};

/** An id, or a name as `publish` takes it. */
const REGISTERED = /^(0x[0-9a-fA-F]{64}|[^@]+@\d+\.\d+)$/;

/** `assay model inspect FILE`, or ID, or NAME. MODEL_UNKNOWN, MODEL_FILE; MODEL_UNCALLABLE when the facts are told. */
export const inspectCommand = async (config: CommandConfig<"model inspect">, what: string): Promise<number> => {
  if (REGISTERED.test(what) && !existsSync(what)) return inspectRegistered(config, what);
  return orRefusals(what, config.json, () => {
    const model = describeModel(readModel(what));
    print(config.json ? JSON.stringify(model, (_, value) => inWords(value)) : describe(model));
    requireCallable(model);
  });
};

/** `assay model compile FILE`. MODEL_FILE, MODEL_UNCALLABLE. */
export const compileCommand = (config: CommandConfig<"model compile">, file: string): Promise<number> =>
  orRefusals(file, config.json, () => {
    const { program } = importOnnx(readModel(file));
    const artifact = encodeProgram(program);
    requireCallable({ ...modelRecordOf(program), artifactBytes: artifact.length });
    const out = config.out ?? `${basename(file).replace(/\.onnx$/, "")}.assay`;
    try {
      writeFileSync(out, artifact);
    } catch (error) {
      throw new CodedError<ModelCommandErrorCode>(
        "MODEL_FILE",
        `cannot write ${out}: ${messageOf(error)}`,
        { out },
        error,
      );
    }
    const id = programId(program);
    if (config.json) print(JSON.stringify({ out, bytes: artifact.length, id }));
    else print(`${out}: ${grouped(artifact.length)} bytes, id ${id}`);
  });

/** What the publication comes to, before anything is sent. */
const describePlan = ({ data, chunks, missing, gas, blobGas, cost, model }: PublicationPlan): string => {
  const there = chunks.length - missing.length;
  const blobs = blobGas === 0n ? "" : ` and ${grouped(blobGas)} blob gas`;
  return [
    `${grouped(model.artifact.length)} bytes in ${chunks.length} chunks, in ${data}; ${there} of them on L1 already`,
    `about ${grouped(gas)} gas${blobs}: ${formatEther(cost)} ETH at L1's present base fees, tips aside`,
  ].join("\n");
};

const BAR = 40;
/** Redrawn on a terminal; elsewhere a line for each tenth. On standard error: what a program reads stays clean. */
const createProgress = (): PublicationProgress => {
  const { stderr } = process;
  let told = -1;
  return (done, chunks) => {
    const part = chunks === 0 ? 1 : done / chunks;
    if (stderr.isTTY) {
      const filled = Math.round(part * BAR);
      stderr.write(`\r[${"#".repeat(filled)}${"-".repeat(BAR - filled)}] ${done} of ${chunks} chunks`);
      if (done === chunks) stderr.write("\n");
    } else if (Math.floor(part * 10) > told) {
      told = Math.floor(part * 10);
      stderr.write(`${done} of ${chunks} chunks\n`);
    }
  };
};

/** A quiet rollup takes a message within a minute; one whose sequencer is gone, after the forced-inclusion delay. */
const VERDICT_MS = 600_000;

/** `assay model publish FILE`. MODEL_FILE; MODEL_UNCALLABLE before anything is sent. */
export const publishCommand = async (config: CommandConfig<"model publish">, file: string): Promise<number> => {
  let verdict: Verdict | undefined;
  const refused = await orRefusals(file, config.json, async () => {
    const { program } = importOnnx(readModel(file));
    const id: Hex = programId(program);
    const rollup = readRollup(config.rollup);
    const { l1 } = rollup;
    await connectL1(config.l1Rpc, rollup);
    const logger = createLogger({
      name: "publish",
      level: config.logLevel,
      format: config.logFormat,
      file: config.logFile,
      secrets: secretsOf(config),
    });
    const name = config.modelName ?? "";
    const clients = clientsOf(BigInt(l1.chainId), config.l1Rpc, config.privateKey);
    const published = await publish(
      { logger, registry: createRegistry(), ...clients },
      l1.contracts.modelRegistry,
      { id, artifact: encodeProgram(program), name },
      {
        data: config.modelData,
        onPlan: (plan) => void process.stderr.write(`${describePlan(plan)}\n`),
        onProgress: createProgress(),
      },
    );
    if (!config.json) {
      print(`id ${id}${name === "" ? "" : `, name ${name}`}`);
      print(`${published.posted} of ${published.chunks} chunks posted; L1 transaction ${published.transactionHash}`);
    }
    if (config.verdictRpc !== undefined) {
      const client = clientOf(config.verdictRpc);
      const signal = AbortSignal.timeout(VERDICT_MS);
      verdict = await poll({ what: "the rollup's verdict", signal, timeoutMs: VERDICT_MS, everyMs: 500 }, async () => {
        const found = await verdictOf(client, published.l2Transaction);
        return found.outcome === "waiting" ? undefined : found;
      });
      if (!config.json) print(meaningOf(verdict));
    } else if (!config.json)
      print("contracts can call it when the sequencer has taken the message; see assay model status");
    if (config.json) print(JSON.stringify({ id, name, ...published, ...(verdict ?? {}) }));
  });
  return refused === 0 && verdict?.outcome !== "refused" ? 0 : REFUSED;
};
