import { buildBlock, openChain, sign } from "../../chain/chain.fixture.ts";
import { type Bytes, type Hex, toHex, uintBE } from "../../foundation/bytes.ts";
import { recoverAddress, signDigest } from "../../foundation/secp256k1.ts";
import type { Block } from "../../protocol/block.ts";
import { type Seal, type SealedBlock, type SealedHeader, sealDigest, sealedBlockOf } from "./sealed-block.ts";

/** Who signs blocks in the tests, and somebody else. */
export const KEY = uintBE(77, 32);
export const OTHER_KEY = uintBE(78, 32);

export const addressOf = (key: Bytes): Hex => {
  const digest = uintBE(1, 32);
  const signature = signDigest(digest, key);
  return toHex(recoverAddress(digest, signature[64] as number, signature.subarray(0, 32), signature.subarray(32, 64)));
};
export const SEQUENCER = addressOf(KEY);

/** Seconds since the epoch at which the tests' blocks are made. */
export const NOW = 1_700_000_000n;

export type SealOptions = { readonly revision?: bigint; readonly sealedAt?: bigint; readonly key?: Bytes };

export const sealBlock = (genesisHash: Hex, block: Block, options: SealOptions = {}): SealedBlock => {
  const { revision = 0n, sealedAt = NOW * 1000n, key = KEY } = options;
  const { hash, origin } = block;
  const signature = signDigest(sealDigest(genesisHash, { hash, origin, seal: { revision, sealedAt } }), key);
  return sealedBlockOf(block, { revision, sealedAt, signature });
};

export const headerOf = ({ hash, header, origin, seal }: SealedBlock): SealedHeader => ({ hash, header, origin, seal });

/** The same block with another seal. */
export const withSeal = (block: SealedBlock, seal: Partial<Seal>): SealedBlock => ({
  ...block,
  seal: { ...block.seal, ...seal },
});

/** A chain that builds and signs blocks of one transfer each; `value` tells branches apart. */
export const openSealer = async () => {
  const chain = await openChain();
  let nonce = 0;
  return {
    chain,
    async build(options: SealOptions & { readonly value?: bigint } = {}): Promise<SealedBlock> {
      const { value = 1n, ...seal } = options;
      const number = chain.head.header.number + 1n;
      const transfer = await sign({ nonce: nonce++, to: `0x${"99".repeat(20)}`, value });
      const attributes = { timestamp: NOW + number, origin: { number, timestamp: NOW + number } };
      const { block } = await buildBlock(chain, [transfer], attributes);
      return sealBlock(chain.genesisHash, block, seal);
    },
    async buildMany(count: number, options: SealOptions & { readonly value?: bigint } = {}): Promise<SealedBlock[]> {
      const blocks: SealedBlock[] = [];
      for (let i = 0; i < count; i++) blocks.push(await this.build(options));
      return blocks;
    },
    /** Takes the chain back to a height; what is built next is another branch. */
    async back(chainTo: bigint): Promise<void> {
      nonce -= Number(chain.head.header.number - chainTo);
      await chain.rollback(chainTo);
    },
  };
};
export type Sealer = Awaited<ReturnType<typeof openSealer>>;
