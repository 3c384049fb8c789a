import type { SealedBlock } from "./sealed-block.ts";

export type PendingOptions = { readonly maxBlocks?: number; readonly maxBytes?: number };

const sizeOf = ({ envelopes }: SealedBlock): number =>
  envelopes.reduce((sum, envelope) => sum + envelope.length, 1_024);

/** Signed blocks that wait for their turn: one a height, the one of the highest revision; the lowest heights win room. */
export const createPending = ({ maxBlocks = 512, maxBytes = 64 * 2 ** 20 }: PendingOptions = {}) => {
  const blocks = new Map<bigint, SealedBlock>();
  let bytes = 0;

  const remove = (number: bigint): void => {
    const block = blocks.get(number);
    if (block === undefined) return;
    blocks.delete(number);
    bytes -= sizeOf(block);
  };
  const heights = (): bigint[] => [...blocks.keys()].sort((a, b) => (a < b ? -1 : 1));

  return {
    get size() {
      return blocks.size;
    },
    get bytes() {
      return bytes;
    },
    get: (number: bigint): SealedBlock | undefined => blocks.get(number),
    remove,
    /** In ascending order. */
    inOrder: (): SealedBlock[] => heights().map((number) => blocks.get(number) as SealedBlock),
    /** Whether it is kept and was not before. */
    put(block: SealedBlock): boolean {
      const { number } = block.header;
      const before = blocks.get(number);
      if (before !== undefined && before.seal.revision >= block.seal.revision) return false;
      remove(number);
      blocks.set(number, block);
      bytes += sizeOf(block);
      if (blocks.size > maxBlocks || bytes > maxBytes)
        for (const highest of heights().reverse()) {
          if (blocks.size <= maxBlocks && bytes <= maxBytes) break;
          remove(highest);
        }
      return blocks.get(number) === block;
    },
    /** Drops what is at or below a height. */
    prune(number: bigint): void {
      for (const height of [...blocks.keys()]) if (height <= number) remove(height);
    },
    clear(): void {
      blocks.clear();
      bytes = 0;
    },
  };
};
