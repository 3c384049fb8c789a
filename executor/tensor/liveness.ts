import { addressOf, gatheredReachOf, indexOf, isInside, product } from "./address.ts";
import type { Guard, Operand, Operator } from "./program.ts";

/**
 * Exact answers about guarded accesses without visiting every (i, r): guards couple only the axes that they mention, so
 * the digits fall apart into independent components, and one axis of each is solved instead of enumerated. What is found
 * chooses kernels and decides nothing: what would take too long to find is not known, and the general path runs.
 */

/** Points of one component that are visited at most. */
const MOST_POINTS = 2 ** 16;

/** What an engine may visit for one operand: far less than computing the operator, which the call has paid for. */
const pointsFor = (operator: Operator): number =>
  Math.min(MOST_POINTS, 64 + Math.floor(product([...operator.output, ...operator.reduction]) / 16));

type Extents = Pick<Operator, "output" | "reduction">;

/** One output element and one step of its reduction. */
export type Point = { readonly i: number; readonly r: number };

const pointOf = ({ output, reduction }: Extents, digits: readonly number[]): Point => ({
  i: indexOf(output, digits.slice(0, output.length)),
  r: indexOf(reduction, digits.slice(output.length)),
});

/** Axes coupled by guards, and these guards. A component without axes has guards of constant value. */
type Component = { readonly axes: readonly number[]; readonly guards: readonly Guard[] };

const componentsOf = (extents: readonly number[], guards: readonly Guard[]): Component[] => {
  let components: Component[] = [];
  for (const guard of guards) {
    const axes = [...extents.keys()].filter((x) => guard.coef[x] !== 0 && (extents[x] as number) > 1);
    const touches = (component: Component): boolean => component.axes.some((x) => axes.includes(x));
    const merged = components.filter(touches);
    components = [
      ...components.filter((component) => !touches(component)),
      {
        axes: [...new Set([...merged.flatMap((component) => component.axes), ...axes])],
        guards: [...merged.flatMap((component) => component.guards), guard],
      },
    ];
  }
  return components;
};

/** The digits of axis `free` for which all guards hold, the other digits given: from..to, empty when from > to. */
const solve = (
  guards: readonly Guard[],
  digits: readonly number[],
  free: number,
  extent: number,
): readonly [number, number] => {
  let from = 0;
  let to = extent - 1;
  for (const { off, coef, limit } of guards) {
    let rest = off;
    for (let x = 0; x < coef.length; x++) if (x !== free) rest += (coef[x] as number) * (digits[x] as number);
    const c = coef[free] ?? 0;
    // 0 <= rest + c*d <= limit - 1
    if (c === 0) {
      if (rest < 0 || rest >= limit) return [0, -1];
    } else if (c > 0) {
      from = Math.max(from, Math.ceil(-rest / c));
      to = Math.min(to, Math.floor((limit - 1 - rest) / c));
    } else {
      from = Math.max(from, Math.ceil((rest - (limit - 1)) / -c));
      to = Math.min(to, Math.floor(rest / -c));
    }
  }
  return [from, to];
};

/** Sets `digits[axes]` to every combination; stops when `visit` returns true, and says whether it did. */
const someDigits = (
  extents: readonly number[],
  axes: readonly number[],
  digits: number[],
  visit: () => boolean,
): boolean => {
  for (const x of axes) digits[x] = 0;
  for (;;) {
    if (visit()) return true;
    let k = axes.length - 1;
    for (; k >= 0; k--) {
      const x = axes[k] as number;
      const digit = (digits[x] as number) + 1;
      if (digit < (extents[x] as number)) {
        digits[x] = digit;
        break;
      }
      digits[x] = 0;
    }
    if (k < 0) return false;
  }
};

const longest = (extents: readonly number[], axes: readonly number[]): number =>
  axes.reduce((best, x) => ((extents[x] as number) > (extents[best] as number) ? x : best), axes[0] as number);

/** Adds the digits of `axes` that make the affine sum smallest (sign 1) or largest (sign -1), without guards. */
const extremeDigits = (
  extents: readonly number[],
  stride: readonly number[],
  axes: readonly number[],
  sign: 1 | -1,
  digits: number[],
): void => {
  for (const x of axes) digits[x] = (stride[x] as number) * sign < 0 ? (extents[x] as number) - 1 : 0;
};

/** Digits of a component that satisfy its guards and make `sign * sum stride*digit` smallest; false when none does. */
const extremeOfComponent = (
  extents: readonly number[],
  stride: readonly number[],
  { axes, guards }: Component,
  sign: 1 | -1,
  digits: number[],
): boolean => {
  if (axes.length === 0) return solve(guards, new Array<number>(extents.length).fill(0), -1, 1)[1] === 0;
  const free = longest(extents, axes);
  const others = axes.filter((x) => x !== free);
  const trial = new Array<number>(extents.length).fill(0);
  const step = (stride[free] as number) * sign;
  let best = Number.POSITIVE_INFINITY;
  someDigits(extents, others, trial, () => {
    const [from, to] = solve(guards, trial, free, extents[free] as number);
    if (from > to) return false;
    const d = step < 0 ? to : from;
    let value = step * d;
    for (const x of others) value += (stride[x] as number) * sign * (trial[x] as number);
    if (value < best) {
      best = value;
      for (const x of others) digits[x] = trial[x] as number;
      digits[free] = d;
    }
    return false;
  });
  return best !== Number.POSITIVE_INFINITY;
};

export type Reach =
  | { readonly live: false }
  | { readonly live: true; readonly lo: number; readonly hi: number; readonly loAt: Point; readonly hiAt: Point };

/**
 * Smallest and largest address over all (i, r) where the access is live, and where they are. Exact. `undefined` when
 * the guards couple more digits than `most` points.
 */
export const reachOf = (operator: Extents, operand: Operand, most = MOST_POINTS): Reach | undefined => {
  const extents = [...operator.output, ...operator.reduction];
  const components = componentsOf(extents, operand.guards);
  const coupled = new Set(components.flatMap(({ axes }) => axes));
  const freeAxes = [...extents.keys()].filter((x) => !coupled.has(x));
  for (const { axes } of components) {
    const points =
      axes.length === 0
        ? 1
        : product(axes.map((x) => extents[x] as number)) / (extents[longest(extents, axes)] as number);
    if (points > most) return undefined;
  }
  const extreme = (sign: 1 | -1): number[] | undefined => {
    const digits = new Array<number>(extents.length).fill(0);
    extremeDigits(extents, operand.stride, freeAxes, sign, digits);
    for (const component of components)
      if (!extremeOfComponent(extents, operand.stride, component, sign, digits)) return undefined;
    return digits;
  };
  const low = extreme(1);
  const high = extreme(-1);
  if (low === undefined || high === undefined) return { live: false };
  return {
    live: true,
    lo: addressOf(operand, low),
    hi: addressOf(operand, high),
    loAt: pointOf(operator, low),
    hiAt: pointOf(operator, high),
  };
};

/**
 * The first output found that has no live r, "none" when every output has one, `undefined` when the guards couple more
 * digits than `most` points.
 */
export const deadOutput = (operator: Extents, operand: Operand, most = MOST_POINTS): number | "none" | undefined => {
  const extents = [...operator.output, ...operator.reduction];
  const A = operator.output.length;
  for (const { axes, guards } of componentsOf(extents, operand.guards)) {
    const outputs = axes.filter((x) => x < A);
    const reductions = axes.filter((x) => x >= A);
    const solvable = reductions.length > 0 ? reductions : outputs;
    const free = solvable.length === 0 ? -1 : longest(extents, solvable);
    const points = product(axes.filter((x) => x !== free).map((x) => extents[x] as number));
    if (points > most) return undefined;
    const digits = new Array<number>(extents.length).fill(0);
    const extent = extents[free] ?? 1;
    const inner = reductions.filter((x) => x !== free);
    const found = someDigits(
      extents,
      outputs.filter((x) => x !== free),
      digits,
      () => {
        if (reductions.length > 0)
          return !someDigits(extents, inner, digits, () => {
            const [from, to] = solve(guards, digits, free, extent);
            return from <= to;
          });
        const [from, to] = solve(guards, digits, free, extent);
        if (from === 0 && to === extent - 1) return false;
        if (free >= 0) digits[free] = from === 0 && to >= from ? to + 1 : 0;
        return true;
      },
    );
    if (found) return indexOf(operator.output, digits.slice(0, A));
  }
  return "none";
};

const searchInside = (operator: Operator, j: number): boolean => {
  if (isInside(operator, j)) return true;
  const operand = operator.operands[j] as Operand;
  if (operand.guards.length === 0) return false;
  const reach = reachOf(operator, operand, pointsFor(operator));
  if (reach === undefined) return false;
  const gathered = gatheredReachOf(operator, j);
  return !reach.live || (reach.lo + gathered.lo >= 0 && reach.hi + gathered.hi < operand.count);
};

const inside = new WeakMap<Operator, (boolean | undefined)[]>();

/** Whether operand j is known to read its tensor alone, never the zero element before or behind it. Searched for once. */
export const readsInside = (operator: Operator, j: number): boolean => {
  const known = inside.get(operator) ?? [];
  inside.set(operator, known);
  known[j] ??= searchInside(operator, j);
  return known[j];
};

/** Whether a fold is known to have something to fold for every output. */
export const foldsSomething = (operator: Operator): boolean => {
  const [operand] = operator.operands;
  if (operand === undefined || operand.guards.length === 0) return true;
  return deadOutput(operator, operand, pointsFor(operator)) === "none";
};
