import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { DEVNET_PARAMETERS, importOnnx, programId, readProgram } from "../../executor/index.ts";
import { sampleModelFile, writeRollup } from "../../infra/index.ts";
import { startAnvil } from "../support/anvil.ts";
import { runAssay } from "../support/devnet.ts";
import { HUGE_MULTIPLY_ADDS, hugeModel } from "../support/huge-model.ts";

const directory = mkdtempSync(join(tmpdir(), "assay-cli-"));
after(() => rmSync(directory, { recursive: true, force: true }));
const here = (name: string) => join(directory, name);
const model = (name: string) => fileURLToPath(new URL(`../models/${name}`, import.meta.url));

const run = async (args: readonly string[], environment: Readonly<Record<string, string>> = {}) => {
  const { ended, stdout, stderr } = runAssay(args, environment);
  const code = await ended;
  return { code, out: stdout(), err: stderr() };
};

test("inspect tells schema, operators, size, multiply-adds, gas and id of both quantised forms", async () => {
  for (const name of ["digits.qdq.onnx", "digits.qop.onnx"]) {
    const id = programId(importOnnx(readFileSync(model(name))).program);
    const { code, out } = await run(["model", "inspect", model(name)]);
    assert.equal(code, 0);
    for (const fact of ["image", "[1, 1, 8, 8]", "probabilities", "[1, 10]", "Softmax 1", "95,360", "gas", id])
      assert.ok(out.includes(fact), `${fact} in ${out}`);
  }
  const { out } = await run(["model", "inspect", "--json", model("digits.qdq.onnx")]);
  const facts = JSON.parse(out);
  assert.equal(facts.multiplyAdds, 95_360);
  assert.equal(facts.operators.CONTRACT, 4);
  assert.deepEqual(facts.inputs[0].shape, [1, 1, 8, 8]);
  assert.ok(facts.gas > 5_000 && facts.artifactBytes > 10_000);
});

test("a model that has no exact lowering is refused with node, operator, constraint and reason", async () => {
  const { code, out } = await run(["model", "inspect", model("digits.onnx")]);
  assert.equal(code, 1);
  assert.match(out, /^ {2}\[O7\] Conv conv1: /m);
  const { code: alsoRefused, out: json } = await run(["model", "compile", "--json", model("digits.onnx")]);
  assert.equal(alsoRefused, 1);
  const { refusals } = JSON.parse(json);
  assert.equal(refusals[0].constraint, "O7");
  assert.equal(refusals[0].operator, "Conv");
});

test("a model that no transaction can call is refused by inspect, which tells its facts, and by compile", async () => {
  writeFileSync(here("huge.onnx"), hugeModel());
  const why =
    /^assay: MODEL_UNCALLABLE: a call of the model takes at least \d+ gas, the transaction gas cap is 16777216\n$/;
  const inspected = await run(["model", "inspect", "--json", here("huge.onnx")]);
  assert.deepEqual([inspected.code, JSON.parse(inspected.out).multiplyAdds], [1, HUGE_MULTIPLY_ADDS]);
  assert.match(inspected.err, why);
  const compiled = await run(["model", "compile", here("huge.onnx"), "--out", here("huge.assay")]);
  assert.deepEqual([compiled.code, compiled.out, existsSync(here("huge.assay"))], [1, "", false]);
  assert.match(compiled.err, why);
});

test("compile writes the artifact of the printed id", async () => {
  const out = here("digits.assay");
  const { code, out: printed } = await run(["model", "compile", fileURLToPath(sampleModelFile()), "--out", out]);
  assert.equal(code, 0);
  const program = readProgram(new Uint8Array(readFileSync(out)));
  assert.ok(printed.includes(programId(program)));
});

test("bytes that are no model, a file that is absent: a code on standard error, exit 1", async () => {
  writeFileSync(here("broken.onnx"), Buffer.from([0x0f, 0xff, 0xff]));
  const cases = [
    [here("broken.onnx"), /ONNX_MALFORMED/],
    [here("absent.onnx"), /MODEL_FILE/],
  ] as const;
  for (const [file, expected] of cases) {
    const { code, out, err } = await run(["model", "inspect", file]);
    assert.equal(code, 1);
    assert.equal(out, "");
    assert.match(err, expected);
  }
});

test("wrong usage is exit 2: unknown command and flag, missing and bad settings", async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["dance"], /unknown command/],
    [["devnet", "--loud"], /unknown option/],
    [["devnet", "--l1-port", "x"], /CONFIG_INVALID/],
    [["executor"], /CONFIG_MISSING.*--l1-rpc/],
    [["model", "inspect"], /missing required argument/],
    [["status", "0x12"], /CONFIG_INVALID.*transaction/],
  ];
  for (const [args, expected] of cases) {
    const { code, err } = await run(args);
    assert.equal(code, 2, args.join(" "));
    assert.match(err, expected);
  }
});

test("help and version are exit 0, of a command and of a group's", async () => {
  for (const [args, expected] of [
    [["executor", "--help"], /--l1-rpc <url>.*ASSAY_L1_RPC/s],
    [["model", "publish", "--help"], /--rollup <\w+>.*ASSAY_ROLLUP/s],
  ] as const) {
    const { code, out } = await run(args);
    assert.equal(code, 0);
    assert.match(out, expected);
  }
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  assert.equal((await run(["--version"])).out, `${version}\n`);
});

test("a node without L1, with a bad rollup file: a code, exit 1", async () => {
  const zero = `0x${"00".repeat(20)}` as const;
  writeRollup(here("rollup.json"), {
    version: 1,
    l1: {
      chainId: 1,
      startBlock: 0n,
      contracts: {
        batchInbox: zero,
        portal: zero,
        modelRegistry: zero,
        claimRegistry: zero,
        claimGames: zero,
        l1CrossDomainMessenger: zero,
        l1StandardBridge: zero,
        stepVerifier: zero,
        tensorStepVerifier: zero,
        admissionVerifier: zero,
        leafRules: zero,
        systemConfig: zero,
      },
    },
    chain: DEVNET_PARAMETERS,
    genesis: { accounts: [] },
  });
  writeFileSync(here("bad.json"), `{"version": 2}`);
  // Port 9 of loopback, "discard": nobody listens.
  const settings = ["--l1-rpc", "http://127.0.0.1:9", "--data-dir", here("data"), "--rpc-port", "0"];
  const unreachable = await run(["executor", ...settings, "--metrics-port", "0", "--rollup", here("rollup.json")]);
  assert.equal(unreachable.code, 1);
  assert.match(unreachable.err, /NODE_L1_UNREACHABLE/);
  const publish = ["model", "publish", model("digits.qop.onnx"), "--rollup", here("rollup.json")];
  const key = { ASSAY_PRIVATE_KEY: `0x${"11".repeat(32)}` };
  const unpublished = await run([...publish, "--l1-rpc", "http://127.0.0.1:9"], key);
  assert.equal(unpublished.code, 1);
  assert.match(unpublished.err, /^assay: NODE_L1_UNREACHABLE: .*\n$/);
  const bad = await run(["executor", ...settings, "--rollup", here("bad.json")]);
  assert.equal(bad.code, 1);
  assert.match(bad.err, /ROLLUP_FILE/);
});

test("audit tells equal, different and silent nodes apart by its exit code", async (t) => {
  const [one, other] = await Promise.all([startAnvil(t, "--timestamp", "1000"), startAnvil(t, "--timestamp", "2000")]);
  const audit = (against: string) => run(["audit", "--rpc", one.url, "--against", against]);
  const [equal, different, silent] = await Promise.all([one.url, other.url, "http://127.0.0.1:9"].map(audit));
  assert.equal(equal?.code, 0);
  assert.match(equal?.out ?? "", /agree on every block up to 0/);
  assert.equal(different?.code, 3);
  assert.match(different?.out ?? "", /block 0 is the first that differs: its timestamp/);
  assert.equal(silent?.code, 1);
  assert.match(silent?.err ?? "", /^assay: AUDIT_UNREACHABLE: .*\n$/);
});
