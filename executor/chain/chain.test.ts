import assert from "node:assert/strict";
import test from "node:test";
import { Address } from "@ethereumjs/util";
import { fromHex, toHex } from "../foundation/bytes.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { AT, accountOf, buildBlock, ETHER, GWEI, openChain, sign } from "./chain.fixture.ts";
import { ADDRESS } from "./parameters.ts";

const balance = async (chain: Awaited<ReturnType<typeof openChain>>, address: string) =>
  (await chain.stateAt(chain.head.header.number).getAccount(new Address(fromHex(address.toLowerCase()))))?.balance ??
  0n;

test("a transfer moves value, tips the coinbase and fills the base fee vault", async () => {
  const chain = await openChain();
  const to = "0x00000000000000000000000000000000000000aa";
  const { block, receipts } = await buildBlock(chain, [await sign({ nonce: 0, to, value: ETHER, gas: 21_000n })]);
  assert.equal(block.header.number, 1n);
  assert.equal(receipts.length, 1);
  assert.equal(receipts[0]?.gasUsed, 21_000n);
  assert.equal(await balance(chain, to), ETHER);
  const baseFee = block.header.baseFeePerGas;
  assert.equal(baseFee, 875_000_000n);
  assert.equal(await balance(chain, ADDRESS.baseFeeVault), 21_000n * baseFee);
  assert.equal(await balance(chain, ADDRESS.sequencerFeeVault), 21_000n * GWEI);
  assert.equal(await balance(chain, accountOf(0).address), 999n * ETHER - 21_000n * (baseFee + GWEI));
});

test("a store is opened again where it was left", async () => {
  const store = createMemoryStore();
  const chain = await openChain({ store });
  await buildBlock(chain, [await sign({ nonce: 0, to: accountOf(1).address, value: 1n })]);
  const again = await openChain({ store });
  assert.deepEqual(again.head, chain.head);
  assert.equal(again.head.hash, chain.head.hash);
  assert.ok(AT);
  assert.ok(toHex);
});
