import { setImmediate } from "node:timers/promises";
import type { Bytes } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { type ChainState, chainStateAfter, type StateBetween } from "../protocol/chain-state.ts";
import type { Position } from "../protocol/origin.ts";
import type { InboxEnvelope } from "../protocol/transaction.ts";
import { type Inbox, type InboxRecord, type Unit, unitAt } from "../protocol/unit.ts";
import type { BlockReplay, Chain } from "./chain.ts";

export type UnitsErrorCode =
  /** A record or message has not been read from L1 yet. Wait until the node has. */
  | "UNITS_INBOX_GAP"
  /** A block has not been derived from L1 yet. Wait until it is safe. */
  | "UNITS_NOT_SAFE"
  /** L1 holds another block than the chain: one of the two is about to follow. Try again. */
  | "UNITS_OTHER_BLOCK";

const fault = (code: UnitsErrorCode, message: string, data: Record<string, unknown>) =>
  new CodedError<UnitsErrorCode>(code, message, data);

/** Stands for an envelope that is too long to be read: refused, as it would be. */
const UNREADABLE: Bytes = new Uint8Array(0);

/** Units after which other work has its turn. */
const BREATH = 32;

/**
 * The state after each unit from `start` on, until derivation stands before record `limit`. Every block is executed
 * again beside the chain, and must come out as the chain's, which must be safe. UNITS_INBOX_GAP, UNITS_NOT_SAFE,
 * UNITS_OTHER_BLOCK; STATE_PRUNED when the chain has forgotten what a block began with.
 */
export async function* unitsFrom(
  { chain, inbox }: { readonly chain: Chain; readonly inbox: Inbox },
  start: StateBetween,
  limit: bigint,
): AsyncGenerator<ChainState, void, undefined> {
  let state: ChainState = start;
  let block: BlockReplay | undefined;
  let record: InboxRecord | undefined;

  const begin = async ({ attributes, opening, after }: Unit & { kind: "begin" }): Promise<ChainState> => {
    const { number } = state;
    if (number >= chain.heads.safe)
      throw fault("UNITS_NOT_SAFE", `block ${number + 1n} has not been derived from L1`, { number: number + 1n });
    block = await chain.replay(number, attributes);
    return {
      phase: "open",
      position: after,
      number: block.number,
      timestamp: opening.timestamp,
      gasLimit: opening.gasLimit,
      baseFee: block.baseFeePerGas,
      parentHash: state.parentHash,
      stateRoot: block.stateRoot(),
      ...block.tally,
    };
  };
  const apply = async (envelope: InboxEnvelope, position: Position): Promise<ChainState> => {
    const open = block as BlockReplay;
    const { included } = await open.add(envelope);
    return { ...state, position, ...open.tally, ...(included ? { stateRoot: open.stateRoot() } : {}) };
  };
  const end = (position: Position): ChainState => {
    const made = (block as BlockReplay).finish();
    const { number } = made.header;
    const known = chain.blockByNumber(number)?.hash;
    // INVARIANT: nothing is claimed that is not, block for block, what this node derived from L1.
    if (known !== made.hash)
      throw fault("UNITS_OTHER_BLOCK", `L1 holds block ${number} as ${made.hash}, not ${known}`, { number });
    block = undefined;
    return chainStateAfter(made, { position, transactions: state.transactions, receipts: state.receipts });
  };

  const next = async (unit: Unit): Promise<ChainState> => {
    switch (unit.kind) {
      case "begin":
        return begin(unit);
      case "message": {
        const message = inbox.message(unit.index);
        if (message === undefined)
          throw fault("UNITS_INBOX_GAP", `message ${unit.index} has not been read from L1`, { message: unit.index });
        const { envelope: bytes, kind, gas } = message;
        return apply({ bytes, delayed: { kind, gas } }, unit.after);
      }
      case "envelope":
        return apply({ bytes: unit.envelope ?? UNREADABLE }, unit.after);
      case "end":
        return end(unit.after);
      case "skip":
        return { ...state, position: unit.after };
    }
  };

  for (let units = 1; state.position.batch < limit; units++) {
    const { batch } = state.position;
    record ??= inbox.record(batch);
    if (record === undefined)
      throw fault("UNITS_INBOX_GAP", `record ${batch} has not been read from L1`, { record: batch });
    state = await next(unitAt(state, record, chain.parameters));
    if (state.position.batch !== batch) record = undefined;
    yield state;
    if (units % BREATH === 0) await setImmediate();
  }
}
