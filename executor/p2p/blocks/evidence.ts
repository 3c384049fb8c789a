import { encodeBlockHeader } from "../../chain/block.ts";
import type { Header, Origin } from "../../chain/chain.ts";
import { type Bytes, concat, fromHex, type Hex, readUintBE, toHex, uintBE } from "../../foundation/bytes.ts";
import { decodeRlp, encodeRlp, readRlpUint, rlpUint } from "../../foundation/rlp.ts";
import { COLUMN, type KeyValueStore } from "../../store/key-value-store.ts";
import { readBlockHeader, type Seal, type SealedBlock } from "./sealed-block.ts";

/** One of two blocks at a height: everything that was signed, so that anyone can check the signature. */
export type SignedHeader = {
  readonly hash: Hex;
  readonly header: Header;
  readonly origin: Origin;
  readonly seal: Seal;
};

/**
 * Two different blocks of one height, both signed. `equivocation`: the sequencer broke its word. `rebuilt`: it said that
 * L1 made it build again, by a higher revision.
 */
export type Equivocation = {
  readonly kind: "equivocation" | "rebuilt";
  readonly number: bigint;
  readonly first: SignedHeader;
  readonly second: SignedHeader;
  /** Milliseconds since the epoch. */
  readonly seenAt: number;
};
