import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { INSTRUCTIONS } from "../../executor/index.ts";
import { compareMaps, LOWERED, mapsOf, randomMaps } from "../support/map-cases.ts";
import { createRandom } from "../support/random-program.ts";
import { compareInstruction, edgeRows, randomRow, tieRows } from "../support/scalar-cases.ts";
import { startScalarMachine } from "../support/scalar-machine.ts";

const SEED = 4_100;
const RANDOM_ROWS = 150;

const machine = await startScalarMachine({ after });

describe("the scalar machine on chain equals its definition", () => {
  for (const spec of INSTRUCTIONS)
    test(`${spec.name} on all combinations of edges, on ties and at random`, async () => {
      const random = createRandom(SEED + spec.code);
      const rows = [...edgeRows(spec), ...tieRows(spec.name)];
      for (let i = 0; i < RANDOM_ROWS; i++) rows.push(randomRow(random, spec));
      const { differences, refused } = await compareInstruction(machine, spec, rows);
      assert.deepEqual(differences.slice(0, 5), []);
      assert.ok(rows.length - refused > 100, `${rows.length} rows, ${refused} refused`);
    });

  for (const [name, program] of Object.entries(LOWERED))
    test(`${name} on random inputs`, async () => {
      const { differences, rows } = await compareMaps(machine, name, mapsOf(program(), createRandom(SEED), 30));
      assert.deepEqual(differences.slice(0, 5), []);
      assert.ok(rows >= 10);
    });

  test("random bodies", async () => {
    let rows = 0;
    for (let i = 0; i < 60; i++) {
      const compared = await compareMaps(machine, `seed ${SEED + i}`, randomMaps(SEED + i, 10));
      assert.deepEqual(compared.differences.slice(0, 5), []);
      rows += compared.rows;
    }
    assert.ok(rows > 100, `${rows} rows`);
  });
});
