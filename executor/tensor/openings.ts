import { createBoundedCache } from "../foundation/bounded-cache.ts";
import type { Bytes } from "../foundation/bytes.ts";
import { createLock } from "../foundation/service.ts";
import { buildTensorTree, type TensorTree } from "./commitment.ts";
import { packTensor } from "./elements.ts";
import { createEngine } from "./engine.ts";
import type { Constant, Operator, Program, Source, TensorData } from "./program.ts";
import { packOutputs } from "./reference.ts";

/** One run of a program with everything that a dispute may ask about it. */
export type Openings = {
  readonly program: Program;
  /** Root of every operator's output. */
  readonly roots: readonly Bytes[];
  /** The packed output. */
  readonly output: Bytes;
  /** Tree of an operator's output or of a constant; one that was forgotten takes another run. ENGINE_FAILED, TREE_FAILED. */
  tree(source: Source): Promise<TensorTree>;
};

/** Trees that runs hold between questions. When they are too large in all, those that were used longest ago are forgotten. */
export type HeldTrees = {
  /** A place for the trees of one more run. */
  open(): { get(source: Source): TensorTree | undefined; set(source: Source, tree: TensorTree): void };
};

const DEFAULT_MEMORY = 2 ** 28;

/** `memory`: bytes of trees; 256 MiB unless given. */
export const createHeldTrees = (memory = DEFAULT_MEMORY): HeldTrees => {
  const trees = createBoundedCache<TensorTree>(memory, ({ bytes }) => bytes);
  let runs = 0;
  return {
    open() {
      const run = runs++;
      const keyOf = ({ constant, index }: Source) => `${run} ${constant ? "constant" : "operator"} ${index}`;
      return {
        get: (source) => trees.get(keyOf(source)),
        set: (source, tree) => trees.set(keyOf(source), tree),
      };
    },
  };
};

/** The output of every operator; undefined when the length is wrong. */
const tensorsOf = async (program: Program, input: Bytes): Promise<readonly TensorData[] | undefined> => {
  const engine = await createEngine(program, { trace: true });
  try {
    return await engine.runAll(input);
  } finally {
    await engine.stop();
  }
};

/**
 * Runs a well-formed program on a packed input, and commits to every tensor. Undefined when the input has another length.
 * ENGINE_FAILED, TREE_FAILED.
 */
export const openRun = async (
  program: Program,
  input: Bytes,
  held: HeldTrees = createHeldTrees(),
): Promise<Openings | undefined> => {
  const trees = held.open();
  const lock = createLock();

  const build = async (source: Source, tensor: TensorData): Promise<TensorTree> => {
    const { dtype } = program.operators[source.index] as Operator;
    const tree = await buildTensorTree(dtype, packTensor(dtype, tensor));
    trees.set(source, tree);
    return tree;
  };
  const tensors = await tensorsOf(program, input);
  if (tensors === undefined) return undefined;
  const roots: Bytes[] = [];
  for (const [index, tensor] of tensors.entries()) roots.push((await build({ constant: false, index }, tensor)).root);

  const find = async (source: Source): Promise<TensorTree> => {
    const known = trees.get(source);
    if (known !== undefined) return known;
    if (source.constant) {
      const { dtype, data } = program.constants[source.index] as Constant;
      const tree = await buildTensorTree(dtype, data);
      trees.set(source, tree);
      return tree;
    }
    const again = (await tensorsOf(program, input)) as readonly TensorData[];
    return build(source, again[source.index] as TensorData);
  };
  return {
    program,
    roots,
    output: packOutputs(program, tensors),
    // One after the other: two runs at a time would hold all tensors twice.
    tree: (source) => lock(() => find(source)),
  };
};
