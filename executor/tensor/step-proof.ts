import { type Bytes, concat, uintBE } from "../foundation/bytes.ts";
import { merklePath } from "../foundation/merkle.ts";
import { partHash, type TensorTree } from "./commitment.ts";
import { bytesOf, canonical, packTensor, unpackTensor } from "./elements.ts";
import { identityOf, openConstant, openOperator } from "./identity.ts";
import { type OpenableTree, openWords, wordsOfTensor } from "./multi-proof.ts";
import { countOf, type Interval, type Operator, type Program, type Source } from "./program.ts";
import { element, type Read } from "./reference.ts";

/**
 * The last step of a dispute: one element of one operator's output, and the evidence by which a contract computes it.
 * Twin of bridge/contracts/TensorStepVerifier.sol; what is read is recorded while the reference computes the element.
 */

/** A call of a model, as it lies in the machine that is about to make it. */
export type InferenceCall = {
  /** Preimages of the machine: its state, its rest and its registers. */
  readonly state: Bytes;
  readonly rest: Bytes;
  readonly registers: Bytes;
  /** The packed input: bytes `offset..` of the words of a memory. */
  readonly offset: number;
  readonly memory: OpenableTree;
};

/** What a proof is made from. */
export type Inference = {
  readonly program: Program;
  readonly call: InferenceCall;
  /** Tree of a constant, or of an earlier operator's output. */
  tensor(source: Source): TensorTree;
  /** Leaves of level 2: `operatorLeaf` of every operator before the disputed one, at least. */
  readonly operatorLeaves: readonly Bytes[];
};

export type StepProof = {
  readonly evidence: Bytes;
  /** The packed element. */
  readonly element: Bytes;
  /** Hash of the element as part of height 0: the leaf of level 3. */
  readonly post: Bytes;
};

const elementAt = (tree: TensorTree, { dtype }: { readonly dtype: Operator["dtype"] }, address: number): number =>
  unpackTensor(dtype, 1, tree.elements(0, address))[0] as number;

/** The place of leaf `index` among those left of leaf `position`: where the two part, `position` has a left subtree. */
const pathInLeft = (leaves: readonly Bytes[], position: number, index: number): Bytes[] => {
  const height = 31 - Math.clz32(position ^ index);
  const first = (index >>> height) * 2 ** height;
  return merklePath(leaves.slice(first, first + 2 ** height), index - first, height);
};

const openRoot = ({ program, tensor, operatorLeaves }: Inference, operator: number, source: Source): Bytes[] => {
  if (!source.constant) return [tensor(source).root, ...pathInLeft(operatorLeaves, operator, source.index)];
  const { record, dataRoot, path } = openConstant(program, source.index);
  return [record, dataRoot, ...path];
};

/** INPUT: the element's bytes, anywhere in the memory's words. */
const proveInput = ({ call }: Inference, operator: Operator & { readonly kind: "INPUT" }, position: number) => {
  const size = bytesOf(operator.dtype, 1);
  const from = call.offset + operator.offset + position * size;
  const first = Math.floor(from / 32);
  const words = Array.from({ length: Math.floor((from + size - 1) / 32) - first + 1 }, (_, i) => first + i);
  const bytes = concat(...words.map((index) => call.memory.word(index)));
  const value = unpackTensor(operator.dtype, 1, bytes.slice(from - 32 * first))[0] as number;
  return { value: element(operator, position, () => value), parts: openWords(call.memory, words) };
};

const intervalOf = ({ constants }: Program, { source }: Operator["operands"][number]): Interval =>
  (constants[source.index] as Program["constants"][number]).interval;

/** Other kinds: what the reference reads through each operand, in the operands' order. */
const proveReads = (inference: Inference, index: number, operator: Operator, position: number) => {
  const read = operator.operands.map(() => new Set<number>());
  const trees = operator.operands.map(({ source }) => inference.tensor(source));
  const record: Read = (j, address) => {
    const operand = operator.operands[j] as Operator["operands"][number];
    (read[j] as Set<number>).add(Math.floor(bytesOf(operand.dtype, address) / 32));
    const stored = elementAt(trees[j] as TensorTree, operand, address);
    return operand.source.constant ? canonical(stored, intervalOf(inference.program, operand)) : stored;
  };
  const value = element(operator, position, record);
  const parts = operator.operands.flatMap(({ source }, j) => {
    const words = read[j] as Set<number>;
    if (words.size === 0) return [];
    return [...openRoot(inference, index, source), ...openWords(wordsOfTensor(trees[j] as TensorTree), words)];
  });
  // The contract only counts what precedes the element of a rank.
  if (operator.kind === "TOPK") parts.push(uintBE(value, 4));
  return { value, parts };
};

const proveElement = (inference: Inference, index: number, operator: Operator, position: number) => {
  if (position >= countOf(operator)) return { value: 0, parts: [] };
  return operator.kind === "INPUT"
    ? proveInput(inference, operator, position)
    : proveReads(inference, index, operator, position);
};

/** Element `position` (which may lie beyond the output: the zero element) of operator `index`, which must be there. */
export const proveStep = (inference: Inference, index: number, position: number): StepProof => {
  const { program, call } = inference;
  const operator = program.operators[index] as Operator;
  const { record, path } = openOperator(program, index);
  const { value, parts } = proveElement(inference, index, operator, position);
  const packed = packTensor(operator.dtype, [value]);
  return {
    evidence: concat(
      call.state,
      call.rest,
      call.registers,
      identityOf(program).preimage,
      uintBE(record.length, 2),
      record,
      ...path,
      ...parts,
    ),
    element: packed,
    post: partHash(0, packed),
  };
};
