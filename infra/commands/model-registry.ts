import type { CommandConfig } from "../config/config.ts";
import { readRollup } from "../config/rollup.ts";
import { connectL1 } from "../node/l1.ts";
import { columns } from "./columns.ts";
import {
  clientOf,
  type Publication,
  publicationsOf,
  registeredModels,
  resolveModel,
  type verdictOf,
} from "./registered-models.ts";

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** `assay model list`. */
export const listModelsCommand = async (config: CommandConfig<"model list">): Promise<number> => {
  const models = await registeredModels(clientOf(config.nodeRpc));
  if (config.json) print(JSON.stringify(models));
  else if (models.length === 0) print("no models");
  else
    print(
      columns([
        ["id", "names", "gas", "bytes in", "bytes out", "block"],
        ...models.map(({ id, names, gas, inputBytes, outputBytes, block }) => [
          id,
          names.join(" "),
          ...[gas, inputBytes, outputBytes, block].map(String),
        ]),
      ]),
    );
  return 0;
};

/** What a verdict means to whoever published. */
export const meaningOf = ({ outcome, heldBy }: Awaited<ReturnType<typeof verdictOf>>): string => {
  if (outcome === "waiting") return "waits: the rollup has not taken the message yet";
  if (outcome === "refused") return "refused: the bytes are no well-formed program of this id, or the gas was too low";
  if (heldBy !== undefined) return `registered without the name, which means ${heldBy}`;
  return "registered: contracts can call it";
};

const line = (publication: Publication): readonly string[] => [
  String(publication.l1Block),
  publication.l1Transaction,
  String(publication.chunks),
  publication.name,
  meaningOf(publication),
];

/** `assay model status ID`. MODEL_UNKNOWN for a name that nobody has. */
export const modelStatusCommand = async (config: CommandConfig<"model status">, text: string): Promise<number> => {
  const l2 = clientOf(config.nodeRpc);
  const rollup = readRollup(config.rollup);
  const l1 = await connectL1(config.l1Rpc, rollup);
  const id = await resolveModel(l2, text);
  const publications = await publicationsOf({ l1, l2 }, rollup.l1, id);
  if (config.json) print(JSON.stringify({ id, publications }));
  else if (publications.length === 0) print(`nobody has published ${id}`);
  else print(columns([["L1 block", "L1 transaction", "chunks", "name", "the rollup says"], ...publications.map(line)]));
  return 0;
};
