import { concat, readUintBE, uintBE, utf8 } from "../../foundation/bytes.ts";
import { COLUMN, type KeyValueStore, type Write } from "../../store/key-value-store.ts";
import { decodeSealedHeader, encodeSealedHeader, type SealedHeader } from "./sealed-block.ts";

const REVISION = concat(Uint8Array.of(COLUMN.peering), utf8("revision"));
const key = (number: bigint) => concat(Uint8Array.of(COLUMN.blockSeal), uintBE(number, 8));

/** What the sequencer signed last at each height, whether or not the chain has that block now. */
export const createSealStore = (store: KeyValueStore) => {
  const stored = store.get(REVISION);
  let revision = stored === undefined ? 0n : readUintBE(stored);

  return {
    /** The highest revision that was kept. */
    get revision(): bigint {
      return revision;
    },
    get(number: bigint): SealedHeader | undefined {
      const value = store.get(key(number));
      return value === undefined ? undefined : decodeSealedHeader(value);
    },
    async put(sealed: SealedHeader): Promise<void> {
      const { header, seal } = sealed;
      const writes: Write[] = [{ type: "put", key: key(header.number), value: encodeSealedHeader(sealed) }];
      if (seal.revision > revision) writes.push({ type: "put", key: REVISION, value: uintBE(seal.revision, 8) });
      await store.write(writes);
      if (seal.revision > revision) revision = seal.revision;
    },
  };
};
export type SealStore = ReturnType<typeof createSealStore>;
