import { type Bytes, fromHex, toHex, uintBE, ZERO_32 } from "../foundation/bytes.ts";
import { EMPTY_FRONTIER, frontierRoot } from "../foundation/merkle.ts";
import { COINBASE, type Header, hashBlockHeader, nextBaseFee, prevRandaoOf } from "../protocol/block.ts";
import { BLOOM_BYTES } from "../protocol/bloom.ts";
import { spend } from "../protocol/budget.ts";
import { type ChainState, chainStateAfter } from "../protocol/chain-state.ts";
import { type Origin, type Position, packedOrigin } from "../protocol/origin.ts";
import { ADDRESS, HISTORY_WINDOW } from "../protocol/parameters.ts";
import { type BlockRules, rulesAt } from "../protocol/rules.ts";
import { type Unit, unitAt } from "../protocol/unit.ts";
import { type BatchRecord, type DelayedMessage, type Ended, fault, type MachineRules } from "./context.ts";
import type { BlockContext } from "./state/state.ts";
import { hashTree, type Tree } from "./state/tree.ts";
import { numberIn } from "./state/word.ts";
import type { World } from "./state/world.ts";

/** Units: what stands at a chain state, and those of one step. */

const HISTORY = fromHex(ADDRESS.history);
const L1_BLOCK = fromHex(ADDRESS.l1Block);
const coinbase = fromHex(COINBASE);

/** What L1 holds, as far as the unit reads it. */
export type UnitSource = {
  record(index: bigint): BatchRecord | undefined;
  message(index: bigint): DelayedMessage | undefined;
};

/** A transaction's envelope on its way into the machine. */
export type Arrival = {
  readonly envelope: Bytes;
  readonly after: Position;
  /** Place of the envelope in the batch. */
  readonly start: number;
  readonly delayed: Pick<DelayedMessage, "kind" | "gas"> | undefined;
  readonly block: BlockContext;
  /** Loaded by field elements of a blob. */
  readonly inPieces: boolean;
};

type Components = {
  readonly chain: ChainState;
  readonly tree: Tree;
  readonly world: World;
  readonly rules: MachineRules;
};

const blockOf = (chain: ChainState, origin: Origin, { chainId, fork }: BlockRules): BlockContext => ({
  number: chain.number,
  timestamp: chain.timestamp,
  gasLimit: chain.gasLimit,
  baseFee: chain.baseFee,
  coinbase,
  prevRandao: prevRandaoOf(toHex(chain.parentHash), origin.number),
  chainId,
  fork,
});

const beginBlock = ({ chain, tree, world }: Components, unit: Unit & { kind: "begin" }): Ended => {
  const slot = uintBE(chain.number % HISTORY_WINDOW, 32);
  const withHistory = world.setSlot(tree, HISTORY, slot, numberIn(chain.parentHash));
  const after = world.setSlot(withHistory, L1_BLOCK, ZERO_32, packedOrigin(unit.attributes.origin));
  const { gasLimit, gasUsed, baseFee } = chain;
  const { opening } = unit;
  return {
    tree: after,
    chain: {
      phase: "open",
      position: unit.after,
      number: chain.number + 1n,
      timestamp: opening.timestamp,
      gasUsed: 0n,
      gasLimit: opening.gasLimit,
      budget: opening.budget,
      baseFee: nextBaseFee({ gasLimit, gasUsed, baseFeePerGas: baseFee }, opening.rules),
      parentHash: chain.parentHash,
      stateRoot: hashTree(after),
      bloom: new Uint8Array(BLOOM_BYTES),
      transactions: EMPTY_FRONTIER,
      receipts: EMPTY_FRONTIER,
    },
  };
};

const endBlock = ({ chain, tree, rules }: Components, position: Position, origin: Origin): Ended => {
  const block = blockOf(chain, origin, rulesAt(rules.parameters, chain.timestamp));
  const header: Header = {
    number: chain.number,
    parentHash: toHex(chain.parentHash),
    timestamp: chain.timestamp,
    coinbase: COINBASE,
    stateRoot: toHex(chain.stateRoot),
    transactionsRoot: toHex(frontierRoot(chain.transactions)),
    receiptsRoot: toHex(frontierRoot(chain.receipts)),
    logsBloom: toHex(chain.bloom),
    gasLimit: block.gasLimit,
    gasUsed: chain.gasUsed,
    budget: chain.budget,
    baseFeePerGas: chain.baseFee,
    prevRandao: toHex(block.prevRandao),
  };
  const made = { hash: hashBlockHeader(header), header };
  const { transactions, receipts } = chain;
  return { tree, chain: chainStateAfter(made, { position, transactions, receipts }) };
};

/** Behind an envelope that was posted and is no transaction: it takes its price. */
export const refuse = (chain: ChainState, after: Position, { parameters }: MachineRules): ChainState => ({
  ...chain,
  position: after,
  budget: spend(chain.budget, rulesAt(parameters, chain.timestamp).budget.refusal),
});

/** The first step of the unit at a chain state: its end, or a transaction that arrives. MACHINE_INBOX_GAP. */
export const beginUnit = (components: Components, source: UnitSource): Ended | Arrival => {
  const { chain, tree, rules } = components;
  const { batch } = chain.position;
  const record = source.record(batch);
  if (record === undefined) throw fault("MACHINE_INBOX_GAP", `record ${batch} has not been read from L1`, { batch });
  const { origin } = record;
  const unit = unitAt(chain, record, rules.parameters);
  const unchanged: Ended = { tree, chain: { ...chain, position: unit.after } };
  switch (unit.kind) {
    case "begin":
      return beginBlock(components, unit);
    case "end":
      return endBlock(components, unit.after, origin);
    case "skip":
      return unchanged;
    case "envelope": {
      const { envelope, after } = unit;
      if (envelope === undefined) return { tree, chain: refuse(chain, after, rules) };
      const start = after.cursor - envelope.length;
      const block = blockOf(chain, origin, rulesAt(rules.parameters, chain.timestamp));
      return { envelope, after, start, delayed: undefined, block, inPieces: record.medium === "blobs" };
    }
    case "message": {
      const message = source.message(unit.index);
      if (message === undefined)
        throw fault("MACHINE_INBOX_GAP", `message ${unit.index} has not been read from L1`, { message: unit.index });
      const { envelope, kind, gas } = message;
      const block = blockOf(chain, origin, rulesAt(rules.parameters, chain.timestamp));
      return { envelope, after: unit.after, start: 0, delayed: { kind, gas }, block, inPieces: false };
    }
  }
};
