import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import {
  CodedError,
  describeModel,
  encodeProgram,
  type Hex,
  hasCode,
  importOnnx,
  type ModelDescription,
  messageOf,
  programId,
  refusalsOf,
} from "../../executor/index.ts";
import type { CommandConfig } from "../config.ts";
import { secretsOf } from "../config.ts";
import { clientsOf } from "../devnet/contract.ts";
import { publish } from "../devnet/publish.ts";
import { connectL1 } from "../l1.ts";
import { readRollup } from "../rollup.ts";
import { createLogger } from "../telemetry/logger.ts";
import { createRegistry } from "../telemetry/metrics-server.ts";

export type ModelCommandErrorCode = "MODEL_FILE";

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

/** The facts about a model, one a line. */
const describe = (model: ModelDescription): string =>
  [
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
  ]
    .map(([what = "", value]) => `${what.padEnd(14)}${value}`)
    .join("\n");

/** `assay model inspect FILE` */
export const inspectCommand = (config: CommandConfig<"model inspect">, file: string): Promise<number> =>
  orRefusals(file, config.json, () => {
    const model = describeModel(readModel(file));
    print(config.json ? JSON.stringify(model, (_, value) => inWords(value)) : describe(model));
  });

/** `assay model compile FILE` */
export const compileCommand = (config: CommandConfig<"model compile">, file: string): Promise<number> =>
  orRefusals(file, config.json, () => {
    const { program } = importOnnx(readModel(file));
    const artifact = encodeProgram(program);
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

/** `assay model publish FILE` */
export const publishCommand = (config: CommandConfig<"model publish">, file: string): Promise<number> =>
  orRefusals(file, config.json, async () => {
    const { program } = importOnnx(readModel(file));
    const id: Hex = programId(program);
    const rollup = readRollup(config.rollup);
    const { l1 } = rollup;
    await connectL1(config.l1Rpc, rollup);
    const telemetry = {
      logger: createLogger({
        name: "publish",
        level: config.logLevel,
        format: config.logFormat,
        file: config.logFile,
        secrets: secretsOf(config),
      }),
      registry: createRegistry(),
    };
    const name = config.modelName ?? "";
    const clients = clientsOf(BigInt(l1.chainId), config.l1Rpc, config.privateKey);
    const published = await publish(telemetry, clients, l1.contracts.modelRegistry, {
      id,
      artifact: encodeProgram(program),
      name,
    });
    if (config.json) print(JSON.stringify({ id, name, ...published }));
    else {
      print(`id ${id}${name === "" ? "" : `, name ${name}`}`);
      print(`${published.posted} of ${published.chunks} chunks posted; L1 transaction ${published.transactionHash}`);
      print("contracts can call it when the sequencer has taken the message, a few L1 blocks from now");
    }
  });
