import type { ClaimId, ContextId, EdgeId, Hex, Wei } from "../../executor/index.ts";
import type { Edge } from "./calls.ts";
import type { ClaimRecord, ContextRecord, EdgeRecord, RivalRoot, RootRecord } from "./view.ts";

/** Storage of a board in memory. Records are replaced, never changed, so a copy of the maps is a copy of the board. */
export type Tables = {
  readonly contexts: Map<ContextId, ContextRecord>;
  readonly edges: Map<EdgeId, EdgeRecord>;
  readonly roots: Map<EdgeId, RootRecord>;
  readonly winners: Map<ContextId, EdgeId>;
  readonly claims: Map<ClaimId, ClaimRecord>;
  readonly credits: Map<Hex, Wei>;
  readonly sums: Map<"burned" | "held", Wei>;
  /** What the contract does not keep and events tell. */
  readonly preimages: Map<EdgeId, Edge>;
  readonly below: Map<EdgeId, readonly EdgeId[]>;
  /** Of the tensors' trees, by the operators' leaves that are opened into them. */
  readonly tensors: Map<EdgeId, { readonly level: number; readonly height: number }>;
  readonly rootsIn: Map<ContextId, readonly RivalRoot[]>;
};

const NAMES = [
  "contexts",
  "edges",
  "roots",
  "winners",
  "claims",
  "credits",
  "sums",
  "preimages",
  "below",
  "tensors",
  "rootsIn",
] as const satisfies readonly (keyof Tables)[];

const copyOf = (tables: Tables): Tables =>
  Object.fromEntries(NAMES.map((name) => [name, new Map(tables[name] as Map<unknown, unknown>)])) as unknown as Tables;

/** Tables with all-or-nothing: what was written since `begin` is undone by `undo`. */
export const createLedger = () => {
  const tables = Object.fromEntries(NAMES.map((name) => [name, new Map()])) as unknown as Tables;
  let undoing: (() => void)[] = [];
  return {
    tables,
    set<Key, Value>(table: Map<Key, Value>, key: Key, value: Value): void {
      const before = table.get(key);
      undoing.push(() => void (before === undefined ? table.delete(key) : table.set(key, before)));
      table.set(key, value);
    },
    begin: (): void => {
      undoing = [];
    },
    undo: (): void => {
      for (const one of undoing.toReversed()) one();
      undoing = [];
    },
    snapshot: (): Tables => copyOf(tables),
    restore: (from: Tables): void => {
      const copy = copyOf(from);
      for (const name of NAMES) {
        tables[name].clear();
        for (const [key, value] of copy[name]) (tables[name] as Map<unknown, unknown>).set(key, value);
      }
      undoing = [];
    },
  };
};
