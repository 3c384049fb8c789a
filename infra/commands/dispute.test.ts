import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { ChallengerView, DisputedStep, DisputeView, Hex } from "../../executor/index.ts";
import { explainDisputeCommand, listDisputesCommand, showDisputeCommand } from "./dispute.ts";

const id = (byte: string): Hex => `0x${byte.repeat(32)}`;
const open = { call: "open", rule: "open", says: "an edge is opened", because: "it has a rival" };

const playing: DisputeView = {
  parent: id("01"),
  right: id("02"),
  rivals: [
    { id: id("03"), staker: `0x${"55".repeat(20)}`, status: "open", timer: 3 },
    { id: id("04"), staker: `0x${"66".repeat(20)}`, status: "open", timer: 7 },
  ],
  state: "playing",
  lack: null,
  moves: [{ ...open, level: 1, height: 4, position: 16 }],
  refusals: [{ ...open, call: "prove", level: 2, height: 0, position: 9, error: "NoVerifier" }],
  period: 240,
  l1Block: 77,
};
const blocked: DisputeView = {
  ...playing,
  parent: id("08"),
  right: null,
  rivals: [],
  state: "blocked",
  lack: "MODEL_MISSING: no artifact",
  moves: [],
  refusals: [],
};

const word = (byte: string): Hex => `0x${byte.padStart(64, "0")}`;
const machine = { kind: "machine", phase: "op", result: "none", pc: 17, depth: 1 } as const;
const step: DisputedStep = {
  unit: 2,
  step: 40,
  name: "sstore",
  before: { ...machine, gas: 30_000, words: 3, stack: [word("5"), word("ab"), word("77")] },
  after: { ...machine, pc: 18, gas: 7_900, words: 1, stack: [word("77")] },
  computed: id("0a"),
  claimed: [id("0b"), id("0c")],
  isProven: false,
};

const clean: ChallengerView = {
  l1Block: 77,
  account: `0x${"77".repeat(20)}`,
  claims: { right: 4, wrong: 0, unjudged: 0 },
  oldestUnjudgedSeconds: 0,
  doubtful: [],
  failures: [],
  heldBack: null,
  isRehearsal: false,
  plan: null,
  spending: { spent: "0", cap: null },
  l1Sources: 1,
};
const doubtful: ChallengerView = {
  ...clean,
  claims: { right: 4, wrong: 2, unjudged: 1 },
  oldestUnjudgedSeconds: 4_321,
  doubtful: [
    ...playing.rivals.map((rival) => ({
      ...rival,
      parent: playing.parent,
      l1Block: 7,
      verdict: "wrong" as const,
      lack: null,
    })),
    {
      id: id("09"),
      parent: id("08"),
      staker: `0x${"66".repeat(20)}`,
      l1Block: 9,
      verdict: "unjudged",
      lack: "STATE_PRUNED: x",
    },
  ],
  failures: [{ part: "walk", error: "STATE_PRUNED: x" }],
  heldBack: "CHALLENGER_SPEND_CAP: too much",
  isRehearsal: true,
};

type Answer = { readonly result: unknown } | { readonly error: object };

/** A node that answers so, by method or whatever it is asked, and the configuration that asks it. */
const asking = async (t: TestContext, answer: Answer | Readonly<Record<string, unknown>>, json = false) => {
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += String(part);
    const { method } = JSON.parse(text) as { method: string };
    const told = "result" in answer || "error" in answer ? answer : { result: answer[method] };
    response.end(JSON.stringify({ jsonrpc: "2.0", id: 1, ...told }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { json, nodeRpc: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } as never;
};

/** What a command prints. Bytes on standard output are the test runner's own. */
const printed = async (t: TestContext, command: () => Promise<number>, code = 0): Promise<string> => {
  const write = process.stdout.write.bind(process.stdout);
  let text = "";
  const written = t.mock.method(process.stdout, "write", (chunk: string | Uint8Array) => {
    if (typeof chunk !== "string") return write(chunk);
    text += chunk;
    return true;
  });
  try {
    assert.equal(await command(), code);
    return text;
  } finally {
    written.mock.restore();
  }
};

test("list: a line for every claim that is not judged right, and exit code 3", async (t) => {
  const disputes = [playing, blocked];
  const config = await asking(t, { rollup_disputes: disputes, rollup_challenger: doubtful });
  const lines = (await printed(t, () => listDisputesCommand(config), 3)).split("\n");
  const lineOf = (id: string) => lines.find((line) => line.startsWith(id)) ?? "";
  for (const [claim, cells] of [
    [id("03"), [playing.parent, "wrong", "playing", "3 of 240"]],
    [id("04"), [playing.parent, "wrong", "playing", "7 of 240"]],
    [id("09"), [blocked.parent, "unjudged", "blocked", blocked.lack as string]],
  ] as const)
    for (const cell of cells) assert.ok(lineOf(claim).includes(cell), `${claim} ${cell}`);
  const text = lines.join("\n");
  for (const told of [
    "4 are right, 2 wrong, 1 unjudged",
    "4321 s",
    "walk: STATE_PRUNED",
    "CHALLENGER_SPEND_CAP",
    "rehearsal",
  ])
    assert.ok(text.includes(told), told);
});

test("list: nothing but right claims is exit code 0; beaten ones are shown, what nobody looked at is doubtful", async (t) => {
  const none = await asking(t, { rollup_disputes: [], rollup_challenger: clean });
  assert.equal((await printed(t, () => listDisputesCommand(none))).trim().split("\n").length, 1);
  const settled: DisputeView = { ...playing, state: "settled", moves: [], refusals: [] };
  const beaten = await asking(t, { rollup_disputes: [settled], rollup_challenger: clean });
  assert.match(await printed(t, () => listDisputesCommand(beaten)), /beaten/);
  const blind = await asking(t, { rollup_disputes: [], rollup_challenger: null });
  await printed(t, () => listDisputesCommand(blind), 3);
  const failures = [{ part: "claims", error: "CLAIMS_L1_CHANGED: x" }];
  const deaf = await asking(t, { rollup_disputes: [], rollup_challenger: { ...clean, failures } });
  await printed(t, () => listDisputesCommand(deaf), 3);
});

test("show: the claims with their clocks, the moves with their places", async (t) => {
  const config = await asking(t, { result: playing });
  const text = await printed(t, () => showDisputeCommand(config, playing.parent));
  for (const cell of ["3 of 240", "7 of 240", id("02"), id("03"), id("04"), "execution, leaf 16, height 4"])
    assert.ok(text.includes(cell), cell);
});

test("explain: why each move is made, why one is not sent, and what is missing", async (t) => {
  const config = await asking(t, { rollup_dispute: playing, rollup_disputedSteps: [] });
  const text = await printed(t, () => explainDisputeCommand(config, playing.parent));
  for (const cell of [open.says, open.because, "inference, leaf 9, height 0", "NoVerifier"])
    assert.ok(text.includes(cell), cell);
  const lacking = await asking(t, { rollup_dispute: blocked, rollup_disputedSteps: null });
  const lack = await printed(t, () => explainDisputeCommand(lacking, blocked.parent));
  assert.ok(lack.includes(blocked.lack as string));
});

test("explain: the step on which claims part, before and after it, and what each claims", async (t) => {
  const config = await asking(t, { rollup_dispute: playing, rollup_disputedSteps: [step] });
  const text = await printed(t, () => explainDisputeCommand(config, playing.parent));
  assert.ok(text.includes("unit 2, step 40: sstore\n"));
  for (const row of [
    ["pc", "17", "18"],
    ["gas", "30000", "7900"],
    ["stack[0]", "0x5", "0x77"],
    ["stack[2]", "0x77"],
  ])
    assert.ok(
      text.split("\n").some((line) => line.split(/ {3,}/).join() === row.join()),
      row.join(),
    );
  for (const hash of [step.computed, ...step.claimed]) assert.ok(text.includes(hash));
  const padding = { ...step, name: "padding", before: null, after: null, isProven: true };
  const other = await asking(t, { rollup_dispute: playing, rollup_disputedSteps: [padding] });
  assert.match(
    await printed(t, () => explainDisputeCommand(other, playing.parent)),
    /step 40: padding, proven\nthe state/,
  );
});

test("as JSON the answers are the node's own", async (t) => {
  const disputes = [playing, blocked];
  const all = await asking(t, { rollup_disputes: disputes, rollup_challenger: doubtful }, true);
  assert.deepEqual(JSON.parse(await printed(t, () => listDisputesCommand(all), 3)), { challenger: doubtful, disputes });
  const one = await asking(t, { rollup_dispute: playing, rollup_disputedSteps: [step] }, true);
  assert.deepEqual(JSON.parse(await printed(t, () => showDisputeCommand(one, playing.parent))), playing);
  const { state, lack, moves, refusals } = playing;
  assert.deepEqual(JSON.parse(await printed(t, () => explainDisputeCommand(one, playing.parent))), {
    state,
    lack,
    moves,
    refusals,
    steps: [step],
  });
});

test("a claim without a dispute, and a node that is no challenger", async (t) => {
  const nothing = await asking(t, { result: null });
  for (const command of [showDisputeCommand, explainDisputeCommand])
    await assert.rejects(command(nothing, id("09")), { code: "DISPUTE_UNKNOWN" });
  const error = { code: -32000, message: "this node is no challenger", data: { code: "DISPUTES_UNKNOWN" } };
  const other = await asking(t, { error });
  await assert.rejects(listDisputesCommand(other), { code: "DISPUTES_UNKNOWN" });
});
