import { setImmediate } from "node:timers/promises";
import type { Bytes } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { type ChainState, chainStateAfter, type StateBetween } from "../protocol/chain-state.ts";
import type { Position } from "../protocol/origin.ts";
import type { InboxEnvelope } from "../protocol/transaction.ts";
import { type Inbox, type InboxRecord, type Unit, unitAt } from "../protocol/unit.ts";
import type { BlockReplay, Chain, ExecutedUnits } from "./chain.ts";
import { type KeptEnvelope, type KeptReplay, keptEnvelope, replayKept } from "./kept-units.ts";

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

/** Blocks whose units are kept by one write. */
const KEPT_AT_ONCE = 64;

/** A block that is executed again, and what its units came to so far. */
type Execution = { readonly replay: BlockReplay; readonly begin: Bytes; readonly envelopes: KeptEnvelope[] };

const addTo = async ({ replay, envelopes }: Execution, envelope: InboxEnvelope): Promise<boolean> => {
  const { included } = await replay.add(envelope);
  envelopes.push(keptEnvelope(envelope, included ? replay.stateRoot() : undefined));
  return included;
};

/** An open block: as it was kept, or executed again where L1 holds something else than what was kept, or nothing was. */
const openBlock = async (chain: Chain, parent: bigint, { attributes, opening }: Unit & { kind: "begin" }) => {
  const number = parent + 1n;
  const [block, receipts, units] = [chain.blockByNumber(number), chain.receipts(number), chain.keptUnits(number)];
  let kept = block && receipts && units && replayKept({ block, receipts, units }, attributes, opening);
  let executed: Execution | undefined;
  const passed: InboxEnvelope[] = [];

  const execute = async (): Promise<Execution> => {
    if (executed !== undefined) return executed;
    kept = undefined;
    const replay = await chain.replay(parent, attributes);
    executed = { replay, begin: replay.stateRoot(), envelopes: [] };
    for (const envelope of passed) await addTo(executed, envelope);
    return executed;
  };
  const first: KeptReplay | BlockReplay = kept ?? (await execute()).replay;
  return {
    get now() {
      return executed?.replay ?? first;
    },
    /** Whether the envelope is a transaction. */
    async add(envelope: InboxEnvelope): Promise<boolean> {
      const isIncluded = kept?.add(envelope) ?? (await addTo(await execute(), envelope));
      passed.push(envelope);
      return isIncluded;
    },
    /** The block, and what its units came to if they were executed. */
    async finish() {
      const known = kept?.finish();
      if (known !== undefined) return { block: known, units: undefined };
      const { replay, begin, envelopes } = await execute();
      return { block: replay.finish(), units: { begin, envelopes } };
    },
  };
};
type OpenBlock = Awaited<ReturnType<typeof openBlock>>;

/**
 * The state after each unit from `start` on, until derivation stands before record `limit`. Each block is executed again
 * beside the chain, once: what its units came to is kept as long as claims may ask for it. It must come out as the chain's,
 * which must be safe. UNITS_INBOX_GAP, UNITS_NOT_SAFE, UNITS_OTHER_BLOCK; STATE_PRUNED when the chain has forgotten what a
 * block began with.
 */
export async function* unitsFrom(
  { chain, inbox }: { readonly chain: Chain; readonly inbox: Inbox },
  start: StateBetween,
  limit: bigint,
): AsyncGenerator<ChainState, void, undefined> {
  let state: ChainState = start;
  let block: OpenBlock | undefined;
  let record: InboxRecord | undefined;
  let fresh: ExecutedUnits[] = [];

  const keep = async (): Promise<void> => {
    const executed = fresh;
    fresh = [];
    if (executed.length > 0) await chain.keepUnits(executed);
  };

  const begin = async (unit: Unit & { kind: "begin" }): Promise<ChainState> => {
    const { number } = state;
    if (number >= chain.heads.safe)
      throw fault("UNITS_NOT_SAFE", `block ${number + 1n} has not been derived from L1`, { number: number + 1n });
    block = await openBlock(chain, number, unit);
    const { now } = block;
    return {
      phase: "open",
      position: unit.after,
      number: now.number,
      timestamp: unit.opening.timestamp,
      gasLimit: unit.opening.gasLimit,
      baseFee: now.baseFeePerGas,
      parentHash: state.parentHash,
      stateRoot: now.stateRoot(),
      ...now.tally,
    };
  };
  const apply = async (envelope: InboxEnvelope, position: Position): Promise<ChainState> => {
    const open = block as OpenBlock;
    const isIncluded = await open.add(envelope);
    return { ...state, position, ...open.now.tally, ...(isIncluded ? { stateRoot: open.now.stateRoot() } : {}) };
  };
  const end = async (position: Position): Promise<ChainState> => {
    const { block: made, units } = await (block as OpenBlock).finish();
    const { number } = made.header;
    const known = chain.blockByNumber(number)?.hash;
    // INVARIANT: nothing is claimed that is not, block for block, what this node derived from L1.
    if (known !== made.hash)
      throw fault("UNITS_OTHER_BLOCK", `L1 holds block ${number} as ${made.hash}, not ${known}`, { number });
    block = undefined;
    if (units !== undefined) fresh.push({ number, hash: made.hash, units });
    if (fresh.length >= KEPT_AT_ONCE) await keep();
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

  try {
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
  } finally {
    await keep();
  }
}
