import type { Bytes } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import type { StateErrorCode } from "./errors.ts";
import { keyBit } from "./proof.ts";

/** How many leading bits two keys share; 256 for equal ones. */
export const sharedBits = (a: Bytes, b: Bytes): number => {
  for (let i = 0; i < 32; i++) {
    const difference = (a[i] as number) ^ (b[i] as number);
    if (difference !== 0) return 8 * i + Math.clz32(difference) - 24;
  }
  return 256;
};

/** Combines the halves of the subtree at a depth; one of them may be empty. */
export type Join<T> = (left: T | undefined, right: T | undefined, depth: number) => T;

/**
 * Folds leaves, which come in the order of their keys, into the tree: each stands at its shortest prefix. At most one
 * half for each depth waits, so memory does not grow with the leaves. STATE_CORRUPT when a key is not above the last.
 */
export const createPrefixFold = <T>(join: Join<T>) => {
  const halves: (T | undefined)[] = [];
  let last: { readonly key: Bytes; readonly item: T } | undefined;
  /** Bits that the last key shares with the one before it. */
  let shared = -1;

  /** The subtree at depth `to` that ends with the last leaf. */
  const close = ({ key, item }: NonNullable<typeof last>, from: number, to: number): T => {
    let tree = item;
    for (let depth = from - 1; depth >= to; depth--) {
      if (keyBit(key, depth) === 0) {
        tree = join(tree, undefined, depth);
        continue;
      }
      tree = join(halves[depth], tree, depth);
      halves[depth] = undefined;
    }
    return tree;
  };

  return {
    add(key: Bytes, item: T): void {
      if (last !== undefined) {
        const next = sharedBits(last.key, key);
        if (next === 256 || keyBit(key, next) === 0)
          throw new CodedError<StateErrorCode>("STATE_CORRUPT", "leaves are not in the order of their keys");
        halves[next] = close(last, Math.max(shared, next) + 1, next + 1);
        shared = next;
      }
      last = { key, item };
    },
    /** The subtree at a depth that all keys share; undefined without leaves. */
    finish: (depth = 0): T | undefined => (last === undefined ? undefined : close(last, shared + 1, depth)),
  };
};
