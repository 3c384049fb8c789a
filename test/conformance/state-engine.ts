import type { Bytes, DumpedAccount, WorldState } from "../../executor/index.ts";
import type { StateCase } from "./state-corpus.ts";

export type LogEntry = { readonly address: Bytes; readonly topics: readonly Bytes[]; readonly data: Bytes };

/** What one engine did with the transaction of a case. */
export type Execution = {
  /** Why it was refused; undefined when it ran. */
  readonly rejected: string | undefined;
  readonly logs: readonly LogEntry[];
};

export type StateEngine = {
  readonly name: string;
  execute(world: WorldState, test: StateCase): Promise<Execution>;
  /** Why this engine rightly answers otherwise than the case, if it does. */
  excluded(test: StateCase): string | undefined;
  /** What Ethereum would have of a committed state. */
  dump(world: WorldState): Iterable<DumpedAccount>;
};
