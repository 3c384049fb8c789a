import type { Operator } from "./program.ts";

/**
 * The axes of an operator as nested loops: axes of extent 1 dropped, adjacent axes merged where every access and every
 * guard walks them as one, and the source text of loops in which addresses are carried along instead of computed.
 */

/** An affine value carried through the loops: an address, a guard's value, or the index r. */
type Affine = { readonly name: string; readonly step: number[] };

export type GuardTest = { readonly name: string; readonly limit: number };

export type Nest = {
  /** Extents of the output axes, then of the reduction axes; at least one output axis. */
  readonly extents: readonly number[];
  readonly outputAxes: number;
  /** Guards of operand j. */
  readonly guards: readonly (readonly GuardTest[])[];
  /** Step of a carried value along an axis. */
  step(name: string, axis: number): number;
  /** Start values in the order of `names`: parameters of the compiled function, so that its text can be shared. */
  readonly names: readonly string[];
  readonly starts: readonly number[];
};

export const ADDRESS = (j: number): string => `p${j}`;
const GUARD = (j: number, k: number): string => `g${j}_${k}`;
export const REDUCTION_INDEX = "r";

const mergeAxes = (extents: number[], affines: readonly Affine[], from: number, to: number): number => {
  let end = to;
  for (let x = from; x < end; ) {
    if (extents[x] === 1 && end - from > (from === 0 ? 1 : 0)) {
      extents.splice(x, 1);
      for (const { step } of affines) step.splice(x, 1);
      end--;
      continue;
    }
    const next = x + 1;
    const inner = extents[next] as number;
    if (next < end && inner > 1 && affines.every(({ step }) => step[x] === (step[next] as number) * inner)) {
      extents[x] = (extents[x] as number) * inner;
      extents.splice(next, 1);
      for (const { step } of affines) {
        step[x] = step[next] as number;
        step.splice(next, 1);
      }
      end--;
      continue;
    }
    if (next < end && inner === 1) {
      extents.splice(next, 1);
      for (const { step } of affines) step.splice(next, 1);
      end--;
      continue;
    }
    x++;
  }
  return end - from;
};

/** `lastAxes`: output axes at the end that must stay as they are (TOPK's rank). */
export const createNest = (operator: Operator, lastAxes = 0): Nest => {
  const { output, reduction } = operator;
  const extents = [...output, ...reduction];
  const affines: Affine[] = [];
  const starts: number[] = [];
  const add = (name: string, start: number, step: readonly number[]): void => {
    affines.push({ name, step: [...step] });
    starts.push(start);
  };
  for (const [j, { base, stride, guards }] of operator.operands.entries()) {
    add(ADDRESS(j), base, stride);
    for (const [k, { off, coef }] of guards.entries()) add(GUARD(j, k), off, coef);
  }
  if (reduction.length > 0) {
    const step = new Array<number>(extents.length).fill(0);
    let size = 1;
    for (let x = extents.length - 1; x >= output.length; x--) {
      step[x] = size;
      size *= extents[x] as number;
    }
    add(REDUCTION_INDEX, 0, step);
  }
  const free = mergeAxes(extents, affines, 0, output.length - lastAxes);
  const outputAxes = free + lastAxes;
  if (reduction.length > 0) mergeAxes(extents, affines, outputAxes, extents.length);
  const stepOf = new Map(affines.map(({ name, step }) => [name, step]));
  return {
    extents,
    outputAxes,
    guards: operator.operands.map(({ guards }, j) => guards.map(({ limit }, k) => ({ name: GUARD(j, k), limit }))),
    step: (name, axis) => stepOf.get(name)?.[axis] ?? 0,
    names: affines.map(({ name }) => name),
    starts,
  };
};

/** Writes loops over a nest. `at(name)` is the variable that holds a carried value at the present depth. */
export const createWriter = (nest: Nest) => {
  const lines: string[] = [];
  const scopes: Map<string, string>[] = [new Map(nest.names.map((name, i) => [name, `k[${i}]`]))];
  const closers: string[] = [];
  const at = (name: string): string => scopes[scopes.length - 1]?.get(name) as string;
  // Start values are read once.
  const scope = scopes[0] as Map<string, string>;
  for (const [i, name] of nest.names.entries()) {
    lines.push(`const ${name}_s = k[${i}];`);
    scope.set(name, `${name}_s`);
  }
  return {
    at,
    line(text: string): void {
      lines.push(text);
    },
    /** Opens the loop over an axis, carrying what moves along it. */
    open(axis: number): void {
      const inner = new Map(scopes[scopes.length - 1]);
      const start = [`d${axis} = 0`];
      const next = [`d${axis}++`];
      for (const name of nest.names) {
        const step = nest.step(name, axis);
        if (step === 0) continue;
        const variable = `${name}_${axis}`;
        start.push(`${variable} = ${at(name)}`);
        next.push(`${variable} += ${step}`);
        inner.set(name, variable);
      }
      lines.push(`for (let ${start.join(", ")}; d${axis} < ${nest.extents[axis]}; ${next.join(", ")}) {`);
      scopes.push(inner);
      closers.push("}");
    },
    /** Opens a block that runs only under a condition. */
    when(condition: string): void {
      lines.push(`if (${condition}) {`);
      scopes.push(new Map(scopes[scopes.length - 1]));
      closers.push("}");
    },
    close(): void {
      scopes.pop();
      lines.push(closers.pop() as string);
    },
    depth: (): number => closers.length,
    text: (): string => lines.join("\n"),
  };
};
export type Writer = ReturnType<typeof createWriter>;

/** The deepest axis along which a carried value moves; -1 when it is constant. */
export const deepestAxis = (nest: Nest, name: string): number => {
  for (let axis = nest.extents.length - 1; axis >= 0; axis--) if (nest.step(name, axis) !== 0) return axis;
  return -1;
};
