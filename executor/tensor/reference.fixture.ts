import { createAssembly, type OperatorSpec, type Ref } from "./assembly.ts";
import { packTensor } from "./elements.ts";
import { DTYPES, type Dtype, type Interval } from "./program.ts";
import { inputBytesOf, run } from "./reference.ts";

/** Programs of a few operators for tests, and their results on given elements. */

export type Given = { readonly dtype: Dtype; readonly output: readonly number[]; readonly interval?: Interval };
export type Values = readonly number[];

/** A program of one operator over inputs, its input packed, and its output's elements. */
export const compute = (inputs: readonly (Given & { values: Values })[], spec: (refs: Ref[]) => OperatorSpec | Ref) => {
  const { program, refs } = programOf(inputs, spec);
  const packed = new Uint8Array(inputBytesOf(program));
  for (const [j, { dtype, values }] of inputs.entries()) {
    const operator = program.operators[j];
    if (operator?.kind === "INPUT") packed.set(packTensor(dtype, values), operator.offset);
  }
  const { tensors, output } = run(program, packed);
  return { program, refs, output, values: [...(tensors[program.outputs[0] as number] ?? [])] };
};

export const programOf = (
  inputs: readonly Given[],
  spec: (refs: Ref[], a: ReturnType<typeof createAssembly>) => OperatorSpec | Ref,
) => {
  const assembly = createAssembly();
  const refs = inputs.map(({ dtype, output, interval }) =>
    assembly.input({ dtype, output, interval: interval ?? { lo: DTYPES[dtype].lo, hi: DTYPES[dtype].hi } }),
  );
  const made = spec(refs, assembly);
  const program = assembly.finish({ outputs: ["kind" in made ? assembly.operator(made) : made] });
  return { program, refs };
};
export const at = (refs: readonly Ref[], j: number): Ref => refs[j] as Ref;
export const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i);
