import { setImmediate } from "node:timers/promises";
import { type Bytes, ZERO_32 } from "../foundation/bytes.ts";
import { hashBatch, type MessageForm } from "../foundation/keccak-batch.ts";
import { innerNode } from "../foundation/merkle.ts";
import { TAG } from "../foundation/tags.ts";
import { type Answering, supplyTo } from "./answers.ts";
import type { Ended } from "./context.ts";
import type { EvmMachine, Snapshot } from "./machine.ts";
import type { MachineState } from "./state/state.ts";

/** Leaves of a unit's tree. */
export const UNIT_HEIGHT = 25;

/** Leaves whose hashes are computed together, and again when one of them is asked for: only their root is kept. */
const GROUP_HEIGHT = 6;
const GROUP = 2 ** GROUP_HEIGHT;
/** Places from which steps are taken again. Halved when they become more: the distance between them doubles. */
const MAX_SNAPSHOTS = 64;
/** The same where their memories have more words than this in all: a program may change all of it again and again. */
const MAX_WORDS = 2 ** 16;
/** Words that take as much as what one change of a tree leaves behind, and as what a unit takes that changes nothing. */
const [CHANGE_WORDS, UNIT_WORDS] = [4, 1_024];
/** Groups after which other work has its turn. */
const BREATH = 256;

const STATE: MessageForm = { size: 128 };
const INNER: MessageForm = { tag: TAG.inner, size: 64 };

/** A unit's execution as a tree over the states after its steps, filled up with the chain state that ends it. */
export type UnitTrace = {
  readonly height: number;
  /** Steps of the unit: leaves from here on are padding. */
  readonly steps: number;
  /** Hash of the chain state before. */
  readonly start: Bytes;
  readonly ended: Ended;
  /** Hash of the node of this height over the leaves from `index * 2^height` on. */
  node(height: number, index: number): Bytes;
  /** Hash of the state before a leaf. */
  pre(position: number): Bytes;
  /** The machine before a leaf, valid until the next call: its next step makes the leaf. */
  machineAt(position: number): EvmMachine;
  /** About as many words of memory are held for its sake, each of some 400 bytes with what is above it; 0 when forgotten. */
  readonly words: number;
  /** Lets go of all states: the next question about one goes through the unit's steps again, from its begin on. */
  forget(): void;
};

/** A list of hashes that grows. */
const createHashes = () => {
  let bytes = new Uint8Array(32 * 1024);
  let count = 0;
  return {
    get count() {
      return count;
    },
    get bytes() {
      return bytes;
    },
    add(hash: Bytes): void {
      if (32 * count === bytes.length) {
        const grown = new Uint8Array(2 * bytes.length);
        grown.set(bytes);
        bytes = grown;
      }
      bytes.set(hash, 32 * count++);
    },
  };
};

/** States of one group of leaves, and what becomes of them. */
const createGroup = () => {
  const preimages = new Uint8Array(128 * GROUP);
  const nodes = new Uint8Array(32 * GROUP);
  let count = 0;
  return {
    get isFull() {
      return count === GROUP;
    },
    add(state: Bytes): void {
      preimages.set(state, 128 * count++);
    },
    /** Node at this height: its own index in the group; leaves that were not added are `padding`. Empties the group. */
    nodesAt(height: number, padding: Bytes): Bytes {
      hashBatch(STATE, preimages, count, nodes);
      for (; count < GROUP; count++) nodes.set(padding, 32 * count);
      for (let width = GROUP; width > GROUP >>> height; width /= 2) hashBatch(INNER, nodes, width / 2, nodes);
      count = 0;
      return nodes;
    },
  };
};

/** Words of memory that a state holds on to: of its frame, of the frames that wait, of what the last one returned. */
const wordsIn = (state: Readonly<MachineState> | undefined): number => {
  if (state === undefined) return 0;
  let words = state.memory.count + state.returndata.words.count;
  for (let waiting = state.frame?.parent; waiting !== undefined; waiting = waiting.frame.parent)
    words += waiting.memory.count;
  return words;
};

/** Takes the machine to and fro. Snapshots are at equal distances, never more than MAX_SNAPSHOTS. */
const createCourse = (machine: EvmMachine) => {
  type Kept = { readonly snapshot: Snapshot; readonly words: number };
  const begin: Kept = { snapshot: machine.snapshot(), words: 0 };
  let kept: Kept[] = [begin];
  /** Where something was asked last: what is asked next is beside it. */
  let near = begin;
  let distance = GROUP;
  let changes = 0;
  const here = (): Kept => ({ snapshot: machine.snapshot(), words: wordsIn(machine.state) });
  const wordsOf = (of: readonly Kept[]): number => of.reduce((sum, { words }) => sum + words, 0);

  const keep = (): void => {
    kept.push(here());
    while (kept.length > 1 && (kept.length > MAX_SNAPSHOTS || wordsOf(kept) > MAX_WORDS)) {
      distance *= 2;
      kept = kept.filter(({ snapshot: { step } }) => step % distance === 0);
    }
  };
  const step = (): void => {
    const { stateRoot, txTree } = machine.state ?? {};
    machine.step();
    const { state } = machine;
    if (state === undefined) return;
    if (state.txTree !== txTree) changes++;
    if (state.stateRoot !== stateRoot) changes++;
    if (machine.steps % distance === 0 && machine.steps > (kept.at(-1) as Kept).snapshot.step) keep();
  };
  const isAhead = ({ snapshot }: Kept, steps: number): boolean => snapshot.step > steps;

  return {
    step,
    /** Puts the machine behind its first `steps` steps. */
    seek(steps: number): void {
      const last = kept.findLast((one) => !isAhead(one, steps)) ?? begin;
      const { snapshot } = !isAhead(near, steps) && isAhead(near, last.snapshot.step) ? near : last;
      if (machine.steps > steps || machine.steps < snapshot.step) machine.restore(snapshot);
      for (const first = steps - (steps % GROUP); ; step()) {
        if (machine.steps === first) near = here();
        if (machine.steps >= steps) break;
      }
    },
    get words(): number {
      const isForgotten = kept.length === 1 && near === begin && machine.steps === 0;
      return isForgotten ? 0 : UNIT_WORDS + CHANGE_WORDS * changes + wordsOf(kept) + wordsIn(machine.state);
    },
    forget(): void {
      kept = [begin];
      near = begin;
      changes = 0;
      machine.restore(begin.snapshot);
    },
  };
};

const at = (nodes: Bytes, index: number): Bytes => nodes.slice(32 * index, 32 * index + 32);

/** Levels of the tree above the groups; `padding`: a node of that height over padding alone. */
const levelsAbove = (groups: Bytes, count: number, padding: (height: number) => Bytes): readonly Bytes[] => {
  const levels = [groups.slice(0, 32 * count)];
  for (let height = GROUP_HEIGHT, width = count; width > 1; height++) {
    const pairs = Math.ceil(width / 2);
    const level = new Uint8Array(64 * pairs);
    level.set(levels.at(-1) as Bytes);
    if (width % 2 === 1) level.set(padding(height), 32 * width);
    hashBatch(INNER, level, pairs, level);
    levels.push(level.slice(0, 32 * pairs));
    width = pairs;
  }
  return levels;
};

/**
 * Runs the machine to its unit's end, which costs one pass; then it answers. Memory: a byte a step, and the snapshots, as
 * `words` tells. RangeError when the unit has more steps than the tree has leaves.
 */
export const createUnitTrace = async (
  machine: EvmMachine,
  answer: Answering,
  height = UNIT_HEIGHT,
): Promise<UnitTrace> => {
  const start = machine.hash();
  const course = createCourse(machine);
  const group = createGroup();
  const roots = createHashes();
  while (machine.ended === undefined) {
    if (machine.need !== undefined) await supplyTo(machine, answer);
    course.step();
    const state = machine.encode();
    if (state !== undefined) group.add(state);
    if (!group.isFull) continue;
    roots.add(group.nodesAt(GROUP_HEIGHT, ZERO_32).subarray(0, 32));
    if (roots.count % BREATH === 0) await setImmediate();
  }
  const { steps, ended } = machine;
  if (steps > 2 ** height) throw new RangeError(`${steps} steps in a tree of height ${height}`);
  const final = machine.hash();
  roots.add(group.nodesAt(GROUP_HEIGHT, final).subarray(0, 32));

  const paddings: Bytes[] = [final];
  const padding = (of: number): Bytes => {
    for (let i = paddings.length; i <= of; i++)
      paddings.push(innerNode(paddings[i - 1] as Bytes, paddings[i - 1] as Bytes));
    return paddings[of] as Bytes;
  };
  const levels = levelsAbove(roots.bytes, roots.count, padding);

  /** A node below the groups: its group's steps are taken again. */
  const nodeInGroup = (of: number, index: number): Bytes => {
    const first = Math.floor(index / 2 ** (GROUP_HEIGHT - of)) * GROUP;
    course.seek(first);
    for (let i = 0; i < GROUP && machine.ended === undefined; i++) {
      course.step();
      const state = machine.encode();
      if (state !== undefined) group.add(state);
    }
    return at(group.nodesAt(of, final), index % 2 ** (GROUP_HEIGHT - of));
  };

  const node = (of: number, index: number): Bytes => {
    if (of < 0 || of > height || index < 0 || index >= 2 ** (height - of))
      throw new RangeError(`no node ${index} of height ${of} in a tree of height ${height}`);
    if (index * 2 ** of >= steps) return padding(of);
    if (of < GROUP_HEIGHT) return nodeInGroup(of, index);
    const level = levels[of - GROUP_HEIGHT];
    if (level !== undefined) return at(level, index);
    // Above all steps: its left half, and padding.
    return innerNode(node(of - 1, 2 * index), padding(of - 1));
  };

  return {
    height,
    steps,
    start,
    ended,
    node,
    pre: (position) => (position === 0 ? start : node(0, position - 1)),
    machineAt(position) {
      course.seek(Math.min(position, steps));
      return machine;
    },
    get words() {
      return course.words;
    },
    forget: course.forget,
  };
};
