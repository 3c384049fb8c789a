import { INSTRUCTIONS } from "../../executor/index.ts";
import { compareMaps, LOWERED, mapsOf, randomMaps } from "../support/map-cases.ts";
import { createRandom } from "../support/random-program.ts";
import { type Compared, compareInstruction, edgeRows, randomRow, tieRows } from "../support/scalar-cases.ts";
import { startScalarMachine } from "../support/scalar-machine.ts";

type InstructionsFuzz = {
  /** Random cases of each instruction, besides its edges and ties; and elements of each lowered body. */
  readonly count: number;
  readonly seed: number;
  readonly print: (line: string) => void;
};

/** Elements of one MAP on one input. */
const ELEMENTS = 100;
/** A random program for so many of the count. */
const PER_PROGRAM = 10;
const SHOWN = 10;

/** The scalar machine on chain against its definition: instruction by instruction, then whole bodies. */
export const fuzzInstructions = async ({ count, seed, print }: InstructionsFuzz): Promise<readonly string[]> => {
  const ends: (() => unknown)[] = [];
  const machine = await startScalarMachine({ after: (end) => void ends.push(end) });
  const findings: string[] = [];
  const note = (name: string, { rows, refused, differences }: Compared): void => {
    print(`  ${name.padEnd(20)} ${rows} cases, ${refused} refused, ${differences.length} differences`);
    findings.push(...differences.slice(0, SHOWN));
  };
  try {
    for (const spec of INSTRUCTIONS) {
      const random = createRandom(seed ^ (spec.code << 24));
      const rows = Array.from({ length: count }, () => randomRow(random, spec));
      note(spec.name, await compareInstruction(machine, spec, [...edgeRows(spec), ...tieRows(spec.name), ...rows]));
    }
    for (const [name, lower] of Object.entries(LOWERED)) {
      const random = createRandom(seed);
      const program = lower();
      const maps = [];
      for (let drawn = 0; drawn < count; drawn += ELEMENTS) maps.push(...mapsOf(program, random, ELEMENTS));
      note(name, await compareMaps(machine, name, maps));
    }
    const maps = [];
    for (let i = 0; i * PER_PROGRAM < count; i++) maps.push(...randomMaps(seed + i, ELEMENTS));
    note("random bodies", await compareMaps(machine, `from seed ${seed}`, maps));
  } finally {
    for (const end of ends) await end();
  }
  return findings;
};
