import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describeProgram, messageOf } from "../../executor/index.ts";
import { compare, importFor, readDataSets, readModel } from "./onnx-case.ts";
import type { Exclusion, Suite, SuiteOptions, SuiteResult } from "./suite.ts";

/**
 * Whole models with inputs and expected outputs. A quantised one that is imported runs bit for bit the same on the
 * reference and on the fast engine; its distance from the expected output is printed.
 */

/** Reads up to which the reference runs too: all of a small network, minutes of a large one. */
const REFERENCE_READS = 20_000_000;
/** What a quantised model's float output may differ by: a few of its quantisation steps, which the models choose. */
const TOLERANCE = { absolute: 0.5, relative: 0.05 };

const run = async (directory: string, { filter }: SuiteOptions): Promise<SuiteResult> => {
  const failures: Exclusion[] = [];
  const exclusions: Exclusion[] = [];
  const notes: string[] = [];
  let passed = 0;
  for (const name of readdirSync(directory).sort()) {
    if (!name.includes(filter ?? "")) continue;
    try {
      const path = join(directory, name);
      const model = readModel(path);
      const sets = readDataSets(path);
      const outcome = importFor(model, sets);
      if (outcome.kind === "refused") {
        const constraints = [...new Set(outcome.refusals.map(({ constraint }) => constraint))].sort();
        const [first] = outcome.refusals;
        const reason = `${outcome.refusals.length} reasons (${constraints.join(", ")}), first: ${first?.operator}: ${first?.reason}`;
        exclusions.push({ name, reason });
        continue;
      }
      const { multiplyAdds, gas, operators } = describeProgram(outcome.imported.program);
      const comparison = await compare(model, outcome, sets, TOLERANCE, REFERENCE_READS);
      const total = Object.values(operators).reduce((a, b) => a + b, 0);
      const how = comparison.exact
        ? "equal to the expected output"
        : `at most ${comparison.worst} from the expected output`;
      const checked = comparison.referenced ? "fast = reference" : "fast only";
      notes.push(
        `${name}: ${total} operators, ${multiplyAdds} multiply-adds, ${gas} gas; ${sets.length} inputs, ${checked}, ${how}`,
      );
      if (comparison.fault !== "" || !comparison.within)
        failures.push({ name, reason: comparison.fault || `off by ${comparison.worst}` });
      else passed++;
    } catch (error) {
      failures.push({ name, reason: `threw ${messageOf(error)}` });
    }
  }
  return { passed, failures, exclusions, notes };
};

export const modelsSuite: Suite = { name: "models", folder: "models", run };
