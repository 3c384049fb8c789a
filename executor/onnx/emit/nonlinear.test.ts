import assert from "node:assert/strict";
import test from "node:test";
import { type Expr, evaluateAt, float, leafOf, type Storage } from "./expression.ts";
import { erf, exp, gelu, geluTanh, log, pow, sigmoid, sine, softplus, tanh } from "./nonlinear.ts";

/** Errors of the straight-line functions against binary64, on a grid; the bounds are those that the documents state. */

const { fround } = Math;
const POINTS = 20_000;

const worst = (
  lo: number,
  hi: number,
  f: (x: Expr) => Expr,
  exact: (x: number) => number,
  error: (got: number, wanted: number) => number,
): number => {
  const data = Float32Array.from({ length: POINTS }, (_, i) => fround(lo + ((hi - lo) * (i + 0.37)) / POINTS));
  const storage: Storage = { id: 0, dtype: "f32", count: POINTS, interval: { lo: fround(lo), hi: fround(hi) } };
  const program = f(leafOf(storage, [1]));
  const known = (expr: Expr): Expr => {
    if (expr.kind === "scalar") return expr;
    if (expr.kind === "leaf") return { ...expr, storage: { ...expr.storage, constant: data } };
    return { ...expr, args: expr.args.map(shared) };
  };
  const done = new Map<Expr, Expr>();
  const shared = (expr: Expr): Expr => {
    const out = done.get(expr) ?? known(expr);
    done.set(expr, out);
    return out;
  };
  const over = shared(program);
  let most = 0;
  for (let i = 0; i < POINTS; i++) {
    const x = data[i] as number;
    const got = evaluateAt(over, [i]);
    assert.ok(got >= program.interval.lo && got <= program.interval.hi, `${got} outside its interval`);
    most = Math.max(most, error(got, exact(x)));
  }
  return most;
};

const absolute = (got: number, wanted: number): number => Math.abs(got - wanted);
const relative = (got: number, wanted: number): number => Math.abs(got - wanted) / Math.abs(wanted);

const erf64 = (x: number): number => {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  let sum = a;
  let term = a;
  for (let n = 1; n < 300; n++) {
    term *= (-a * a) / n;
    sum += term / (2 * n + 1);
  }
  if (a < 3) return (Math.sign(x) * sum * 2) / Math.sqrt(Math.PI);
  let fraction = 0;
  for (let k = 80; k > 0; k--) fraction = k / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
};
const sigmoid64 = (x: number): number => 1 / (1 + Math.exp(-x));

const BOUNDS: readonly [
  name: string,
  number,
  number,
  number,
  (x: Expr) => Expr,
  (x: number) => number,
  typeof absolute,
][] = [
  ["exp", -87, 88, 8.2e-8, exp, Math.exp, relative],
  ["log", 2 ** -120, 2 ** 120, 2e-7, log, Math.log, relative],
  ["log near 1", 0.5, 2, 1.2e-7, log, Math.log, absolute],
  ["sigmoid", -30, 30, 9e-8, sigmoid, sigmoid64, absolute],
  ["tanh", -10, 10, 1.9e-7, tanh, Math.tanh, absolute],
  ["erf", -8, 8, 6e-7, erf, erf64, absolute],
  ["gelu", -8, 8, 5.4e-7, gelu, (x) => (x / 2) * (1 + erf64(x * Math.SQRT1_2)), absolute],
  [
    "gelu by tanh",
    -8,
    8,
    9e-7,
    geluTanh,
    (x) => x * sigmoid64(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)),
    absolute,
  ],
  ["softplus", -30, 30, 1.2e-6, softplus, (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), absolute],
  ["sin", -20, 20, 2e-7, (x) => sine(x, 0), Math.sin, absolute],
  ["cos", -20, 20, 2e-7, (x) => sine(x, 1), Math.cos, absolute],
  ["cube", -100, 100, 1.3e-7, (x) => pow(x, float(3)), (x) => x ** 3, relative],
  ["x^2.5", 0.01, 100, 3e-7, (x) => pow(x, float(2.5)), (x) => x ** 2.5, relative],
  ["x^0.3", 0.01, 100, 5e-7, (x) => pow(x, float(0.3)), (x) => x ** 0.3, relative],
];

for (const [name, lo, hi, bound, f, exact, error] of BOUNDS)
  test(`${name} on ${lo}..${hi} is within ${bound}`, () => {
    const most = worst(lo, hi, f, exact, error);
    assert.ok(most <= bound, `${most}`);
  });

test("wide inputs keep finite intervals", () => {
  const x = leafOf({ id: 0, dtype: "f32", count: 1, interval: { lo: -1e6, hi: 1e6 } }, [0]);
  for (const f of [exp, sigmoid, tanh, erf, gelu, geluTanh, softplus]) {
    const { lo, hi } = f(x).interval;
    assert.ok(Number.isFinite(lo) && Number.isFinite(hi));
  }
});
