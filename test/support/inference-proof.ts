import {
  type Bytes,
  ceilLog2,
  concat,
  createTensorTree,
  fromHex,
  type Inference,
  type InferenceCall,
  identityOf,
  keccakOf,
  merkleRoot,
  type OpenableTree,
  type Operator,
  operatorLeaf,
  outputBytesOf,
  type Program,
  packTensor,
  proveStep,
  runReference,
  type Source,
  type StepProof,
  type TensorTree,
  toHex,
  uintBE,
  ZERO_32,
} from "../../executor/index.ts";

/** A call of a model, from the machine that makes it to the proof of one element. */

/** The tree over raw words: inner nodes are untagged, what is missing is zero words. */
export const memoryTree = (bytes: Bytes): OpenableTree & { readonly words: number; readonly root: Bytes } => {
  const words = Math.ceil(bytes.length / 32);
  const height = ceilLog2(words);
  const padded = concat(bytes, new Uint8Array(32 * 2 ** height - bytes.length));
  let level: Bytes[] = Array.from({ length: 2 ** height }, (_, i) => padded.slice(32 * i, 32 * i + 32));
  const levels = [level];
  for (let h = 0; h < height; h++) {
    const below = level;
    level = Array.from({ length: below.length / 2 }, (_, i) =>
      keccakOf(below[2 * i] as Bytes, below[2 * i + 1] as Bytes),
    );
    levels.push(level);
  }
  const node = (h: number, index: number): Bytes => levels[h]?.[index] as Bytes;
  return { words, height, root: node(height, 0), word: (index) => node(0, index), node };
};

const filler = (length: number): Bytes => Uint8Array.from({ length }, (_, i) => (i * 151 + 77) & 0xff);

/** The machine that is about to call `program` with `input`, which begins at byte `offset` of the memory's words. */
export const machineBefore = (program: Program, input: Bytes, offset: number): InferenceCall => {
  const memory = memoryTree(concat(filler(offset), input, filler(45)));
  const source = concat(memory.root, uintBE(memory.words, 4), uintBE(offset, 4), uintBE(input.length, 4));
  const registers = concat(
    Uint8Array.of(0x44, 11),
    source,
    new Uint8Array(8),
    uintBE(outputBytesOf(program), 4),
    new Uint8Array(20),
    fromHex(identityOf(program).id),
    new Uint8Array(232),
  );
  const rest = concat(Uint8Array.of(0x40), filler(268), keccakOf(registers));
  const state = concat(Uint8Array.of(0x10, 9, 0, 0), filler(92), keccakOf(rest));
  return { state, rest, registers, offset, memory };
};

/** Roots of the complete subtrees left of leaf `position`, the highest first. */
export const leftsOf = (leaves: readonly Bytes[], position: number): Bytes[] => {
  const lefts: Bytes[] = [];
  for (let height = 31; height >= 0; height--)
    if ((position >>> height) & 1) {
      const first = (position >>> (height + 1)) * 2 ** (height + 1);
      lefts.push(merkleRoot(leaves.slice(first, first + 2 ** height), height));
    }
  return lefts;
};

/** One element and what is said of it: arguments of `elementOf`. */
export type Claim = StepProof & {
  readonly k: number;
  readonly position: number;
  readonly operator: number;
  readonly start: Bytes;
  readonly lefts: readonly Bytes[];
};

export type ProvenCall = {
  readonly program: Program;
  readonly inference: Inference;
  tree(operator: number): TensorTree;
  prove(operator: number, position: number): Claim;
};

/** Runs the reference; proves whichever element is asked for. */
export const provenCall = (program: Program, input: Bytes, offset = 0): ProvenCall => {
  const { tensors } = runReference(program, input);
  const outputs = program.operators.map(({ dtype }: Operator, i) =>
    createTensorTree(dtype, packTensor(dtype, tensors[i] as ArrayLike<number>)),
  );
  const constants = program.constants.map((constant) => createTensorTree(constant.dtype, constant.data));
  const call = machineBefore(program, input, offset);
  const operatorLeaves = outputs.map(({ root }, i) => operatorLeaf(i, root));
  const inference: Inference = {
    program,
    call,
    operatorLeaves,
    tensor: ({ constant, index }: Source) => (constant ? constants : outputs)[index] as TensorTree,
  };
  const start = keccakOf(call.state);
  const lefts = program.operators.map((_, i) => leftsOf(operatorLeaves, i));
  const tree = (operator: number): TensorTree => outputs[operator] as TensorTree;
  return {
    program,
    inference,
    tree,
    prove: (operator, position) => ({
      ...proveStep(inference, operator, position),
      k: tree(operator).height - tree(operator).wordHeight,
      position,
      operator,
      start,
      lefts: lefts[operator] as Bytes[],
    }),
  };
};

/** Arguments of `elementOf`. */
export const argumentsOf = ({ k, position, operator, start, lefts, evidence }: Claim) => {
  const zero = toHex(ZERO_32);
  const past = { origin: zero, start: toHex(start), lefts: lefts.map(toHex), pre: zero };
  return [k, BigInt(position), BigInt(operator), past, toHex(evidence)] as const;
};
