import { parseArgs } from "node:util";
import { machineSuite } from "./machine.ts";
import { modelsSuite } from "./models.ts";
import { onnxSuite } from "./onnx.ts";
import { precompilesSuite } from "./precompiles.ts";
import { rlpSuite } from "./rlp.ts";
import { rpcSuite } from "./rpc.ts";
import { stateSuite } from "./state.ts";
import { corpus, type Suite } from "./suite.ts";

/** Every corpus, in the order in which they run. */
const SUITES: readonly Suite[] = [
  onnxSuite,
  modelsSuite,
  rpcSuite,
  rlpSuite,
  precompilesSuite,
  stateSuite,
  machineSuite,
];

const { positionals, values } = parseArgs({ allowPositionals: true, options: { filter: { type: "string" } } });

const chosen = positionals.length === 0 ? SUITES : SUITES.filter(({ name }) => positionals.includes(name));
const unknown = positionals.filter((name) => !SUITES.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(`no suite ${unknown.join(", ")}; there are: ${SUITES.map(({ name }) => name).join(", ")}`);
  process.exitCode = 2;
}

for (const suite of unknown.length > 0 ? [] : chosen) {
  const directory = corpus(suite.folder);
  if (directory === undefined) {
    console.log(`${suite.name}: SKIPPED, no ${suite.folder} in the corpora (set CORPORA)`);
    continue;
  }
  const started = performance.now();
  const result = await suite.run(directory, values.filter === undefined ? {} : { filter: values.filter });
  for (const { name, reason } of result.exclusions) console.log(`${suite.name}: excluded ${name}: ${reason}`);
  for (const { name, reason } of result.failures) console.log(`${suite.name}: FAILED ${name}: ${reason}`);
  for (const note of result.notes) console.log(`${suite.name}: ${note}`);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const { passed, failures, exclusions } = result;
  console.log(
    `${suite.name}: ${passed} passed, ${failures.length} failed, ${exclusions.length} excluded in ${seconds} s`,
  );
  if (failures.length > 0) process.exitCode = 1;
}
