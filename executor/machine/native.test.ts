import assert from "node:assert/strict";
import test from "node:test";
import { funded, openChain, sign, withoutModels } from "../chain/chain.fixture.ts";
import { aliasOf, createGenesis } from "../chain/genesis.ts";
import { type Bytes, concat, fromHex, type Hex, toHex, uintBE, utf8 } from "../foundation/bytes.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import { modelRecordOf } from "../models/create-runtime.ts";
import { chainStateAt } from "../protocol/chain-state.ts";
import { encodeDeposit } from "../protocol/envelope.ts";
import type { Admission } from "../protocol/model-call.ts";
import type { Content } from "../protocol/model-content.ts";
import { ADDRESS, DEVNET_PARAMETERS } from "../protocol/parameters.ts";
import { createAssembly, type OperatorSpec } from "../tensor/assembly.ts";
import { instruction, map } from "../tensor/builders.ts";
import { programId } from "../tensor/identity.ts";
import { run } from "../tensor/reference.ts";
import { createAnswering, supplyTo } from "./answers.ts";
import type { DelayedMessage } from "./context.ts";
import { afterInference, pendingInference } from "./inference-call.ts";
import { compareUnits, deriveBatches, walkUnits } from "./machine.fixture.ts";
import { PHASE } from "./state/state.ts";

/** y = 3 x over 8 elements of 0..100. */
const program = (() => {
  const assembly = createAssembly();
  const x = assembly.input({ dtype: "i32", output: [8], interval: { lo: 0, hi: 100 } });
  const body = [instruction("MUL", { operand: 0 }, { int: 3 })];
  const spec = map("i32", [8], [{ tensor: { ref: x }, stride: [1] }], body) as unknown as OperatorSpec;
  return assembly.finish({ outputs: [assembly.operator(spec)], meta: utf8("what it is") });
})();
const id = programId(program);
const CONTENT: Content = { root: keccak256(utf8("an artifact")), length: 1001, chunks: 1 };
/** Nobody can pay for it. */
const HUGE: Content = { root: keccak256(utf8("a large artifact")), length: 64_000_000, chunks: 640 };
const L1_REGISTRY: Hex = "0x00000000000000000000000000000000000011aa";

const models = {
  ...withoutModels,
  run: async (_: Hex, input: Bytes) => run(program, input).output,
  program: async () => program,
  async admit(asked: Hex): Promise<Admission> {
    return asked === id
      ? { admitted: true, record: modelRecordOf(program), meta: program.meta }
      : { admitted: false, constraint: "ID", message: "another program" };
  },
};

const word = (bytes: Bytes) => concat(uintBE(bytes.length, 32), bytes, new Uint8Array((32 - (bytes.length % 32)) % 32));
/** `register(bytes32,bytes32,string)` in a deposit from the registry on L1. */
const registration = (n: number, asked: Hex, content: Content, from = aliasOf(L1_REGISTRY)): DelayedMessage => {
  const selector = keccakOf(utf8("register(bytes32,bytes32,uint32,uint32,string)")).subarray(0, 4);
  const told = [content.root, uintBE(content.length, 32), uintBE(content.chunks, 32)];
  const data = concat(selector, fromHex(asked), ...told, uintBE(160, 32), word(utf8(`model@1.${n}`)));
  const fields = { from, to: ADDRESS.modelRegistry, mint: 0n, value: 0n, gas: 2_000_000n, data };
  return {
    kind: "deposit",
    gas: 2_000_000n,
    envelope: encodeDeposit({ sourceHash: toHex(uintBE(n, 32)), ...fields }),
  };
};

/** Passes its data on to INFER with 100,000 gas, and logs what comes back. */
const LOGGER: Hex = "0x00000000000000000000000000000000000010ca";
const LOGGER_CODE: Hex = `0x365f5f375f5f365f5f73${ADDRESS.infer.slice(2)}620186a0f1503d5f5f3e3d5fa000`;

/** A chain with a model, a call of it, and a block of what else is sent. */
const derive = async (envelopes: readonly Bytes[] = []) => {
  const alloc = { ...funded(1), [LOGGER]: { nonce: 1n, code: LOGGER_CODE } };
  const genesis = createGenesis(DEVNET_PARAMETERS, alloc, { l1ModelRegistry: L1_REGISTRY });
  const chain = await openChain({ genesis, models });
  const messages = [
    registration(1, toHex(uintBE(5, 32)), CONTENT),
    registration(2, id, CONTENT, "0x00000000000000000000000000000000000000bb"),
    registration(3, id, HUGE),
    registration(4, id, CONTENT),
  ];
  const input = new Uint8Array(Int32Array.from([1, 2, 3, 4, 5, 6, 7, 100]).buffer);
  const call = await sign({ nonce: 0, to: ADDRESS.infer, data: toHex(concat(fromHex(id), input)) });
  const inbox = await deriveBatches(chain, [{ messages, blocks: [[call], envelopes] }]);
  const statuses = chain.receipts(1n)?.map(({ status }) => status);
  assert.deepEqual(statuses, [0, 0, 0, 1, 1]);
  return { chain, inbox };
};

test("ADMIT answers the registry alone, and the model that it admits is called", async () => {
  const { chain, inbox } = await derive();
  const judged: Hex[] = [];
  const admit = async (asked: Hex): Promise<Admission> => {
    judged.push(asked);
    return models.admit(asked);
  };
  await compareUnits(chain, inbox, "calldata", createAnswering({ ...models, admit }));
  assert.deepEqual(judged, [toHex(uintBE(5, 32)), id], "an artifact that the call cannot pay is not judged");
});

test("a refused inference has the engine's reason, gas and receipt", async () => {
  const model = fromHex(id);
  const refused: readonly (readonly [Bytes, string, number])[] = [
    [new Uint8Array(0), "MissingModelId(uint256)", 36],
    [model.subarray(1), "MissingModelId(uint256)", 36],
    [uintBE(7, 40), "UnknownModel(bytes32)", 36],
    [model, "WrongLength(uint256,uint256)", 68],
    [concat(model, new Uint8Array(33)), "WrongLength(uint256,uint256)", 68],
  ];
  const envelopes = await Promise.all(
    refused.flatMap(([data], i) => [
      sign({ nonce: 2 * i + 1, to: LOGGER, data: toHex(data) }),
      sign({ nonce: 2 * i + 2, to: ADDRESS.infer, data: toHex(data), value: 3n }),
    ]),
  );
  const { chain, inbox } = await derive(envelopes);
  const receipts = chain.receipts(2n) ?? [];
  for (const [i, [data, signature, length]] of refused.entries()) {
    const [told, direct] = receipts.slice(2 * i, 2 * i + 2);
    const { data: logged = "0x" } = told?.logs[0] ?? {};
    const selector = toHex(keccakOf(utf8(signature)).subarray(0, 4));
    assert.deepEqual([logged.slice(0, 10), logged.length], [selector, 2 + 2 * length]);
    assert.deepEqual([told?.status, direct?.status, direct?.logs.length], [1, 0, 0], `${data.length} bytes`);
  }
  assert.equal(receipts.length, 2 * refused.length);
  await compareUnits(chain, inbox, "calldata", createAnswering(models));
});

test("INFER's step is what level 2 ends with, and waits for its answer", async () => {
  const { chain, inbox } = await derive();
  const answer = createAnswering(models);
  const walk = walkUnits(chain, inbox, "calldata", chainStateAt(chain, 0n, { batch: 0n, cursor: 0, delayed: 0n }));
  let inferences = 0;
  for (let unit = 0; unit < 6; unit++) {
    const machine = walk.open();
    while (machine.ended === undefined) {
      const pending = pendingInference(machine);
      if (machine.need !== undefined) assert.throws(() => machine.step(), { code: "MACHINE_NEEDS_ANSWER" });
      await supplyTo(machine, answer);
      machine.step();
      if (pending === undefined) continue;
      inferences++;
      assert.equal(pending.id, id);
      const { output } = run(program, pending.input);
      assert.equal(toHex(machine.hash()), toHex(keccak256(afterInference(pending.call, output))));
      assert.equal(machine.state?.phase, PHASE.exit);
    }
    assert.throws(() => machine.step(), { code: "MACHINE_DONE" });
    walk.pass(machine);
  }
  assert.equal(inferences, 1);
});
