import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { DisputeView, Hex } from "../../executor/index.ts";
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

type Answer = { readonly result: unknown } | { readonly error: object };

/** A node that answers so, and the configuration that asks it. */
const asking = async (t: TestContext, answer: Answer, json = false) => {
  const server = createServer((_, response) => response.end(JSON.stringify({ jsonrpc: "2.0", id: 1, ...answer })));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { json, nodeRpc: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } as never;
};

/** What a command prints. Bytes on standard output are the test runner's own. */
const printed = async (t: TestContext, command: () => Promise<number>): Promise<string> => {
  const write = process.stdout.write.bind(process.stdout);
  let text = "";
  const written = t.mock.method(process.stdout, "write", (chunk: string | Uint8Array) => {
    if (typeof chunk !== "string") return write(chunk);
    text += chunk;
    return true;
  });
  try {
    assert.equal(await command(), 0);
    return text;
  } finally {
    written.mock.restore();
  }
};

test("list: a line for each dispute, with its clock and what is missing", async (t) => {
  const config = await asking(t, { result: [playing, blocked] });
  const [, first = "", second = ""] = (await printed(t, () => listDisputesCommand(config))).split("\n");
  for (const cell of [playing.parent, "playing", " 2 ", "7 of 240", " 1"]) assert.ok(first.includes(cell), cell);
  for (const cell of [blocked.parent, "blocked", "0 of 240", blocked.lack as string])
    assert.ok(second.includes(cell), cell);
  const none = await asking(t, { result: [] });
  assert.equal((await printed(t, () => listDisputesCommand(none))).trim().split("\n").length, 1);
});

test("show: the claims with their clocks, the moves with their places", async (t) => {
  const config = await asking(t, { result: playing });
  const text = await printed(t, () => showDisputeCommand(config, playing.parent));
  for (const cell of ["3 of 240", "7 of 240", id("02"), id("03"), id("04"), "execution, leaf 16, height 4"])
    assert.ok(text.includes(cell), cell);
});

test("explain: why each move is made, why one is not sent, and what is missing", async (t) => {
  const config = await asking(t, { result: playing });
  const text = await printed(t, () => explainDisputeCommand(config, playing.parent));
  for (const cell of [open.says, open.because, "inference, leaf 9, height 0", "NoVerifier"])
    assert.ok(text.includes(cell), cell);
  const lacking = await asking(t, { result: blocked });
  const lack = await printed(t, () => explainDisputeCommand(lacking, blocked.parent));
  assert.ok(lack.includes(blocked.lack as string));
});

test("as JSON the answers are the node's own", async (t) => {
  const all = await asking(t, { result: [playing, blocked] }, true);
  assert.deepEqual(JSON.parse(await printed(t, () => listDisputesCommand(all))), [playing, blocked]);
  const one = await asking(t, { result: playing }, true);
  assert.deepEqual(JSON.parse(await printed(t, () => showDisputeCommand(one, playing.parent))), playing);
  const { state, lack, moves, refusals } = playing;
  assert.deepEqual(JSON.parse(await printed(t, () => explainDisputeCommand(one, playing.parent))), {
    state,
    lack,
    moves,
    refusals,
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
