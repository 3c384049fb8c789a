import { arch, cpus } from "node:os";
import { type Bytes, type Hex, toHex } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { createEngine } from "./engine.ts";
import { type SelftestCase, selftestCases } from "./selftest-vectors.ts";

/**
 * Whether this processor computes what the definition says. An executor that answers differently forks the chain and
 * loses its bond, so it does not start.
 */

export type ProcessorErrorCode =
  /**
   * A kernel's answer on this processor differs from the definition, so no node runs here. Use another machine, and
   * report it.
   */
  "PROCESSOR_INEXACT";

export type ProcessorCheck = { readonly processor: string; readonly kernels: number; readonly milliseconds: number };

/** All outputs of all cases, as the reference computes them (selftest.test.ts). */
export const SELFTEST_DIGEST: Hex = "0x44eb0b281d6aac7a5bd52144e4757afce67d177f54499f71872f46d8e4c69dd7";

export const processorName = (): string => `${cpus()[0]?.model.trim() ?? "unknown"} (${arch()})`;

const inexact = (kernel: string, data: Readonly<Record<string, unknown>>): CodedError<ProcessorErrorCode> =>
  new CodedError(
    "PROCESSOR_INEXACT",
    `${kernel} gives another result on ${processorName()} than the definition: this machine cannot execute models`,
    { kernel, processor: processorName(), ...data },
  );

const firstDifference = (a: Bytes, b: Bytes): number => a.findIndex((byte, i) => byte !== b[i]);

/** Runs one case on vector kernels and on our own loops; the common answer. */
export const runCase = async ({ kernel, program, input }: SelftestCase): Promise<Bytes> => {
  const vector = await createEngine(program, { prefer: "onnxruntime" });
  const loops = await createEngine(program, { prefer: "kernels" });
  try {
    const [fast, exact] = await Promise.all([vector.run(input), loops.run(input)]);
    if (fast === undefined || exact === undefined) throw inexact(kernel, { refused: true });
    const offset = firstDifference(fast, exact);
    if (offset >= 0) throw inexact(kernel, { offset, expected: exact[offset], found: fast[offset] });
    return exact;
  } finally {
    await vector.stop();
    await loops.stop();
  }
};

/** PROCESSOR_INEXACT when a case differs between kernels and loops, or all answers together from `expected`. */
export const checkCases = async (cases: readonly SelftestCase[], expected: Hex): Promise<ProcessorCheck> => {
  const started = performance.now();
  const outputs: Bytes[] = [];
  for (const one of cases) outputs.push(await runCase(one));
  const found = toHex(keccakOf(...outputs));
  if (found !== expected) throw inexact("scalar arithmetic", { expected, found });
  return {
    processor: processorName(),
    kernels: new Set(cases.map(({ kernel }) => kernel)).size,
    milliseconds: Math.round(performance.now() - started),
  };
};

let checked: Promise<ProcessorCheck> | undefined;
/** The check of this processor, made once a process. */
export const checkProcessor = (): Promise<ProcessorCheck> => {
  checked ??= checkCases(selftestCases(), SELFTEST_DIGEST);
  return checked;
};
