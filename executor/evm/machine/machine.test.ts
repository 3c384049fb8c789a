import assert from "node:assert/strict";
import test from "node:test";
import type { Chain } from "../../chain/chain.ts";
import { chainStateAt, hashChainState, type StateBetween } from "../../chain/chain-state.ts";
import { deriveRandomBatches } from "../../chain/units.fixture.ts";
import { type Inbox, unitsFrom } from "../../chain/units.ts";
import { toHex } from "../../foundation/bytes.ts";
import { sourceOf, walkUnits } from "./machine.fixture.ts";
import { PHASE } from "./state.ts";

const MOST_STEPS = 3_200;

/** Every unit as the machine has it, against the chain's. Hashes states on the way: each has one. */
const compareUnits = async (
  chain: Chain,
  inbox: Inbox,
  { medium, limit }: { medium: "calldata" | "blobs"; limit: bigint },
) => {
  const start: StateBetween = chainStateAt(chain, 0n, { batch: 0n, cursor: 0, delayed: 0n });
  const walk = walkUnits({ chain, source: sourceOf(inbox, medium), from: 0n }, start);
  const phases = new Set<number>();
  let units = 0;
  for await (const expected of unitsFrom({ chain, inbox }, start, limit)) {
    const machine = walk.next();
    const seen = new Set<string>([toHex(machine.hash())]);
    let gas = 0;
    while (machine.ended === undefined) {
      machine.step();
      if (machine.state !== undefined) {
        phases.add(machine.state.phase);
        gas = Number(machine.state.env?.gasLimit ?? 0n);
      }
      const hash = toHex(machine.hash());
      assert.ok(!seen.has(hash), "no state comes twice in a unit");
      seen.add(hash);
    }
    assert.deepEqual(machine.ended.chain, expected, `unit ${units}`);
    assert.equal(toHex(machine.hash()), toHex(hashChainState(expected)));
    assert.ok(machine.steps <= gas + MOST_STEPS);
    walk.end(machine);
    units++;
  }
  return { units, phases };
};

for (const medium of ["calldata", "blobs"] as const)
  test(`random batches in ${medium}: the machine ends every unit in the chain's state`, async () => {
    const { chain, inbox, records, units } = await deriveRandomBatches(7, 12);
    const seen = await compareUnits(chain, inbox, { medium, limit: BigInt(records.length) });
    assert.equal(
      seen.units,
      units.reduce((sum, count) => sum + count, 0),
    );
    assert.equal(seen.phases.has(PHASE.load), medium === "blobs");
  });
