import { INSTRUCTIONS, type InstructionSpec, immediateBits } from "../../executor/index.ts";
import { LOWERED, mapsOf } from "../support/map-cases.ts";
import { createRandom } from "../support/random-program.ts";
import { alone } from "../support/scalar-cases.ts";
import { type ScalarMachine, startScalarMachine } from "../support/scalar-machine.ts";
import type { GasRow, GasSection } from "./gas-table.ts";

const THIRD = Math.fround(1 / 3);
const ROOT = Math.fround(Math.SQRT2);
/** Operands that round, none of them near a short cut. */
const TYPICAL = { I: [123_456_789, 7_654, -3], F: [ROOT, THIRD, -ROOT] } as const;
/** Where those are outside the domain, or take a short cut. */
const OPERANDS: Readonly<Record<string, readonly number[]>> = {
  POW2: [-3],
  FRNE: [1_234.5],
  FFLOOR: [-1_234.5],
  F2I: [1_234.5],
  QU8: [34.5, 128],
  QI8: [34.5, -3],
};

/** What one more of the same instruction costs: the body's frame is left out. */
const ofInstruction = async (machine: ScalarMachine, spec: InstructionSpec): Promise<number> => {
  const once = alone(spec);
  const row = OPERANDS[spec.name] ?? spec.operands.map((type, j) => TYPICAL[type][j] as number);
  const twice = { ...once, instructions: [...once.instructions, ...once.instructions] };
  return (await machine.gasOf(twice, row)) - (await machine.gasOf(once, row));
};

const LOWERINGS: Readonly<Record<string, string>> = {
  "requantise to u8": "requantise (I2F, FMUL, QU8)",
  exp: "exponential",
  sigmoid: "sigmoid",
  gelu: "GELU",
};

/** The dearest of a lowered body's elements on random inputs. */
const ofLowering = async (machine: ScalarMachine, name: string, what: string): Promise<GasRow> => {
  const [map] = mapsOf((LOWERED[name] as () => never)(), createRandom(1), 20);
  if (map === undefined) throw new Error(`${name} has no MAP`);
  const all: number[] = [];
  for (const row of map.rows) all.push(await machine.gasOf(map, row));
  const length = map.instructions.length;
  return { what: `${what}, ${length} instructions`, gas: BigInt(Math.max(...all)), per: [length, "instruction"] };
};

/** What the scalar machine costs on chain: instructions, and the bodies that models are lowered to. */
export const scalarGas = async (): Promise<GasSection> => {
  const ends: (() => unknown)[] = [];
  try {
    const machine = await startScalarMachine({ after: (end) => void ends.push(end) });
    const rows: GasRow[] = [];
    for (const spec of INSTRUCTIONS) rows.push({ what: spec.name, gas: BigInt(await ofInstruction(machine, spec)) });
    const division = await machine.gasOfDivision(immediateBits("F", ROOT), immediateBits("F", THIRD));
    rows.push({ what: "binary32 division, without loading and dispatch", gas: BigInt(division) });
    for (const [name, what] of Object.entries(LOWERINGS)) rows.push(await ofLowering(machine, name, what));
    return {
      title: "The scalar machine",
      about:
        "Execution alone. An instruction: what one more of it adds to a body. A body: all of it over loaded operands, the dearest of 20 random elements.",
      rows,
    };
  } finally {
    for (const end of ends) await end();
  }
};
