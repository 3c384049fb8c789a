import assert from "node:assert/strict";
import test from "node:test";
import { hasCode, keccakOf, toHex, uintBE } from "../executor/index.ts";
import { audit, type BlockReader, type BlockSummary } from "./audit.ts";

/** A chain of hash-linked blocks; from `forkAt` on its state differs. */
const chainOf = (length: number, forkAt = Number.POSITIVE_INFINITY): BlockSummary[] => {
  const blocks: BlockSummary[] = [];
  let parentHash = toHex(new Uint8Array(32));
  for (let i = 0; i < length; i++) {
    const seed = uintBE(i, 4);
    const stateRoot = toHex(keccakOf(seed, Uint8Array.of(i >= forkAt ? 1 : 0)));
    const hash = toHex(keccakOf(Buffer.from(parentHash), Buffer.from(stateRoot), seed));
    const root = toHex(keccakOf(seed));
    blocks.push({
      number: BigInt(i),
      hash,
      parentHash,
      timestamp: BigInt(i),
      transactionsRoot: root,
      receiptsRoot: root,
      stateRoot,
      gasUsed: 0n,
    });
    parentHash = hash;
  }
  return blocks;
};
const reader = (blocks: BlockSummary[]): BlockReader & { questions: number } => ({
  questions: 0,
  async head() {
    return blocks[blocks.length - 1] as BlockSummary;
  },
  async block(number) {
    this.questions++;
    return blocks[Number(number)];
  },
});

test("equal chains of different length agree up to the shorter one", async () => {
  assert.deepEqual(await audit(reader(chainOf(9)), reader(chainOf(30))), { common: 8n, divergence: undefined });
});

test("the first different block is found wherever it is, and its cause named", async () => {
  for (const length of [1, 2, 3, 64, 65])
    for (let fork = 0; fork < length; fork++) {
      const { divergence } = await audit(reader(chainOf(length)), reader(chainOf(length, fork)));
      assert.equal(divergence?.own.number, BigInt(fork));
      assert.equal(divergence?.field, "stateRoot");
    }
});

test("a long chain takes a logarithm of questions", async () => {
  const own = reader(chainOf(5000));
  await audit(own, reader(chainOf(5000, 1234)));
  assert.ok(own.questions <= 15, `${own.questions} questions`);
});

test("a node that hides a block below its head is an error", async () => {
  const blocks = chainOf(20, 3);
  const hiding: BlockReader = { head: reader(blocks).head, block: async (n) => (n === 19n ? blocks[19] : undefined) };
  await assert.rejects(audit(reader(chainOf(20)), hiding), (error) => hasCode(error, "AUDIT_BLOCK_MISSING"));
});
