import {
  type Bytes,
  createEngine,
  decodeProgram,
  encodeProgram,
  equalBytes,
  messageOf,
  type Program,
  programId,
  runReference,
  type TensorData,
  violations,
} from "../../executor/index.ts";
import { randomNetwork } from "../support/random-network.ts";
import { createRandom, randomInput, randomProgram } from "../support/random-program.ts";

/** The fast executor against the definition, program by program, each from its own seed. */

export type Finding = { readonly seed: number; readonly source: Source; readonly what: string };
export type Tally = {
  programs: number;
  operators: number;
  /** Elements compared, over all placements. */
  elements: number;
  /** Operators by kind and the device that ran them. */
  readonly ran: Map<string, number>;
  readonly findings: Finding[];
};

const SOURCES = { program: randomProgram, network: randomNetwork } as const;
export type Source = keyof typeof SOURCES;
const PLACEMENTS = ["onnxruntime", "kernels", "fastest"] as const;

export const createTally = (): Tally => ({ programs: 0, operators: 0, elements: 0, ran: new Map(), findings: [] });

/** Programs and networks take turns. */
const sourceOf = (seed: number): Source => (seed % 2 === 0 ? "program" : "network");

const firstDifference = (found: TensorData, expected: TensorData): number => {
  for (let i = 0; i < expected.length; i++) if (!Object.is(found[i], expected[i])) return i;
  return found.length === expected.length ? -1 : expected.length;
};

const compare = async (program: Program, input: Bytes, tally: Tally): Promise<string | undefined> => {
  const { tensors, output } = runReference(program, input);
  for (const prefer of PLACEMENTS)
    for (const trace of [false, true]) {
      const engine = await createEngine(program, { prefer, trace });
      try {
        if (!trace) {
          const found = await engine.run(input);
          if (found === undefined || !equalBytes(found, output)) return `the output differs on ${prefer}`;
          tally.elements += output.length;
          continue;
        }
        const all = await engine.runAll(input);
        for (const [index, expected] of tensors.entries()) {
          const at = firstDifference(all?.[index] as TensorData, expected);
          const operator = program.operators[index];
          if (at >= 0)
            return `element ${at} of operator ${index} (${operator?.kind} on ${engine.devices.get(index)}): ${all?.[index]?.[at]} instead of ${expected[at]}`;
          tally.elements += expected.length;
        }
        if (prefer === "onnxruntime")
          for (const [index, device] of engine.devices) {
            const key = `${program.operators[index]?.kind} on ${device}`;
            tally.ran.set(key, (tally.ran.get(key) ?? 0) + 1);
          }
      } finally {
        await engine.stop();
      }
    }
  return undefined;
};

/** One seed: well-formed, equal after its bytes, and equal on every placement. */
export const fuzzOne = async (seed: number, tally: Tally): Promise<void> => {
  const source = sourceOf(seed);
  const program = SOURCES[source](createRandom(seed));
  const input = randomInput(createRandom(seed ^ 0x5bd1e995), program);
  const bytes = encodeProgram(program);
  const back = decodeProgram(bytes);
  const report = (what: string): void => void tally.findings.push({ seed, source, what });
  if (violations(program).length > 0) report("the program is not well-formed");
  if (programId(back) !== programId(program) || !equalBytes(encodeProgram(back), bytes)) report("its bytes differ");
  const difference = await compare(back, input, tally).catch(messageOf);
  if (difference !== undefined) report(difference);
  tally.programs++;
  tally.operators += program.operators.length;
};
