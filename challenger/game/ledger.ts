import type { Hex } from "../../executor/index.ts";
import type { Edge } from "./calls.ts";
import type { ClaimRecord, ContextRecord, EdgeRecord, RivalRoot, RootRecord } from "./view.ts";

/** Storage of a board in memory. Records are replaced, never changed, so a copy of the maps is a copy of the board. */
export type Tables = {
  readonly contexts: Map<Hex, ContextRecord>;
  readonly edges: Map<Hex, EdgeRecord>;
  readonly roots: Map<Hex, RootRecord>;
  readonly winners: Map<Hex, Hex>;
  readonly claims: Map<Hex, ClaimRecord>;
  readonly credits: Map<Hex, bigint>;
  readonly sums: Map<"burned" | "held", bigint>;
  /** What the contract does not keep and events tell. */
  readonly preimages: Map<Hex, Edge>;
  readonly below: Map<Hex, readonly Hex[]>;
  /** Of the tensors' trees, by the operators' leaves that are opened into them. */
  readonly tensors: Map<Hex, { readonly level: number; readonly height: number }>;
  readonly rootsIn: Map<Hex, readonly RivalRoot[]>;
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
