import assert from "node:assert/strict";
import { test } from "node:test";
import { openChain } from "../../chain/chain.fixture.ts";
import { createMemoryStore } from "../../store/memory-store.ts";
import type { Protocol } from "../network/network.ts";
import { createBlockExchange } from "./block-exchange.ts";
import { createSealStore } from "./seal-store.ts";

test("a node that is too busy to say how far it is costs itself nothing, one that withholds blocks does", async () => {
  const asked: Protocol[] = [];
  const exchange = createBlockExchange({
    network: {
      serve: () => undefined,
      penalise: () => undefined,
      async *request(_, protocol) {
        asked.push(protocol);
        yield* [];
      },
    },
    chain: await openChain(),
    seals: createSealStore(createMemoryStore()),
    witness: { isSigned: () => true, isWhole: () => true } as unknown as Parameters<
      typeof createBlockExchange
    >[0]["witness"],
    onStatus: () => undefined,
  });
  await exchange.status("peer");
  for await (const _ of exchange.blocks("peer", 1n, 1n)) assert.fail("there are none");
  assert.deepEqual(
    asked.map(({ name, stalls = "blamed" }) => [name, stalls]),
    [
      ["status/1", "forgiven"],
      ["blocks/1", "blamed"],
    ],
  );
});
