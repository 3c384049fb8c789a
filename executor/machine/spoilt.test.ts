import assert from "node:assert/strict";
import test from "node:test";
import { openChain, sign } from "../chain/chain.fixture.ts";
import type { Bytes } from "../foundation/bytes.ts";
import { compareUnits, deriveBatches, MEDIA } from "./machine.fixture.ts";

const TARGET = "0x0000000000000000000000000000000000007777";
const SPOILS = 36;

/** Ways to spoil the bytes of a batch at a place. */
const WAYS: Readonly<Record<string, (data: Bytes, at: number) => Bytes>> = {
  cut: (data, at) => data.slice(0, at),
  flip: (data, at) => data.map((byte, i) => (i === at ? byte ^ (1 << (at % 8)) : byte)),
  drop: (data, at) => Uint8Array.from([...data.subarray(0, at), ...data.subarray(at + 1)]),
};

for (const [way, spoil] of Object.entries(WAYS))
  test(`${way} a byte of a batch: machine and chain agree on what is left`, async () => {
    const chain = await openChain();
    const envelopes = await Promise.all([0, 1, 2].map((nonce) => sign({ nonce, to: TARGET, value: 1n })));
    const batches = [
      { blocks: [envelopes.slice(0, 2), envelopes.slice(2)] },
      { blocks: [[await sign({ from: 1, nonce: 0, to: TARGET })]] },
    ];
    const counts = new Set<number>();
    for (let i = 0; i < SPOILS; i++) {
      const inbox = await deriveBatches(chain, batches, (data, index) => {
        if (index > 0) return data;
        const at = Math.floor((i * data.length) / SPOILS);
        return spoil(data, at);
      });
      const { units } = await compareUnits(chain, inbox, MEDIA[i % 2] as (typeof MEDIA)[number]);
      counts.add(units);
      await chain.rollback(0n);
    }
    assert.ok(counts.size > 2, "spoilt batches differ in their units");
  });
