import assert from "node:assert/strict";
import type { Trace } from "../../challenger/index.ts";
import type { Program } from "../../executor/index.ts";
import type { Story } from "./disputes.ts";
import { lyingOperator, lyingTensor, lyingTrace, wrongState } from "./lying-trace.ts";

/** A lie with what it is about; `seed`: of the end that the liar claims, 0 for the right one. */
export type Told = { readonly name: string; readonly seed?: number; readonly story: Story };

/** Steps of a unit before which its call of a model stands, at most. */
const MOST_STEPS = 16_384;

/** The leaf below which the model is called, at levels 0 and 1. */
const callOf = async (right: Trace, units: number): Promise<{ readonly unit: number; readonly step: number }> => {
  for (let unit = units - 1; unit >= 0; unit--) {
    const execution = await right.below(unit);
    for (let step = 1; step < Math.min(2 ** execution.height, MOST_STEPS); step++) {
      const { kind } = await execution.leafKind(step);
      if (kind === "refine") return { unit, step };
    }
  }
  throw new Error("the model is not called");
};

/** Everything from a leaf on is otherwise: as leaves of a tree of this height. */
const from = (first: number, height: number, leaf: Uint8Array): Map<number, Uint8Array> => {
  const leaves = new Map<number, Uint8Array>();
  for (let position = first; position < 2 ** height; position++) leaves.set(position, leaf);
  return leaves;
};

/** An element's bytes, one bit of them changed. */
const changed = async ({ packed }: Trace, position: number): Promise<Uint8Array> => {
  assert.ok(packed);
  const bytes = (await packed(0, position)).slice();
  bytes[0] = (bytes[0] as number) ^ 1;
  return bytes;
};

/** Lies about the range's units themselves. */
export const unitLies = {
  lastLeaf: {
    name: "the last leaf alone",
    story: (right, { end }) => lyingTrace(right, { leaves: new Map([[2 ** right.height - 1, end]]) }),
  },
  allLeaves: {
    name: "all leaves",
    story: (right, { end }) => lyingTrace(right, { leaves: from(0, right.height, end) }),
  },
} as const satisfies Record<string, Told>;

/** One leaf and the last one; `seed` 0: that one alone. */
export const only = (name: string, leafOf: (units: number) => number, seed: number): Told => ({
  name,
  seed,
  story: (right, { units, end }) =>
    lyingTrace(right, {
      leaves: new Map([
        [leafOf(units), wrongState(seed)],
        ...(seed === 0 ? [] : ([[2 ** right.height - 1, end]] as const)),
      ]),
    }),
});

/** From one step of a unit on, the machine is in states of the liar's; `statesOf`: by step. */
const inUnit = (
  name: string,
  {
    unitOf,
    statesOf,
  }: {
    readonly unitOf: (units: number) => number;
    readonly statesOf: (right: Trace, unit: number) => Promise<Map<number, Uint8Array>>;
  },
): Told => ({
  name,
  async story(right, { units, end }) {
    const unit = unitOf(units);
    const states = await statesOf(right, unit);
    return lyingTrace(right, {
      leaves: from(unit, right.height, end),
      below: (position, execution) =>
        lyingTrace(execution, {
          leaves: (position === unit ? states : new Map<number, Uint8Array>()).set(2 ** execution.height - 1, end),
        }),
    });
  },
});

/** From one ordinary step of the machine on, in a unit. */
export const machineStep = (unit: number, step: number): Told =>
  inUnit(`step ${step} of unit ${unit}`, {
    unitOf: () => unit,
    statesOf: async (right) => from(step, (await right.below(unit)).height, wrongState(step)),
  });

/** The liar's unit executes the envelope of another one. */
export const otherEnvelope = (unit: number, other: number): Told =>
  inUnit(`unit ${unit} executes the envelope of unit ${other}`, {
    unitOf: () => unit,
    async statesOf(right) {
      const execution = await right.below(other);
      const states = new Map<number, Uint8Array>();
      for (let step = 0; step < 2 ** execution.height; step++) states.set(step, await execution.node(0, step));
      return states;
    },
  });

/** Lies inside a call of a model, told at level 2 and below, and consistent above it. */
export const modelLies = ({ operators }: Program) => {
  const inTheModel = (name: string, inference: (right: Trace, finish: Uint8Array) => Promise<Trace>): Told => ({
    name,
    story: async (right, { units, end }) => {
      const { unit, step } = await callOf(right, units);
      const finish = wrongState(step);
      const rightExecution = await right.below(unit);
      const told = await inference(await rightExecution.below(step), finish);
      // Above the leaves that lie on the way the tree may be high: what follows differs in its last leaf alone.
      const steps = new Map([[step, finish]]);
      if (rightExecution.height < 16) for (const [at] of from(step + 1, rightExecution.height, end)) steps.set(at, end);
      const last = [2 ** rightExecution.height - 1, end] as const;
      const leaves =
        right.height < 16
          ? from(unit, right.height, end)
          : new Map([
              [unit, end],
              [2 ** right.height - 1, end],
            ]);
      return lyingTrace(right, {
        leaves,
        below: (position, execution) =>
          lyingTrace(execution, {
            leaves: position === unit ? steps.set(...last) : new Map([last]),
            ...(position === unit ? { below: () => told } : {}),
          }),
      });
    },
  });

  return {
    inTheModel,
    /** One element of one operator is another; what follows is as it was, up to the finish. */
    element: (operator: number, position: number): Told =>
      inTheModel(`element ${position} of operator ${operator}, ${operators[operator]?.kind}`, async (right, finish) => {
        const rightTensor = await right.below(operator);
        const tensor = lyingTensor(rightTensor, new Map([[position, await changed(rightTensor, position)]]));
        const leaves = from(operators.length, right.height, finish).set(
          operator,
          await lyingOperator(operator, tensor),
        );
        return lyingTrace(right, { leaves, below: () => tensor });
      }),
    /** Every element of every operator is another. */
    everything: inTheModel("every element of every operator", async (right, finish) => {
      const tensors: Trace[] = [];
      const leaves = from(operators.length, right.height, finish);
      for (const [operator] of operators.entries()) {
        const tensor = await right.below(operator);
        const elements = new Map<number, Uint8Array>();
        for (let position = 0; position < 2 ** tensor.height; position++)
          elements.set(position, await changed(tensor, position));
        tensors.push(lyingTensor(tensor, elements));
        leaves.set(operator, await lyingOperator(operator, tensors[operator] as Trace));
      }
      return lyingTrace(right, { leaves, below: (position) => tensors[position] as Trace });
    }),
    finish: inTheModel("the machine after the call", async (right, finish) =>
      lyingTrace(right, { leaves: from(operators.length, right.height, finish) }),
    ),
    padding: inTheModel("padding behind the machine after the call", async (right, finish) =>
      lyingTrace(right, { leaves: new Map([[2 ** right.height - 1, finish]]) }),
    ),
  };
};
