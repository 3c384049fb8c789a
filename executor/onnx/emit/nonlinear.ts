import { apply, type Expr, float, int } from "./expression.ts";
import { refuse } from "./refusal.ts";

/** Transcendental functions as straight-line binary32 programs; constants are the f32 nearest to the decimal. */

const add = (a: Expr, b: Expr): Expr => apply("FADD", a, b);
const sub = (a: Expr, b: Expr): Expr => apply("FSUB", a, b);
const mul = (a: Expr, b: Expr): Expr => apply("FMUL", a, b);
const clamp = (x: Expr, lo: number, hi: number): Expr => apply("FMIN", apply("FMAX", x, float(lo)), float(hi));
const horner = (x: Expr, coefficients: readonly number[]): Expr => {
  const [first = 0, ...rest] = coefficients;
  return rest.reduce<Expr>((sum, c) => add(mul(sum, x), float(c)), float(first));
};

const EXP_POLYNOMIAL = [1.98756915e-4, 1.39819995e-3, 8.33345191e-3, 4.16657959e-2, 1.66666655e-1, 5.00000012e-1];

/** e^x, x clamped to [-87, 88]; relative error below 0.68 * 2^-23. */
export const exp = (x: Expr): Expr => {
  const y = clamp(x, -87, 88);
  const k = apply("FRNE", mul(y, float(Math.LOG2E)));
  const reduced = sub(sub(y, mul(k, float(0.693359375))), mul(k, float(-2.1219444e-4)));
  const r = clamp(reduced, -0.36, 0.36);
  const z = mul(r, r);
  const w = add(add(mul(horner(r, EXP_POLYNOMIAL), z), r), float(1));
  return mul(w, apply("POW2", apply("F2I", k)));
};

const LOG_POLYNOMIAL = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
];

/** ln x for x whose interval is positive: halved or doubled to [1, 2), then a polynomial about 1. */
export const log = (given: Expr): Expr => {
  if (!(given.interval.lo > 0))
    return refuse("C9", `a logarithm of ${given.interval.lo}..${given.interval.hi}; declare narrower inputs`);
  let x = apply("FMAX", given, float(2 ** -126));
  let k: Expr = float(0);
  const when = (condition: Expr, scaled: Expr, exponent: number): void => {
    x = apply("FSEL", condition, scaled, x);
    k = apply("FSEL", condition, add(k, float(exponent)), k);
  };
  for (const j of [64, 32, 16, 8, 4, 2, 1])
    if (given.interval.hi >= 2 ** j) when(apply("FLE", float(2 ** j), x), mul(x, float(2 ** -j)), j);
  for (const j of [64, 32, 16, 8, 4, 2, 1])
    if (given.interval.lo < 2 ** (1 - j)) {
      const below = apply("FMIN", x, float(2 ** (1 - j)));
      when(apply("FLT", x, float(2 ** (1 - j))), mul(below, float(2 ** j)), -j);
    }
  x = clamp(x, 1, 2);
  when(apply("FLT", float(Math.SQRT2), x), mul(x, float(0.5)), 1);
  const f = clamp(sub(x, float(1)), -0.3, 0.42);
  const z = mul(f, f);
  const tail = add(mul(mul(horner(f, LOG_POLYNOMIAL), f), z), mul(k, float(-2.1219444e-4)));
  return add(add(f, sub(tail, mul(z, float(0.5)))), mul(k, float(0.693359375)));
};

export const sigmoid = (x: Expr): Expr => apply("FDIV", float(1), add(float(1), exp(apply("FNEG", x))));
export const tanh = (x: Expr): Expr => sub(mul(float(2), sigmoid(mul(float(2), x))), float(1));

const ERF_POLYNOMIAL = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592];

/** Abramowitz and Stegun 7.1.26; absolute error below 6e-7. */
export const erf = (x: Expr): Expr => {
  const a = apply("FABS", x);
  const t = apply("FDIV", float(1), add(float(1), mul(float(0.3275911), a)));
  const tail = mul(mul(horner(t, ERF_POLYNOMIAL), t), exp(apply("FNEG", mul(a, a))));
  const y = sub(float(1), tail);
  return apply("FSEL", apply("FLT", x, float(0)), apply("FNEG", y), y);
};

/** (x / 2) * (1 + erf(x / sqrt 2)). */
export const gelu = (x: Expr): Expr => mul(mul(float(0.5), x), add(float(1), erf(mul(x, float(Math.SQRT1_2)))));

/** x * sigmoid(2 * sqrt(2 / pi) * (x + 0.044715 x^3)); beyond +-64 the cubic would only overflow. */
export const geluTanh = (x: Expr): Expr => {
  const y = clamp(x, -64, 64);
  const cubic = mul(float(0.044715), mul(mul(y, y), y));
  return mul(x, sigmoid(mul(float(1.59576912), add(y, cubic))));
};

/** ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|). */
export const softplus = (x: Expr): Expr => {
  const small = add(float(1), exp(apply("FNEG", apply("FABS", x))));
  return add(apply("FMAX", x, float(0)), log(clamp(small, 1, 2)));
};

/** e^x - 1 on negative x times alpha, x elsewhere. */
export const elu = (x: Expr, alpha: number): Expr => {
  const negative = apply("FMIN", x, float(0));
  const below = mul(float(alpha), sub(exp(negative), float(1)));
  return apply("FSEL", apply("FLT", x, float(0)), below, x);
};

/** x^(n / 2) by roots and squaring for a small known exponent; otherwise e^(y ln x), for positive x. */
export const pow = (x: Expr, y: Expr): Expr => {
  const n = y.kind === "scalar" ? Math.abs(y.value) : Number.NaN;
  if (y.kind !== "scalar" || !Number.isInteger(2 * n) || n > 64 || n === 0) return exp(mul(y, log(x)));
  let out: Expr | undefined = Number.isInteger(n) ? undefined : apply("FSQRT", apply("FMAX", x, float(0)));
  let square = x;
  for (let rest = Math.floor(n); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) out = out === undefined ? square : mul(out, square);
    if (rest > 1) square = mul(square, square);
  }
  return y.value < 0 ? apply("FDIV", float(1), out as Expr) : (out as Expr);
};

/** pi / 2 in three parts, the first two so short that multiples of them are exact. */
const PI_2 = [1.5703125, 4.837512969970703e-4, 7.54978995489188e-8] as const;
const SIN_POLYNOMIAL = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1];
const COS_POLYNOMIAL = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2];
const TRIG_RANGE = 2 ** 13;

/** sin(x + quarter * pi / 2) for |x| <= 8,192: reduced to a quarter turn, then two polynomials. */
export const sine = (x: Expr, quarter: number): Expr => {
  if (Math.max(-x.interval.lo, x.interval.hi) > TRIG_RANGE)
    return refuse("C9", `an angle in ${x.interval.lo}..${x.interval.hi}; declare |x| <= ${TRIG_RANGE}`);
  const k = apply("FRNE", mul(x, float(2 / Math.PI)));
  const reduced = PI_2.reduce<Expr>((rest, part) => sub(rest, mul(k, float(part))), x);
  const r = clamp(reduced, -0.8, 0.8);
  const z = mul(r, r);
  const sin = add(mul(mul(horner(z, SIN_POLYNOMIAL), z), r), r);
  const cos = add(sub(mul(mul(horner(z, COS_POLYNOMIAL), z), z), mul(z, float(0.5))), float(1));
  const turn = apply("ADD", apply("F2I", k), int(quarter + 4 * TRIG_RANGE));
  const quadrant = apply("SUB", turn, apply("MUL", apply("DIV", turn, int(4)), int(4)));
  const half = apply("DIV", quadrant, int(2));
  const odd = apply("SUB", quadrant, apply("MUL", half, int(2)));
  const magnitude = apply("FSEL", odd, cos, sin);
  return apply("FSEL", apply("LE", int(2), quadrant), apply("FNEG", magnitude), magnitude);
};
