import assert from "node:assert/strict";
import type { Trace } from "../../challenger/index.ts";
import { ADMISSION, type Bytes, type Program } from "../../executor/index.ts";
import type { Story } from "./liar.ts";
import { lyingOperator, lyingTensor, lyingTrace, wrongState } from "./lying-trace.ts";

/** A lie with what it is about; `seed`: of the end that the liar claims, 0 for the right one. */
export type Told = { readonly name: string; readonly seed?: number; readonly story: Story };

/** Steps of a unit before which its call of a model stands, at most. */
const MOST_STEPS = 16_384;

/** The last leaf at levels 0 and 1 below which is a tree, of an admission or of a call of a model. */
const modelLeafOf = async (
  right: Trace,
  units: number,
  isAdmission: boolean,
): Promise<{ readonly unit: number; readonly step: number }> => {
  for (let unit = units - 1; unit >= 0; unit--) {
    const execution = await right.below(unit);
    for (let step = 1; step < Math.min(2 ** execution.height, MOST_STEPS); step++) {
      const leaf = await execution.leafKind(step);
      if (leaf.kind === "refine" && (leaf.height === ADMISSION.height) === isAdmission) return { unit, step };
    }
  }
  throw new Error("the model is not called");
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
    story: (right, { end }) => lyingTrace(right, { rest: { from: 0, leaf: end } }),
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

/** The right tree but for its last leaf. */
const lastOf = (tree: Trace, end: Bytes): Trace => lyingTrace(tree, { leaves: new Map([[2 ** tree.height - 1, end]]) });

/** Of a unit: the right tree of its steps, that of the units, and where the liar must end. */
type InUnit = { readonly own: Trace; readonly right: Trace; readonly end: Bytes };

/** A unit comes to another end, by the liar's tree of its steps; so does everything behind it. */
const inUnit = (name: string, unit: number, stepsOf: (about: InUnit) => Promise<Trace> | Trace): Told => ({
  name,
  async story(right, { end }) {
    const told = await stepsOf({ own: await right.below(unit), right, end });
    return lyingTrace(right, {
      rest: { from: unit, leaf: end },
      below: (position, tree) => (position === unit ? told : lastOf(tree, end)),
    });
  },
});

/** From one ordinary step of the machine on, in a unit, its states are the liar's. */
export const machineStep = (unit: number, step: number): Told =>
  inUnit(`step ${step} of unit ${unit}`, unit, ({ own, end }) =>
    lyingTrace(own, {
      leaves: new Map([[2 ** own.height - 1, end]]),
      rest: { from: step, leaf: wrongState(step) },
    }),
  );

/** The liar's unit executes the envelope of another one. */
export const otherEnvelope = (unit: number, other: number): Told =>
  inUnit(`unit ${unit} executes the envelope of unit ${other}`, unit, async ({ own, right, end }) =>
    lastOf({ ...own, node: (await right.below(other)).node }, end),
  );

/** A lie at level 2 and below, and consistent above it. */
const atLevel2 =
  (isAdmission: boolean) =>
  (name: string, inference: (right: Trace, finish: Uint8Array) => Promise<Trace>): Told => ({
    name,
    story: async (right, { units, end }) => {
      const { unit, step } = await modelLeafOf(right, units, isAdmission);
      const finish = wrongState(step);
      const rightExecution = await right.below(unit);
      const told = await inference(await rightExecution.below(step), finish);
      const last = [2 ** rightExecution.height - 1, end] as const;
      return lyingTrace(right, {
        rest: { from: unit, leaf: end },
        below: (position, execution) =>
          position === unit
            ? lyingTrace(execution, {
                leaves: new Map([[step, finish], last]),
                rest: { from: step + 1, leaf: end },
                below: () => told,
              })
            : lastOf(execution, end),
      });
    },
  });

/** Lies inside an admission: each in one place, and told on to the end. */
export const admissionLies = () => {
  const inTheAdmission = atLevel2(true);
  const { header, end } = ADMISSION;
  return {
    /** One byte of an object is another. */
    byte: (object: number, position: number): Told =>
      inTheAdmission(`byte ${position} of object ${object}`, async (right, finish) => {
        const rightTensor = await right.below(object);
        const tensor = lyingTensor(rightTensor, new Map([[position, await changed(rightTensor, position)]]));
        return lyingTrace(right, {
          leaves: new Map([[object, await lyingOperator(object, tensor)]]),
          rest: { from: end, leaf: finish },
          below: () => tensor,
        });
      }),
    /** The judgement of record `index`, or of the header with -1, ends in another state. */
    judgement: (index: number): Told =>
      inTheAdmission(`judgement of record ${index}`, async (right, finish) =>
        lyingTrace(right, {
          leaves: new Map([[header + 1 + index, wrongState(index + 1)]]),
          rest: { from: end, leaf: finish },
        }),
      ),
    /** Something where the artifact has nothing. */
    nothing: inTheAdmission("an object that is not there", async (right, finish) =>
      lyingTrace(right, { leaves: new Map([[header - 1, wrongState(1)]]), rest: { from: end, leaf: finish } }),
    ),
    finish: inTheAdmission("the machine behind ADMIT", async (right, finish) =>
      lyingTrace(right, { rest: { from: end, leaf: finish } }),
    ),
  };
};

/** Lies inside a call of a model. */
export const modelLies = ({ operators }: Program) => {
  const inTheModel = atLevel2(false);

  return {
    inTheModel,
    /** One element of one operator is another; what follows is as it was, up to the finish. */
    element: (operator: number, position: number): Told =>
      inTheModel(`element ${position} of operator ${operator}, ${operators[operator]?.kind}`, async (right, finish) => {
        const rightTensor = await right.below(operator);
        const tensor = lyingTensor(rightTensor, new Map([[position, await changed(rightTensor, position)]]));
        return lyingTrace(right, {
          leaves: new Map([[operator, await lyingOperator(operator, tensor)]]),
          rest: { from: operators.length, leaf: finish },
          below: () => tensor,
        });
      }),
    /** Every element of every operator is another. */
    everything: inTheModel("every element of every operator", async (right, finish) => {
      const tensors: Trace[] = [];
      const leaves = new Map<number, Bytes>();
      for (const [operator] of operators.entries()) {
        const tensor = await right.below(operator);
        const elements = new Map<number, Uint8Array>();
        for (let position = 0; position < 2 ** tensor.height; position++)
          elements.set(position, await changed(tensor, position));
        tensors.push(lyingTensor(tensor, elements));
        leaves.set(operator, await lyingOperator(operator, tensors[operator] as Trace));
      }
      const rest = { from: operators.length, leaf: finish };
      return lyingTrace(right, { leaves, rest, below: (position) => tensors[position] as Trace });
    }),
    finish: inTheModel("the machine after the call", async (right, finish) =>
      lyingTrace(right, { rest: { from: operators.length, leaf: finish } }),
    ),
    padding: inTheModel("padding behind the machine after the call", async (right, finish) =>
      lyingTrace(right, { leaves: new Map([[2 ** right.height - 1, finish]]) }),
    ),
  };
};
