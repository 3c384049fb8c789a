import { nodesOf, type Unit } from "./emit.ts";
import { type Contraction, contractionOf, fusedOf, productsOf } from "./emit-contract.ts";
import { countOf, DTYPES, type Operator, type Program } from "./program.ts";

/**
 * Which part of a program runs where. Units are placed on onnxruntime or on our own loops by estimated time; units of one
 * phase make one segment, so that a chain of layers is a single `session.run`.
 */

export type Device = "onnxruntime" | "kernels";
export type Placed = Unit & { readonly device: Device; readonly phase: number };

export type PlanOptions = {
  /** "fastest" by estimate; "onnxruntime" wherever a kernel exists; "kernels" nowhere. */
  readonly prefer: "fastest" | Device;
  /** Whether every operator's output is wanted: nothing is fused then. */
  readonly trace: boolean;
};

const operatorAt = (program: Program, index: number): Operator => program.operators[index] as Operator;
const outputOf = (unit: Unit): number => unit.operators.at(-1) as number;

/** Operators that read operator i (once for each operand). */
const readersOf = (program: Program): readonly (readonly number[])[] => {
  const readers: number[][] = program.operators.map(() => []);
  for (const [index, operator] of program.operators.entries())
    for (const { source } of operator.operands) if (!source.constant) readers[source.index]?.push(index);
  return readers;
};

/** A chain of CONTRACTs from `start` on, and the MAP that requantises it. */
const fusedUnit = (program: Program, start: number, onlyReader: (index: number) => number | undefined): Unit => {
  const chain = [start];
  let contraction = contractionOf([operatorAt(program, start)]);
  if (contraction === undefined) return { operators: chain };
  for (;;) {
    const last = chain.at(-1) as number;
    const reader = onlyReader(last);
    if (reader === undefined) break;
    const next = operatorAt(program, reader);
    if (next.kind === "MAP") {
      const columns = contraction.kind === "conv" ? contraction.shape.outChannels : contraction.shape.columns;
      const unit: Unit = { operators: [...chain, reader], contraction };
      if (fusedOf(program, next, last, columns) !== undefined && nodesOf(program, unit) !== undefined) return unit;
      break;
    }
    if (next.kind !== "CONTRACT" || next.operands[2]?.source.index !== last || next.operands[2].source.constant) break;
    const longer: Contraction | undefined = contractionOf([...chain, reader].map((i) => operatorAt(program, i)));
    if (longer === undefined) break;
    chain.push(reader);
    contraction = longer;
  }
  return { operators: chain, contraction };
};

const unitsOf = (program: Program, trace: boolean): Unit[] => {
  const readers = readersOf(program);
  const outputs = new Set(program.outputs);
  const onlyReader = (index: number): number | undefined =>
    outputs.has(index) || readers[index]?.length !== 1 ? undefined : readers[index][0];
  const taken = new Set<number>();
  const units: Unit[] = [];
  for (let index = program.inputs; index < program.operators.length; index++) {
    if (taken.has(index)) continue;
    const operator = operatorAt(program, index);
    const unit: Unit =
      operator.kind !== "CONTRACT"
        ? { operators: [index] }
        : trace
          ? { operators: [index], contraction: contractionOf([operator]) }
          : fusedUnit(program, index, onlyReader);
    for (const member of unit.operators) taken.add(member);
    units.push(unit);
  }
  return units.sort((a, b) => outputOf(a) - outputOf(b));
};

// --- estimated times, in nanoseconds -----------------------------------------------------------------------------------

const RUN = 15_000;
const NODE = 1_500;
const CROSSING_BYTE = 0.2;
const CROSSING_I64 = 40;

const product = (extents: readonly number[]): number => extents.reduce((a, b) => a * b, 1);

/** Time on our own loops. */
const kernelTime = (program: Program, { operators }: Unit): number => {
  let time = 0;
  for (const index of operators) {
    const operator = operatorAt(program, index);
    const count = countOf(operator);
    const reads = product(operator.reduction);
    switch (operator.kind) {
      case "MOVE":
        time += 300 + count * 1.2;
        break;
      case "GATHER":
        time += 300 + count * 1.5;
        break;
      case "CONTRACT":
        time += 500 + count * (reads + 3);
        break;
      case "REDUCE":
        time += 500 + count * (reads + 2);
        break;
      case "TOPK":
        time += 2_000 + count * 10 + product(operator.output.slice(0, -1)) * reads * 60;
        break;
      case "MAP":
        time += 300 + count * (1.5 + operator.instructions.length * 0.9);
        break;
      default:
    }
  }
  return time;
};

/** Time on onnxruntime; undefined when it has no exact kernel. */
const nodeTime = (program: Program, unit: Unit): number | undefined => {
  const nodes = nodesOf(program, unit);
  if (nodes === undefined) return undefined;
  const last = operatorAt(program, outputOf(unit));
  const count = countOf(last);
  const work = unit.contraction === undefined ? 0 : productsOf(unit.contraction) * 0.02;
  const perElement = last.kind === "GATHER" ? 8 : last.kind === "REDUCE" ? product(last.reduction) * 0.5 : 0;
  return nodes * (NODE + count * 0.4) + work + count * perElement;
};

// --- placement -----------------------------------------------------------------------------------------------------------

type Choice = { readonly unit: Unit; readonly kernels: number; readonly nodes: number | undefined };
type Layout = { readonly phases: readonly number[]; readonly time: number };

const createLayouts = (program: Program, choices: readonly Choice[]) => {
  const producer = new Map(choices.map(({ unit }, u) => [outputOf(unit), u]));
  const sources = choices.map(({ unit }) => {
    const inside = new Set(unit.operators);
    const all = unit.operators.flatMap((index) => operatorAt(program, index).operands.map(({ source }) => source));
    return [...new Set(all.flatMap(({ constant, index }) => (constant || inside.has(index) ? [] : [index])))];
  });
  const crossing = (index: number): number => {
    const { dtype, output } = operatorAt(program, index);
    return product(output) * (dtype === "i64" ? CROSSING_I64 : DTYPES[dtype].bytes * CROSSING_BYTE);
  };
  /** Own loops run in even phases, onnxruntime in odd ones; a phase follows all that it reads. */
  return (devices: readonly Device[]): Layout => {
    const phases: number[] = [];
    const runs = new Set<number>();
    const crossed = new Set<string>();
    let time = 0;
    for (const [u, { kernels, nodes }] of choices.entries()) {
      const parity = devices[u] === "onnxruntime" ? 1 : 0;
      let phase = parity;
      for (const index of sources[u] as number[]) {
        const from = producer.get(index);
        const before = from === undefined ? 0 : (phases[from] as number);
        const next = before % 2 === parity ? before : before + 1;
        if (next > phase) phase = next;
        if (before !== phase && (parity === 1 || before % 2 === 1)) {
          const key = `${index} ${parity === 1 ? phase : "own"}`;
          if (!crossed.has(key)) time += crossing(index);
          crossed.add(key);
        }
      }
      phases.push(phase);
      if (parity === 1) {
        time += nodes as number;
        if (!runs.has(phase)) time += RUN;
        runs.add(phase);
      } else time += kernels;
    }
    return { phases, time };
  };
};

/** Above this many units no single move is tried. */
const SEARCH_LIMIT = 256;
const SEARCH_ROUNDS = 3;

const improve = (choices: readonly Choice[], layoutOf: (devices: readonly Device[]) => Layout, start: Device[]) => {
  const devices = [...start];
  let best = layoutOf(devices);
  if (choices.length > SEARCH_LIMIT) return { devices, best };
  for (let round = 0; round < SEARCH_ROUNDS; round++) {
    let moved = false;
    for (const [u, { nodes }] of choices.entries()) {
      if (nodes === undefined) continue;
      const before = devices[u] as Device;
      devices[u] = before === "kernels" ? "onnxruntime" : "kernels";
      const layout = layoutOf(devices);
      if (layout.time < best.time) {
        best = layout;
        moved = true;
      } else devices[u] = before;
    }
    if (!moved) break;
  }
  return { devices, best };
};

/** Every operator but the inputs, in units, in an order in which they can run. */
export const planOf = (program: Program, { prefer, trace }: PlanOptions): Placed[] => {
  const choices = unitsOf(program, trace).map(
    (unit): Choice => ({
      unit,
      kernels: kernelTime(program, unit),
      nodes: prefer === "kernels" ? undefined : nodeTime(program, unit),
    }),
  );
  const layoutOf = createLayouts(program, choices);
  const everywhere = choices.map(({ nodes }): Device => (nodes === undefined ? "kernels" : "onnxruntime"));
  const starts: Device[][] =
    prefer !== "fastest"
      ? []
      : [
          everywhere,
          choices.map((): Device => "kernels"),
          choices.map(
            ({ nodes, kernels }): Device => (nodes !== undefined && nodes < kernels ? "onnxruntime" : "kernels"),
          ),
        ];
  let chosen = { devices: everywhere, best: layoutOf(everywhere) };
  for (const start of starts) {
    const found = improve(choices, layoutOf, start);
    if (found.best.time < chosen.best.time) chosen = found;
  }
  const placed = choices.map(
    ({ unit }, u): Placed => ({
      ...unit,
      device: chosen.devices[u] as Device,
      phase: chosen.best.phases[u] as number,
    }),
  );
  return placed.sort((a, b) => a.phase - b.phase || outputOf(a) - outputOf(b));
};
