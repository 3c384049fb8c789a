import assert from "node:assert/strict";
import test from "node:test";
import pino from "pino";
import { warnOfForks } from "./fork-warnings.ts";

const FROM = 10_000_000n;

/** Lines of the log as L1's clock moves, each with its level and the seconds left. */
const linesAt = (times: readonly bigint[], forks = { osaka: 0n, later: FROM }) => {
  const lines: { readonly level: string; readonly left: unknown }[] = [];
  const write = (line: string): void => {
    const { level, seconds } = JSON.parse(line);
    lines.push({ level: pino.levels.labels[level] as string, left: seconds });
  };
  const listeners: (() => void)[] = [];
  let head: { readonly timestamp: bigint } | undefined;
  const logger = pino({ serializers: { seconds: Number } }, { write });
  warnOfForks(logger, forks, {
    get head() {
      return head;
    },
    onAdvance(listener) {
      listeners.push(listener);
      return () => undefined;
    },
  });
  for (const timestamp of times) {
    head = { timestamp };
    for (const listener of listeners) listener();
  }
  return lines;
};

test("a fork that the version lacks is told when L1's clock is known, and again as it comes near", () => {
  const left = (...seconds: readonly number[]) => seconds.map((one) => FROM - BigInt(one));
  assert.deepEqual(linesAt([]), []);
  assert.deepEqual(linesAt(left(9_000_000, 8_000_000, 2_592_000, 2_591_000, 90_000, 3_601, 3_600, 1, 0, -5)), [
    { level: "warn", left: 9_000_000 },
    { level: "warn", left: 2_592_000 },
    { level: "warn", left: 90_000 },
    { level: "warn", left: 3_601 },
    { level: "warn", left: 3_600 },
    { level: "error", left: 0 },
  ]);
  assert.deepEqual(linesAt(left(-7, -8)), [{ level: "error", left: -7 }]);
  assert.deepEqual(linesAt(left(5), { osaka: 0n } as never), []);
});
