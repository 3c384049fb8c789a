import { type Bytes, equalBytes, ZERO_32 } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { keccak256 } from "../foundation/keccak.ts";
import { TAG } from "../foundation/tags.ts";

/** Membership or absence of one key in the state tree. */
export type TreeProof = {
  /** Depth of the terminal, in bits. */
  readonly depth: number;
  /** Bit i (most significant first) is set iff the sibling at depth i + 1 is not empty. 32 bytes. */
  readonly bitmap: Bytes;
  /** Non-empty siblings, deepest first. */
  readonly siblings: readonly Bytes[];
  /** The leaf at the terminal (the key's own, or another's), or undefined where the subtree is empty. */
  readonly terminal: { readonly key: Bytes; readonly value: Bytes } | undefined;
};

/** What the deepest sibling is made of: a deletion needs it, because a lone leaf rises. */
export type SiblingOpening =
  | { readonly kind: "leaf"; readonly key: Bytes; readonly value: Bytes }
  | { readonly kind: "branch"; readonly left: Bytes; readonly right: Bytes };

export type ProofErrorCode =
  /** The bytes or fields are no proof. Ask for it again. */
  | "PROOF_MALFORMED"
  /** The proof is one of another tree. Ask for a proof at the block of this root. */
  | "PROOF_ROOT"
  /** The deepest sibling is not what the opening says. Ask for the proof again. */
  | "PROOF_OPENING";

/** Bit `depth` of a key, most significant first. */
export const keyBit = (key: Bytes, depth: number): 0 | 1 =>
  (((key[depth >>> 3] as number) >>> (7 - (depth & 7))) & 1) as 0 | 1;

const leafPreimage = new Uint8Array(65);
leafPreimage[0] = TAG.stateLeaf;

/** `keccak(0x08 ++ key ++ value)`: 65 bytes, so that no chosen value passes for an inner node. */
export const hashLeaf = (key: Bytes, value: Bytes): Bytes => {
  leafPreimage.set(key, 1);
  leafPreimage.set(value, 33);
  return keccak256(leafPreimage);
};

const branchPreimage = new Uint8Array(64);

/** `keccak(left ++ right)`; an empty subtree is 32 zero bytes. */
export const hashBranch = (left: Bytes, right: Bytes): Bytes => {
  branchPreimage.set(left, 0);
  branchPreimage.set(right, 32);
  return keccak256(branchPreimage);
};

const join = (key: Bytes, depth: number, own: Bytes, sibling: Bytes): Bytes =>
  keyBit(key, depth) === 1 ? hashBranch(sibling, own) : hashBranch(own, sibling);

const malformed = (why: string): CodedError<ProofErrorCode> => new CodedError("PROOF_MALFORMED", why);

const isWord = (bytes: Bytes): boolean => bytes.length === 32;

/** Siblings of the path, index = depth - 1, zero words where empty. Refuses every second way to write one proof. */
const unpack = (key: Bytes, proof: TreeProof): readonly Bytes[] => {
  const { depth, bitmap, siblings, terminal } = proof;
  if (!isWord(key)) throw malformed("a key has 32 bytes");
  if (!Number.isInteger(depth) || depth < 0 || depth > 256) throw malformed(`depth ${depth} is not in 0..256`);
  if (!isWord(bitmap)) throw malformed("the bitmap has 32 bytes");
  const path: Bytes[] = [];
  let next = siblings.length;
  for (let i = 0; i < 256; i++) {
    const present = keyBit(bitmap, i) === 1;
    if (i >= depth) {
      if (present) throw malformed("the bitmap has a bit below the terminal");
      continue;
    }
    if (!present) {
      path.push(ZERO_32);
      continue;
    }
    const sibling = siblings[--next];
    if (sibling === undefined) throw malformed("a sibling is missing");
    if (!isWord(sibling) || equalBytes(sibling, ZERO_32)) throw malformed("a sibling is 32 bytes and not zero");
    path.push(sibling);
  }
  if (next !== 0) throw malformed("there are more siblings than bits in the bitmap");
  if (terminal !== undefined) {
    if (!isWord(terminal.key) || !isWord(terminal.value)) throw malformed("a leaf has a key and a value of 32 bytes");
    for (let i = 0; i < depth; i++)
      if (keyBit(terminal.key, i) !== keyBit(key, i)) throw malformed("the other leaf is not on the key's path");
  }
  return path;
};

/** Root over `node` at depth `from` of the key's path. */
const fold = (key: Bytes, node: Bytes, path: readonly Bytes[], from = path.length): Bytes => {
  let hash = node;
  for (let i = from - 1; i >= 0; i--) hash = join(key, i, hash, path[i] as Bytes);
  return hash;
};

const checked = (root: Bytes, key: Bytes, proof: TreeProof) => {
  const path = unpack(key, proof);
  const { terminal } = proof;
  const node = terminal === undefined ? ZERO_32 : hashLeaf(terminal.key, terminal.value);
  if (!equalBytes(fold(key, node, path), root)) throw new CodedError<ProofErrorCode>("PROOF_ROOT", "another root");
  const value = terminal !== undefined && equalBytes(terminal.key, key) ? terminal.value : undefined;
  return { path, node, value };
};

/** The value under `key` in the tree with `root`, or undefined when the proof shows its absence. */
export const verifyProof = (root: Bytes, key: Bytes, proof: TreeProof): Bytes | undefined =>
  checked(root, key, proof).value;

const openedHash = (opening: SiblingOpening): Bytes =>
  opening.kind === "leaf" ? hashLeaf(opening.key, opening.value) : hashBranch(opening.left, opening.right);

/**
 * Root after `key` is set to `value` (undefined deletes), from a proof against the root before.
 * A deletion at depth > 0 below a non-empty sibling needs that sibling's `opening`.
 */
export const updateRoot = (
  root: Bytes,
  change: { readonly key: Bytes; readonly value: Bytes | undefined },
  proof: TreeProof,
  opening?: SiblingOpening,
): Bytes => {
  const { key, value } = change;
  const { path, node, value: old } = checked(root, key, proof);
  const { depth, terminal } = proof;
  if (value !== undefined) {
    const leaf = hashLeaf(key, value);
    if (old !== undefined || terminal === undefined) return fold(key, leaf, path);
    let fork = depth;
    while (keyBit(terminal.key, fork) === keyBit(key, fork)) fork++;
    let hash = join(key, fork, leaf, node);
    for (let i = fork - 1; i >= depth; i--) hash = join(key, i, hash, ZERO_32);
    return fold(key, hash, path, depth);
  }
  if (old === undefined) return root;
  if (depth === 0) return ZERO_32;
  const sibling = path[depth - 1] as Bytes;
  if (opening === undefined || !equalBytes(openedHash(opening), sibling))
    throw new CodedError<ProofErrorCode>("PROOF_OPENING", "the deepest sibling is not what the opening says");
  if (opening.kind === "branch") return fold(key, ZERO_32, path);
  let lifted = depth - 1;
  while (lifted > 0 && equalBytes(path[lifted - 1] as Bytes, ZERO_32)) lifted--;
  return fold(key, sibling, path, lifted);
};
