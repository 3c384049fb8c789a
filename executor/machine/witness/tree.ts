import { type Bytes, concat, equalBytes, uintBE } from "../../foundation/bytes.ts";
import { keyBit } from "../../state/proof.ts";
import { hashTree, openBranch, type Tree } from "../state/tree.ts";
import type { Evidence } from "./step.ts";

const NONE = 0;
const OWN = 1;
const OTHER = 2;

type Path = { readonly siblings: readonly Tree[]; readonly terminal: Tree };

const pathOf = (tree: Tree, key: Bytes): Path => {
  const siblings: Tree[] = [];
  let node = tree;
  while (node !== undefined && !node.leaf) {
    const { left, right } = openBranch(node);
    const isRight = keyBit(key, siblings.length) === 1;
    siblings.push(isRight ? left : right);
    node = isRight ? right : left;
  }
  return { siblings, terminal: node };
};

/**
 * Where `key` is, or would be: `u16 depth ++ bitmap ceil(depth / 8) ++ siblings that are not empty, deepest first ++ u8
 * terminal (0 none, 1 the key's own leaf, 2 another) ++ what the terminal holds`. `own`: what opens the key's own value, the
 * value itself unless it is another preimage; another leaf is its key and value.
 */
export const openPath = (tree: Tree, key: Bytes, own?: (value: Bytes) => Bytes): Evidence => {
  const { siblings, terminal } = pathOf(tree, key);
  const bitmap = new Uint8Array(Math.ceil(siblings.length / 8));
  for (const [depth, sibling] of siblings.entries())
    if (sibling !== undefined) bitmap[depth >>> 3] = (bitmap[depth >>> 3] as number) | (0x80 >>> (depth & 7));
  const present = siblings.filter((sibling) => sibling !== undefined).toReversed();
  const head = [uintBE(siblings.length, 2), bitmap, ...present.map(hashTree)];
  if (terminal === undefined) return [...head, Uint8Array.of(NONE)];
  if (!terminal.leaf) throw new Error("a path ends in a leaf or in nothing");
  if (equalBytes(terminal.key, key)) return [...head, Uint8Array.of(OWN), own?.(terminal.value) ?? terminal.value];
  return [...head, Uint8Array.of(OTHER), terminal.key, terminal.value];
};

/**
 * What stands beside the key's own leaf, behind its path when it is removed, for a lone leaf rises: `u8 1 ++ key ++ value` of
 * a leaf, `u8 2 ++ left ++ right` of a branch; nothing where the tree lacks the key or has it alone.
 */
export const openSibling = (tree: Tree, key: Bytes): Evidence => {
  const { siblings, terminal } = pathOf(tree, key);
  const sibling = siblings.at(-1);
  if (sibling === undefined || !terminal?.leaf || !equalBytes(terminal.key, key)) return [];
  if (sibling.leaf) return [Uint8Array.of(1), sibling.key, sibling.value];
  const { left, right } = openBranch(sibling);
  return [Uint8Array.of(2), concat(hashTree(left), hashTree(right))];
};

/** A path, and what its removal takes. */
export const openRemoval = (tree: Tree, key: Bytes): Evidence => [...openPath(tree, key), ...openSibling(tree, key)];
