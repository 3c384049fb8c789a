import { type Bytes, concat, fromHex, uintBE, ZERO_32 } from "../../foundation/bytes.ts";
import type { Frontier } from "../../foundation/merkle.ts";
import { batchItemAt } from "../../protocol/batch.ts";
import { type ChainState, encodeChainState } from "../../protocol/chain-state.ts";
import { ADDRESS, HISTORY_WINDOW } from "../../protocol/parameters.ts";
import { rulesAt } from "../../protocol/rules.ts";
import { unitAt } from "../../protocol/unit.ts";
import { slotKey } from "../../state/account.ts";
import { type BatchRecord, fault, type MachineRules } from "../context.ts";
import type { UnitSource } from "../derive.ts";
import { encodeRegisters, type Registers } from "../state/state.ts";
import type { Tree } from "../state/tree.ts";
import { numberIn } from "../state/word.ts";
import type { World } from "../state/world.ts";
import type { BlobSource, Evidence, Step } from "./step.ts";
import { openPath } from "./tree.ts";
import { openBytes } from "./words.ts";

const ELEMENT_BYTES = 31;
const ELEMENTS = 4096;
const LENGTH_BYTES = 4;
const HEADER_BYTES = 9;

const HISTORY = fromHex(ADDRESS.history);
const L1_BLOCK = fromHex(ADDRESS.l1Block);

/** Elements `first` to `last` of a record's blobs. */
const openElements = (blobs: BlobSource, hashes: readonly Bytes[], first: number, last: number): Evidence =>
  Array.from({ length: last - first + 1 }, (_, i) => {
    const hash = hashes[Math.floor((first + i) / ELEMENTS)] as Bytes;
    const { commitment, proof, value } = blobs.element(hash, (first + i) % ELEMENTS);
    return concat(commitment, proof, value);
  });

const openHashes = (hashes: readonly Bytes[]): Evidence => [Uint8Array.of(hashes.length), ...hashes];

/** A batch's data, as far as the item at a cursor needs them. */
const openBatch = (record: BatchRecord, index: bigint, cursor: number, blobs: BlobSource): Evidence => {
  const { data, medium } = record;
  if (medium === "forced") return [];
  if (medium === "calldata") return [uintBE(data.length, 4), data];
  const hashes = blobs.blobHashes(index);
  if (data.length - cursor < LENGTH_BYTES) return openHashes(hashes);
  const isWhole = batchItemAt(data, cursor)?.body.length === HEADER_BYTES;
  const end = cursor + LENGTH_BYTES + (isWhole ? HEADER_BYTES : 0);
  const [first, last] = [cursor, end - 1].map((place) => Math.floor(place / ELEMENT_BYTES)) as [number, number];
  return [...openHashes(hashes), ...openElements(blobs, hashes, first, last)];
};

const openFrontier = ({ count, peaks }: Frontier): Evidence => [uintBE(count, 4), ...peaks];

type Components = {
  readonly chain: ChainState;
  readonly tree: Tree;
  readonly world: World;
  readonly rules: MachineRules;
};

/** The paths of the two slots that a block's begin writes, each in the tree as it is then. */
const openBegin = ({ chain, tree, world }: Components): Evidence => {
  const slot = uintBE(chain.number % HISTORY_WINDOW, 32);
  const after = world.setSlot(tree, HISTORY, slot, numberIn(chain.parentHash));
  return [...openPath(tree, slotKey(HISTORY, slot)), ...openPath(after, slotKey(L1_BLOCK, ZERO_32))];
};

/** Evidence of a unit's first step, from a chain state on. MACHINE_INBOX_GAP. */
export const unitEvidence = (components: Components, source: UnitSource, blobs: BlobSource): Bytes => {
  const { chain, rules } = components;
  const { batch, cursor } = chain.position;
  const record = source.record(batch);
  if (record === undefined) throw fault("MACHINE_INBOX_GAP", `record ${batch} has not been read from L1`, { batch });
  const unit = unitAt(chain, record, rules.parameters);
  const head = encodeChainState(chain);
  if (unit.kind === "message") {
    const message = source.message(unit.index);
    if (message === undefined)
      throw fault("MACHINE_INBOX_GAP", `message ${unit.index} has not been read from L1`, { message: unit.index });
    const { kind, envelope } = message;
    return concat(head, Uint8Array.of(kind === "deposit" ? 0 : 1), uintBE(envelope.length, 4), envelope);
  }
  const isSpent = chain.phase === "open" && chain.budget < rulesAt(rules.parameters, chain.timestamp).budget.refusal;
  const data = isSpent ? [] : openBatch(record, batch, cursor, blobs);
  const { bloom, transactions, receipts } = chain;
  const own = {
    begin: () => openBegin(components),
    end: () => [bloom, ...openFrontier(transactions), ...openFrontier(receipts)],
    skip: () => [],
    envelope: () => [],
  }[unit.kind]();
  return concat(head, ...data, ...own);
};

/** LOAD: registers, the chain state before, the blobs' hashes, the element, the words that it fills. */
export const loadEvidence = ({ state, context, sources: { blobs } }: Step): Evidence => {
  const registers = state.registers as Registers;
  const { cursor, length } = registers;
  const place = context.start + cursor;
  const size = Math.min(ELEMENT_BYTES - (place % ELEMENT_BYTES), length - cursor);
  const hashes = blobs.blobHashes(context.pre.position.batch);
  const element = Math.floor(place / ELEMENT_BYTES);
  return [
    encodeRegisters(registers),
    encodeChainState(context.pre),
    ...openHashes(hashes),
    ...openElements(blobs, hashes, element, element),
    ...openBytes(state.memory, cursor, size),
  ];
};
