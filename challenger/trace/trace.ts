import { type Bytes, CodedError, type StepView } from "../../executor/index.ts";

/** Levels of a dispute. The byte of a tensor's level is `tensor + k`, where 2^k elements make a word. */
export const LEVEL = { chain: 0, execution: 1, inference: 2, tensor: 0x30 } as const;

/** What the rules say of a leaf. `level` and `height`: of the tree below it. */
export type LeafKind =
  | { readonly kind: "prove" }
  | { readonly kind: "refine" | "descend"; readonly level: number; readonly height: number };

/**
 * One level of a dispute as an honest party holds it: the complete binary tree over the states after step 1..2^height,
 * and what it takes to prove its leaves. Built only when disputed; answers are the same however often they are asked for.
 */
export type Trace = {
  /** 0 chain, 1 execution, 2 inference, 0x30 + k tensor. */
  readonly level: number;
  /** Of the tree; at level 3 in elements. */
  readonly height: number;
  /** Hash of the state that the level starts with; zero at level 3. */
  readonly start: Bytes;
  /** Hash of the node of this height over the leaves from `index * 2^height` on. */
  node(height: number, index: number): Promise<Bytes>;
  /** Hash of the state before a leaf (level 3: zero). */
  pre(position: number): Promise<Bytes>;
  leafKind(position: number): Promise<LeafKind>;
  /** Preimages that the rules need to judge the leaf, and to prove it when it is proven, one behind the other. */
  evidence(position: number): Promise<Bytes>;
  /** The tree below a leaf that is refined or descended. */
  below(position: number): Promise<Trace>;
  /** Level 1: the step that makes a leaf; undefined for padding. */
  step?(position: number): Promise<StepView | undefined>;
  /** Level 3: the packed elements below a node at a height up to k. */
  packed?(height: number, index: number): Promise<Bytes>;
};

export type TraceErrorCode =
  /** The leaf is proven at once: there is no tree below it. A fault of the caller. */
  "TRACE_NO_TREE";

export const noTreeBelow = (level: number, position: number) =>
  new CodedError<TraceErrorCode>("TRACE_NO_TREE", `leaf ${position} of level ${level} is proven at once`, {
    level,
    position,
  });
