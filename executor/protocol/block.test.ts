import assert from "node:assert/strict";
import test from "node:test";
import { createBlockHeader } from "@ethereumjs/block";
import { createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import fc from "fast-check";
import { buildBlock, initCode, openChain, sign } from "../chain/chain.fixture.ts";
import { decodeBlock, decodeReceipts, encodeBlock, encodeReceipts } from "../chain/codec.ts";
import { concat, fromHex, type Hex, toHex, uintBE } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { keccak256, keccakOf } from "../foundation/keccak.ts";
import { appendLeaf, EMPTY_FRONTIER, frontierRoot } from "../foundation/merkle.ts";
import { type Block, encodeBlockHeader, type Header, hashBlockHeader } from "./block.ts";
import { createAddress } from "./contract-address.ts";
import { DEVNET_PARAMETERS } from "./parameters.ts";
import { logsChain, type Receipt, receiptLeaf } from "./receipt.ts";
import { transactionLeaf } from "./transaction.ts";

const hexOf = (size: number) => fc.uint8Array({ minLength: size, maxLength: size }).map(toHex);
const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
const headers: fc.Arbitrary<Header> = fc
  .record({
    number: u64,
    parentHash: hexOf(32),
    timestamp: u64,
    coinbase: hexOf(20),
    stateRoot: hexOf(32),
    transactionsRoot: hexOf(32),
    receiptsRoot: hexOf(32),
    logsBloom: hexOf(256),
    gasLimit: u64,
    gasUsed: u64,
    budget: u64,
    baseFeePerGas: fc.bigInt(0n, 2n ** 128n),
    prevRandao: hexOf(32),
  })
  .map((header) => ({ ...header, gasUsed: header.gasUsed % (header.gasLimit + 1n) }));

test("a header is Cancun's: an independent encoder gives the same bytes and hash", () => {
  const common = createCustomCommon({ chainId: 918273 }, Mainnet, { hardfork: Hardfork.Cancun });
  fc.assert(
    fc.property(headers, (header) => {
      const theirs = createBlockHeader(
        {
          parentHash: header.parentHash,
          coinbase: header.coinbase,
          stateRoot: header.stateRoot,
          transactionsTrie: header.transactionsRoot,
          receiptTrie: header.receiptsRoot,
          logsBloom: header.logsBloom,
          number: header.number,
          gasLimit: header.gasLimit,
          gasUsed: header.gasUsed,
          timestamp: header.timestamp,
          extraData: uintBE(header.budget, 8),
          mixHash: header.prevRandao,
          baseFeePerGas: header.baseFeePerGas,
        },
        { common, skipConsensusFormatValidation: true, setHardfork: false },
      );
      assert.equal(toHex(encodeBlockHeader(header)), toHex(theirs.serialize()));
      assert.equal(hashBlockHeader(header), toHex(theirs.hash()));
    }),
    { seed: 21, numRuns: 50 },
  );
});

test("transactions and receipts of a block are committed to as the protocol says, also by a frontier", async () => {
  const chain = await openChain();
  const log = initCode("0x600760085f5fa1600960085f5fa000");
  const { block, receipts } = await buildBlock(chain, [
    await sign({ nonce: 0, data: log }),
    await sign({ nonce: 1, to: createAddress(fromHex("0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"), 0n) }),
    await sign({ nonce: 2, data: "0xfe" }),
  ]);
  let transactions = EMPTY_FRONTIER;
  let leaves = EMPTY_FRONTIER;
  block.transactions.forEach((transaction, i) => {
    const receipt = receipts[i] as Receipt;
    const leaf = keccakOf(Uint8Array.of(0x53), keccak256(transaction.envelope));
    assert.equal(toHex(transactionLeaf(fromHex(transaction.hash))), toHex(leaf));
    transactions = appendLeaf(transactions, leaf);
    const created = receipt.status === 1 && receipt.contractAddress !== undefined;
    leaves = appendLeaf(
      leaves,
      keccakOf(
        Uint8Array.of(0x49),
        leaf,
        Uint8Array.of(receipt.status),
        uintBE(receipt.cumulativeGasUsed, 8),
        uintBE(receipt.gasUsed, 8),
        logsChain(receipt.logs),
        uintBE(receipt.logs.length, 4),
        keccakOf(Uint8Array.of(0x51), fromHex(receipt.logsBloom)),
        created ? fromHex(receipt.contractAddress as Hex) : new Uint8Array(20),
      ),
    );
  });
  assert.deepEqual(
    receipts.map(({ logs }) => logs.length),
    [0, 2, 0],
  );
  assert.equal(block.header.transactionsRoot, toHex(frontierRoot(transactions)));
  assert.equal(block.header.receiptsRoot, toHex(frontierRoot(leaves)));
  const envelopes = block.transactions.reduce((sum, { envelope }) => sum + envelope.length, 0);
  assert.equal(block.size, encodeBlockHeader(block.header).length + envelopes);
});

test("every part of a receipt moves its leaf", () => {
  const base: Receipt = {
    status: 1,
    cumulativeGasUsed: 5n,
    gasUsed: 3n,
    effectiveGasPrice: 1n,
    logs: [],
    logsBloom: toHex(new Uint8Array(256)),
    contractAddress: undefined,
  };
  const variants: readonly Receipt[] = [
    base,
    { ...base, status: 0 },
    { ...base, cumulativeGasUsed: 6n },
    { ...base, gasUsed: 4n },
    { ...base, logs: [{ address: toHex(uintBE(1, 20)), topics: [], data: "0x" }] },
    { ...base, logsBloom: toHex(new Uint8Array(256).fill(1)) },
    { ...base, contractAddress: toHex(uintBE(1, 20)) },
  ];
  const leaves = [
    receiptLeaf(uintBE(2, 32), base),
    ...variants.map((receipt) => receiptLeaf(uintBE(1, 32), receipt)),
  ].map(toHex);
  assert.equal(new Set(leaves).size, leaves.length);
  const failed: Receipt = { ...base, status: 0 };
  const reverted = { ...failed, contractAddress: toHex(uintBE(1, 20)) };
  assert.deepEqual(receiptLeaf(uintBE(1, 32), reverted), receiptLeaf(uintBE(1, 32), failed), "no contract came of it");
});

test("blocks and receipts survive the store's form; other bytes are CHAIN_CORRUPT", async () => {
  const chain = await openChain();
  const { block, receipts } = await buildBlock(chain, [
    await sign({ nonce: 0, data: initCode("0x600760085f5fa100") }),
    await sign({ nonce: 1, to: "0x00000000000000000000000000000000000000aa" }),
  ]);
  const stored = encodeBlock(block);
  assert.deepEqual(decodeBlock(stored, DEVNET_PARAMETERS.chainId), block);
  assert.deepEqual(decodeReceipts(encodeReceipts(receipts)), receipts);
  const empty: Block = { ...block, transactions: [] };
  assert.deepEqual(decodeBlock(encodeBlock(empty), DEVNET_PARAMETERS.chainId), empty);
  for (const bytes of [stored.subarray(1), concat(stored, Uint8Array.of(0)), Uint8Array.of(0xc0), new Uint8Array(0)])
    for (const decode of [() => decodeBlock(bytes, DEVNET_PARAMETERS.chainId), () => decodeReceipts(stored)])
      assert.throws(decode, (error) => error instanceof CodedError && error.code === "CHAIN_CORRUPT");
});
