import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Bytes,
  concat,
  countOf,
  DTYPES,
  elementHeight,
  fromHex,
  identityOf,
  KINDS,
  keccakOf,
  type Operator,
  openConstant,
  openOperator,
  type Program,
  toHex,
  uintBE,
} from "../../executor/index.ts";
import { createRandom, randomProgram } from "../support/random-program.ts";
import { startHarness } from "../support/solidity.ts";

const harness = startHarness(
  "Harness",
  `
import {StateHash} from "bridge/contracts/libraries/Ids.sol";
import {Operator, ProgramShape, Program} from "bridge/contracts/libraries/Program.sol";
import {Inference, MachineState, Reference} from "bridge/contracts/libraries/MachineState.sol";
contract Harness {
    function outputsOf(bytes32 id, bytes memory identity, bytes memory outputs)
        external pure returns (ProgramShape memory shape, uint256[] memory) {
        shape = Program.open(id, identity);
        return (shape, Program.outputsOf(shape, outputs));
    }
    function operatorAt(bytes32 id, bytes memory identity, uint256 index, bytes memory record, bytes32[] memory path)
        external pure returns (Operator memory op, uint256 count, uint256 height) {
        op = Program.operatorAt(Program.open(id, identity), index, record, path);
        count = Program.countOf(op);
        height = Program.elementHeight(op.dtype, count);
    }
    function requireConstant(bytes32 id, bytes memory identity, uint256 index, bytes memory record, bytes32 dataRoot, bytes32[] memory path)
        external pure returns (bool) {
        Program.requireConstant(Program.open(id, identity), index, record, dataRoot, path);
        return true;
    }
    function inferenceOf(StateHash hash, bytes memory state, bytes memory rest, bytes memory registers)
        external pure returns (Inference memory) {
        return MachineState.inferenceOf(hash, state, rest, registers);
    }
    function afterInference(bytes memory state, bytes memory rest, Reference memory output)
        external pure returns (StateHash) {
        return MachineState.afterInference(state, rest, output);
    }
}`,
);

const call = async (name: string, ...args: readonly unknown[]): Promise<unknown> => {
  const answer = await (await harness).call<unknown>(name, args);
  return "error" in answer ? answer.error : answer.result;
};

const hexes = (path: readonly Bytes[]) => path.map(toHex);
const flipped = (bytes: Bytes, at: number): Bytes => bytes.with(at, (bytes[at] as number) ^ 1);

/** An operator as the contract shows it; numbers are bigints there. */
const shown = (operator: Operator) => ({
  kind: BigInt(KINDS.indexOf(operator.kind)),
  dtype: BigInt(DTYPES[operator.dtype].code),
  outputAxes: BigInt(operator.output.length),
  extents: [...operator.output, ...operator.reduction].map(BigInt),
  operands: operator.operands.map(({ source, dtype, count, base, stride, guards }) => ({
    isConstant: source.constant,
    index: BigInt(source.index),
    dtype: BigInt(DTYPES[dtype].code),
    count: BigInt(count),
    base: BigInt(base),
    stride: stride.map(BigInt),
    guards: guards.map(({ off, coef, limit }) => ({ off: BigInt(off), coef: coef.map(BigInt), limit: BigInt(limit) })),
  })),
});

const programs: readonly Program[] = Array.from({ length: 12 }, (_, seed) => randomProgram(createRandom(seed)));

test("every record of a program opens against its id and decodes to what was encoded", async () => {
  for (const program of programs) {
    const { id, preimage, outputs, dataRoots } = identityOf(program);
    const shape = [toHex(preimage), toHex(outputs)];
    const [head, listed] = (await call("outputsOf", id, ...shape)) as [Record<string, unknown>, bigint[]];
    assert.deepEqual(listed, program.outputs.map(BigInt));
    assert.equal(head["operators"], BigInt(program.operators.length));
    assert.equal(head["inputs"], BigInt(program.inputs));
    for (const [index, operator] of program.operators.entries()) {
      const { record, path } = openOperator(program, index);
      const found = await call("operatorAt", id, toHex(preimage), index, toHex(record), hexes(path));
      assert.ok(Array.isArray(found), String(found));
      const [{ body, ...decoded }, count, height] = found;
      assert.deepEqual(decoded, shown(operator));
      assert.deepEqual(fromHex(body), record.subarray(record.length - fromHex(body).length));
      assert.equal(count, BigInt(countOf(operator)));
      assert.equal(height, BigInt(elementHeight(operator.dtype, countOf(operator))));
    }
    for (const index of program.constants.keys()) {
      const { record, dataRoot, path } = openConstant(program, index);
      assert.deepEqual(dataRoot, dataRoots[index]);
      assert.equal(
        await call("requireConstant", id, toHex(preimage), index, toHex(record), toHex(dataRoot), hexes(path)),
        true,
      );
    }
  }
});

test("another record, place, path or identity is refused", async () => {
  const program = programs.find(({ operators, constants }) => operators.length > 4 && constants.length > 1) as Program;
  const { id, preimage, outputs } = identityOf(program);
  const { record, path } = openOperator(program, 2);
  const constant = openConstant(program, 1);
  const last = program.operators.length;
  const refused: readonly (readonly [string, ...unknown[]])[] = [
    ["outputsOf", id, toHex(flipped(preimage, 13)), toHex(outputs)],
    ["outputsOf", id, toHex(concat(preimage, Uint8Array.of(0))), toHex(outputs)],
    ["outputsOf", id, toHex(preimage), toHex(flipped(outputs, 3))],
    ["outputsOf", id, toHex(preimage), toHex(concat(outputs, new Uint8Array(8)))],
    ["operatorAt", id, toHex(preimage), 2, toHex(flipped(record, 9)), hexes(path)],
    ["operatorAt", id, toHex(preimage), 2, toHex(concat(record, Uint8Array.of(0))), hexes(path)],
    ["operatorAt", id, toHex(preimage), 1, toHex(record), hexes(path)],
    ["operatorAt", id, toHex(preimage), 2, toHex(record), hexes(path.slice(1))],
    ["operatorAt", id, toHex(preimage), last, toHex(record), hexes(path)],
    ["requireConstant", id, toHex(preimage), 0, toHex(constant.record), toHex(constant.dataRoot), hexes(constant.path)],
    [
      "requireConstant",
      id,
      toHex(preimage),
      1,
      toHex(constant.record),
      toHex(flipped(constant.dataRoot, 0)),
      hexes(constant.path),
    ],
  ];
  for (const [name, ...args] of refused) assert.equal(await call(name, ...args), "BadEvidence", name);
});

// --- the machine before a call of a model ----------------------------------------------------------------------------

const filler = (length: number, seed: number): Bytes =>
  concat(...Array.from({ length: Math.ceil(length / 32) }, (_, i) => keccakOf(uintBE(1000 * seed + i, 4)))).subarray(
    0,
    length,
  );
const reference = (seed: number): Bytes => concat(filler(32, seed), uintBE(7, 4), uintBE(41, 4), uintBE(160, 4));

/** Kinds of registers: of a call of a model, and of the output of a frame that is ending. */
const KIND = { infer: 11, output: 9 };

const registersOf = (kind: number, source: Bytes, length: number, model: Bytes): Bytes =>
  concat(
    Uint8Array.of(0x44, kind),
    source,
    new Uint8Array(8),
    uintBE(length, 4),
    new Uint8Array(20),
    model,
    new Uint8Array(232),
  );
const restOf = (registers: Bytes): Bytes => concat(Uint8Array.of(0x40), filler(268, 3), registers);
const stateOf = (phase: number, result: number, rest: Bytes): Bytes =>
  concat(Uint8Array.of(0x10, phase, result, 0), filler(92, 4), keccakOf(rest));

test("a call of a model is read from the preimages of the machine's hash, and nothing else passes for them", async () => {
  const model = filler(32, 5);
  const registers = registersOf(KIND.infer, reference(1), 96, model);
  const rest = restOf(keccakOf(registers));
  const state = stateOf(9, 0, rest);
  const hash = toHex(keccakOf(state));
  const parts = [state, rest, registers].map(toHex);
  assert.deepEqual(await call("inferenceOf", hash, ...parts), {
    modelId: toHex(model),
    input: { root: toHex(filler(32, 1)), words: 7, offset: 41, length: 160 },
    outputLength: 96,
  });
  const busy = stateOf(6, 0, rest);
  const refused: readonly (readonly Bytes[])[] = [
    [flipped(state, 20), rest, registers],
    [state, flipped(rest, 40), registers],
    [state, rest, flipped(registers, 80)],
    [state, rest, concat(registers, Uint8Array.of(0))],
    [rest, rest, registers],
  ];
  for (const bytes of refused) assert.equal(await call("inferenceOf", hash, ...bytes.map(toHex)), "BadEvidence");
  const [, ...others] = parts;
  assert.equal(await call("inferenceOf", toHex(keccakOf(busy)), toHex(busy), ...others), "BadEvidence");
});

test("after the call the machine leaves with the output in its registers", async () => {
  const rest = restOf(keccakOf(registersOf(KIND.infer, reference(1), 96, filler(32, 5))));
  const state = stateOf(9, 0, rest);
  const output = { root: toHex(filler(32, 1)), words: 7, offset: 41, length: 160 };
  const left = restOf(keccakOf(registersOf(KIND.output, reference(1), 0, new Uint8Array(32))));
  assert.equal(await call("afterInference", toHex(state), toHex(rest), output), toHex(keccakOf(stateOf(10, 1, left))));
  const nothing = { root: toHex(new Uint8Array(32)), words: 0, offset: 0, length: 0 };
  assert.equal(
    await call("afterInference", toHex(state), toHex(rest), nothing),
    toHex(keccakOf(stateOf(10, 1, restOf(new Uint8Array(32))))),
  );
});
