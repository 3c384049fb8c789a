import { deriveRandomBatches } from "../../executor/chain/units.fixture.ts";
import { STATE_METHODS } from "../../executor/rpc/methods/state.ts";
import { heldByEach } from "../support/held-memory.ts";

/** KiB that an answer may leave behind: what is measured jumps by a few hundred KiB in all. */
export const HELD_BOUND = 2;

const REVERTS = "0x0000000000000000000000000000000000001001";
const WRITES = "0x0000000000000000000000000000000000001000";

/** What a node answers beside the blocks that it builds, each a machine of its own. */
const workOf = async (seed: number): Promise<Readonly<Record<string, () => Promise<unknown>>>> => {
  const { chain } = await deriveRandomBatches(seed, 24);
  const backend = { chain, identity: { clientVersion: "assay/test" } };
  const ask = async (name: string, request: object): Promise<unknown> =>
    STATE_METHODS[name]?.call([request, "latest"], backend);
  const { number } = chain.head.header;
  const attributes = { timestamp: chain.head.header.timestamp + 1n, origin: chain.head.origin };
  const envelopes = chain.blockByNumber(number)?.transactions.map(({ envelope }) => ({ bytes: envelope })) ?? [];
  return {
    "a call": () => ask("eth_call", { to: WRITES, value: "0x0" }),
    "a call that reverts": () => ask("eth_call", { to: REVERTS }).catch(() => undefined),
    "an estimate": () => ask("eth_estimateGas", { to: WRITES }),
    "a replay with its root": async () => {
      const replay = await chain.replay(number - 1n, attributes);
      for (const envelope of envelopes) await replay.add(envelope);
      return replay.stateRoot();
    },
    "a rehearsal": () => chain.rehearse(number - 1n, attributes, envelopes),
  };
};

/** Has a node answer `count` questions of each kind. Answers which of them stay in memory. */
export const fuzzMemory = async ({
  count,
  seed,
  print,
}: {
  readonly count: number;
  readonly seed: number;
  readonly print: (line: string) => void;
}): Promise<readonly string[]> => {
  const findings: string[] = [];
  for (const [name, work] of Object.entries(await workOf(seed))) {
    const each = await heldByEach(work, count);
    print(`  ${name.padEnd(24)} ${each.toFixed(2)} KiB held by each`);
    if (each > HELD_BOUND) findings.push(`seed ${seed}: ${name} leaves ${each.toFixed(2)} KiB in memory`);
  }
  return findings;
};
