import type { L2BlockNumber, Wei } from "../foundation/brand.ts";
import { type Bytes, concat, equalBytes, fromHex, uintBE, utf8 } from "../foundation/bytes.ts";
import { keccakOf } from "../foundation/keccak.ts";
import type { Block, BlockTally } from "../protocol/block.ts";
import type { Opening } from "../protocol/budget.ts";
import type { BlockAttributes } from "../protocol/origin.ts";
import type { Receipt } from "../protocol/receipt.ts";
import type { InboxEnvelope } from "../protocol/transaction.ts";
import { emptyTally, tallyAfter, tallyAfterRefusal } from "./tally.ts";

/**
 * What a block's units came to when they were executed: with block and receipts all that the chain state after each of
 * them says, but where derivation stands, which L1 says.
 */
export type KeptUnits = {
  /** State root after the block's begin. */
  readonly begin: Bytes;
  /** One for each envelope, refused ones among them. */
  readonly envelopes: readonly KeptEnvelope[];
};
/** `word`: the state root after it; of one that was refused, its hash. */
export type KeptEnvelope = { readonly came: Coming | "refused"; readonly word: Bytes };
/** As what an envelope came. */
type Coming = "posted" | "deposit" | "raw";

const COMINGS = ["refused", "posted", "deposit", "raw"] as const;
const ENTRY = 33;
const REFUSED = utf8("assay.refused");

const comingOf = ({ delayed }: InboxEnvelope): Coming => delayed?.kind ?? "posted";

/** Says which envelope was refused, and as what it came. */
const refusedHash = (envelope: InboxEnvelope): Bytes =>
  keccakOf(REFUSED, utf8(comingOf(envelope)), uintBE(envelope.delayed?.gas ?? 0n, 32), envelope.bytes);

/** `root`: after an envelope that became a transaction; undefined of one that was refused. */
export const keptEnvelope = (envelope: InboxEnvelope, root: Bytes | undefined): KeptEnvelope =>
  root === undefined
    ? { came: "refused", word: refusedHash(envelope) }
    : { came: comingOf(envelope), word: root.slice() };

export const encodeKeptUnits = ({ begin, envelopes }: KeptUnits): Bytes =>
  concat(begin, ...envelopes.map(({ came, word }) => concat(Uint8Array.of(COMINGS.indexOf(came)), word)));

export const decodeKeptUnits = (bytes: Bytes): KeptUnits => {
  const envelopes: KeptEnvelope[] = [];
  for (let at = 32; at + ENTRY <= bytes.length; at += ENTRY)
    envelopes.push({ came: COMINGS[bytes[at] as number] ?? "refused", word: bytes.slice(at + 1, at + ENTRY) });
  return { begin: bytes.slice(0, 32), envelopes };
};

/** A block as it was kept. Undefined instead of an answer: L1 holds something else than what was executed. */
export type KeptReplay = {
  readonly number: L2BlockNumber;
  readonly baseFeePerGas: Wei;
  readonly tally: BlockTally;
  stateRoot(): Bytes;
  /** Whether the envelope was a transaction. */
  add(envelope: InboxEnvelope): boolean | undefined;
  finish(): Block | undefined;
};

export type KeptBlock = { readonly block: Block; readonly receipts: readonly Receipt[]; readonly units: KeptUnits };

/** The units of a stored block without executing them, if it begins as L1 says. */
export const replayKept = (
  { block, receipts, units }: KeptBlock,
  { origin }: BlockAttributes,
  opening: Opening,
): KeptReplay | undefined => {
  const { header } = block;
  const { refusal } = opening.rules.budget;
  const isSameOrigin = block.origin.number === origin.number && block.origin.timestamp === origin.timestamp;
  if (!isSameOrigin || header.timestamp !== opening.timestamp || header.gasLimit !== opening.gasLimit) return undefined;
  let tally = emptyTally(opening.budget);
  let root = units.begin;
  let [passed, included] = [0, 0];
  return {
    number: header.number,
    baseFeePerGas: header.baseFeePerGas,
    get tally() {
      return tally;
    },
    stateRoot: () => root,
    add(envelope) {
      const entry = units.envelopes[passed++];
      if (entry === undefined) return undefined;
      if (entry.came === "refused") {
        if (!equalBytes(entry.word, refusedHash(envelope))) return undefined;
        tally = tallyAfterRefusal(tally, envelope.delayed !== undefined, refusal);
        return false;
      }
      const [transaction, receipt] = [block.transactions[included], receipts[included]];
      if (transaction === undefined || receipt === undefined) return undefined;
      const { delayed } = envelope;
      if (entry.came !== comingOf(envelope) || !equalBytes(transaction.envelope, envelope.bytes)) return undefined;
      if (delayed?.kind === "raw" && transaction.gasLimit > delayed.gas) return undefined;
      included++;
      tally = tallyAfter(tally, transaction, receipt);
      root = entry.word;
      return true;
    },
    finish() {
      // INVARIANT: what was kept comes to what the header says, as executing it would.
      const isWhole = passed === units.envelopes.length && included === block.transactions.length;
      const isSame = equalBytes(root, fromHex(header.stateRoot)) && tally.budget === header.budget;
      return isWhole && isSame ? block : undefined;
    },
  };
};
