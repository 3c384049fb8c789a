import assert from "node:assert/strict";
import test from "node:test";
import { openChain, sign } from "../../chain/chain.fixture.ts";
import { chainStateAt } from "../../chain/chain-state.ts";
import { fromHex, type Hex, toHex } from "../../foundation/bytes.ts";
import { compareUnits, deriveBatches, walkUnits } from "./machine.fixture.ts";

/** Steps of a unit that is refused. */
const MOST_REFUSED = 3_175;

test("the longest envelope that is no transaction takes no more steps than its bytes take to be loaded", async () => {
  const chain = await openChain();
  const inbox = await deriveBatches(chain, [{ blocks: [[new Uint8Array(98_304).fill(0xff)]] }]);
  const start = chainStateAt(chain, 0n, { batch: 0n, cursor: 0, delayed: 0n });
  const walk = walkUnits(chain, inbox, "blobs", start);
  const steps: number[] = [];
  for (let unit = 0; unit < 4; unit++) {
    const machine = walk.open();
    while (machine.ended === undefined) machine.step();
    steps.push(machine.steps);
    walk.pass(machine);
  }
  const [begin, refused, end, skip] = steps as [number, number, number, number];
  assert.deepEqual([begin, end, skip], [1, 1, 1]);
  assert.ok(refused > 98_304 / 31 && refused <= MOST_REFUSED, `${refused}`);
});

/** Loops that take many steps for their gas. */
const GREEDY: Readonly<Record<string, Hex>> = {
  // Calls of nobody, of the identity with a kilobyte that comes back, of itself.
  nobody: "0x5b5f5f5f5f5f60045af1505f56",
  identity: "0x5b6104005f6104005f5f60045af1505f56",
  itself: "0x5b5f5f5f5f5f305af1505f56",
  stipend: "0x5b5f5f5f5f600161dead5ff1505f56",
  creation: "0x5b5f5f5ff0505f56",
  copies: "0x5b6104005f60015e5f56",
  hashes: "0x5b6104005f20505f56",
  logs: "0x5b6104005fa05f56",
  slots: "0x5f5b60010180805560ff5f55600156",
};

for (const [name, code] of Object.entries(GREEDY))
  test(`a loop of ${name} takes at most its gas and 3,200 steps`, async () => {
    const address = toHex(fromHex("0x0000000000000000000000000000000000001000"));
    const chain = await openChain({ alloc: { [address]: { nonce: 1n, balance: 1000n, code } } });
    const inbox = await deriveBatches(chain, [{ blocks: [[await sign({ nonce: 0, to: address, gas: 90_000n })]] }]);
    const { steps } = await compareUnits(chain, inbox, "calldata");
    assert.ok(steps > 20);
  });
