import assert from "node:assert/strict";
import type { BlockBuilder, Chain } from "../chain/chain.ts";
import { unitsFrom } from "../chain/units.ts";
import { type Bytes, concat, fromHex, toHex, uintBE, ZERO_32 } from "../foundation/bytes.ts";
import { keccak256 } from "../foundation/keccak.ts";
import { type ChainState, chainStateAt, hashChainState } from "../protocol/chain-state.ts";
import type { Origin, Position } from "../protocol/origin.ts";
import { ADDRESS, TRANSACTION_GAS_CAP } from "../protocol/parameters.ts";
import { type Inbox, unitAt } from "../protocol/unit.ts";
import { type Answering, supplyTo } from "./answers.ts";
import { createAnswers, type DelayedMessage, type MachineRules } from "./context.ts";
import type { UnitSource } from "./derive.ts";
import { createEvmMachine, type EvmMachine, type Preimages } from "./machine.ts";
import { loadPrecompiles } from "./precompiles.ts";
import { PHASE } from "./state/state.ts";
import type { Tree } from "./state/tree.ts";
import { openWorld } from "./state/world.ts";

const precompiles = await loadPrecompiles();

const rulesOf = (chain: Chain): MachineRules => ({
  parameters: chain.parameters,
  baseFeeVault: fromHex(ADDRESS.baseFeeVault),
  gasCap: TRANSACTION_GAS_CAP,
});

export const MEDIA = ["calldata", "blobs"] as const;
export type Medium = (typeof MEDIA)[number];

/** The inbox as machines read it. */
const sourceOf = (inbox: Inbox, medium: Medium): UnitSource => ({
  record(index) {
    const record = inbox.record(index);
    return record === undefined ? undefined : { ...record, medium };
  },
  message: (index) => inbox.message(index),
});

/** Machines from one unit to the next, from genesis on. */
export const walkUnits = (chain: Chain, inbox: Inbox, medium: Medium, start: ChainState) => {
  const { world, tree } = openWorld(chain.ground(0n));
  const components = { inbox: sourceOf(inbox, medium), world, rules: rulesOf(chain), precompiles };
  const answers = createAnswers();
  let at: { readonly chain: ChainState; readonly tree: Tree } = { chain: start, tree };
  return {
    /** A machine at the unit that is next. */
    open: (): EvmMachine => createEvmMachine({ ...components, answers }, at),
    /** The next unit is the one after this machine's. */
    pass(machine: EvmMachine): void {
      if (machine.ended === undefined) throw new Error("the unit has not ended");
      at = machine.ended;
    },
  };
};

const item = (body: Bytes): Bytes => concat(uintBE(body.length, 4), body);
/** Of the first batch's origin, in seconds; the next has one SLOT later. */
export const TIME = 1_700_000_000n;
export const SLOT = 12n;

/** One batch: delayed messages, and envelopes of each of its blocks. `after`: seconds of each behind the batch's origin. */
export type Batch = {
  readonly messages?: readonly DelayedMessage[];
  readonly blocks: readonly (readonly Bytes[])[];
  readonly after?: readonly bigint[];
};

type BuiltRecord = { readonly data: Bytes; readonly origin: Origin; readonly delayedEnd: bigint };

const dataOf = (origin: bigint, { blocks, after = [] }: Batch): Bytes =>
  concat(
    ...blocks.flatMap((envelopes, i) => {
      const header = concat(Uint8Array.of(0), uintBE(origin + (after[i] ?? 0n), 8));
      return [header, ...envelopes].map(item);
    }),
  );

/** The blocks that a record holds, whatever its bytes are, built on the chain. */
const buildRecord = async (chain: Chain, record: BuiltRecord, from: Position, messages: readonly DelayedMessage[]) => {
  const { batch } = from;
  let position = from;
  let builder: BlockBuilder | undefined;
  while (position.batch === batch) {
    const { timestamp, budget } = builder ?? chain.head.header;
    const phase = builder === undefined ? "between" : "open";
    const unit = unitAt({ phase, position, timestamp, budget }, record, chain.parameters);
    if (unit.kind === "begin") builder = await chain.begin(unit.attributes);
    else if (unit.kind === "message") {
      const { envelope, kind, gas } = messages[Number(unit.index)] as DelayedMessage;
      await builder?.add({ bytes: envelope, delayed: { kind, gas } });
    } else if (unit.kind === "envelope") await builder?.add({ bytes: unit.envelope ?? new Uint8Array(0) });
    else if (unit.kind === "end") {
      await builder?.seal();
      builder = undefined;
    }
    position = unit.after;
  }
  await chain.setSafe(chain.head.header.number, position);
  return position;
};

/** The batches executed by the chain, one after the other, and the inbox that holds them. `spoil` has a go at the bytes. */
export const deriveBatches = async (
  chain: Chain,
  batches: readonly Batch[],
  spoil: (data: Bytes, index: number) => Bytes = (data) => data,
): Promise<Inbox> => {
  const records: BuiltRecord[] = [];
  const messages: DelayedMessage[] = [];
  let position: Position = { batch: 0n, cursor: 0, delayed: 0n };
  for (const [index, batch] of batches.entries()) {
    const origin = { number: 100n + BigInt(index), timestamp: TIME + SLOT * BigInt(index) };
    messages.push(...(batch.messages ?? []));
    const data = spoil(dataOf(origin.timestamp, batch), index);
    const record = { data, origin, delayedEnd: BigInt(messages.length) };
    records.push(record);
    position = await buildRecord(chain, record, position, messages);
  }
  return { record: (i) => records[Number(i)], message: (i) => messages[Number(i)] };
};

/** Steps of a unit that burn no gas. */
const FREE_STEPS = 3_200;
/** States of a unit that are hashed: all of short ones. */
const HASHED_STATES = 4_000;

const SIZES: Readonly<Partial<Record<keyof Preimages, number>>> = {
  state: 128,
  rest: 301,
  frame: 350,
  parent: 128,
  registers: 342,
  chain: 254,
};

/** Parts have their widths, and the hash of each stands in the one above. */
const holdPreimages = (machine: EvmMachine): void => {
  const parts = machine.preimages();
  for (const [name, size] of Object.entries(SIZES)) {
    const part = parts[name as keyof Preimages];
    if (part !== undefined) assert.equal(part.length, size, name);
  }
  const { state, rest, frame, parent, env, block, registers, logs, sweep } = parts;
  if (state === undefined || rest === undefined) return;
  assert.equal(toHex(machine.hash()), toHex(keccak256(state)));
  const within = (part: Bytes | undefined, whole: Bytes | undefined, at: number) => {
    const found = whole?.subarray(at, at + 32) ?? ZERO_32;
    assert.equal(toHex(found), toHex(part === undefined ? ZERO_32 : keccak256(part)));
  };
  within(rest, state, 96);
  within(frame, rest, 1);
  within(logs, rest, 129);
  within(sweep, rest, 161);
  if (env !== undefined) within(env, rest, 237);
  within(block, env, 1);
  within(registers, rest, 269);
  within(parent, frame, 1);
};

/**
 * Every unit up to the inbox's end as the machine runs it, against the chain's. No state comes twice in a unit, and a unit
 * has at most 3,200 steps more than gas. Gives the phases and opcodes that were seen.
 */
export const compareUnits = async (
  chain: Chain,
  inbox: Inbox,
  medium: Medium,
  answer: Answering = () => Promise.reject(new Error("no model is asked here")),
) => {
  const start = chainStateAt(chain, 0n, { batch: 0n, cursor: 0, delayed: 0n });
  const walk = walkUnits(chain, inbox, medium, start);
  const phases = new Set<number>();
  const opcodes = new Set<number>();
  let units = 0;
  let steps = 0;
  for await (const expected of unitsFrom({ chain, inbox }, start, chain.position.batch)) {
    const machine = walk.open();
    const hashes = new Set<string>([toHex(machine.hash())]);
    let gas = 0;
    while (machine.ended === undefined) {
      await supplyTo(machine, answer);
      machine.step();
      const { state } = machine;
      if (state?.env !== undefined) gas = Number(state.env.gasLimit);
      if (state !== undefined) phases.add(state.phase);
      if (state?.phase === PHASE.op) opcodes.add(state.frame?.code.bytes[state.pc] ?? 0);
      if (machine.steps > HASHED_STATES) continue;
      if (machine.steps % 16 === 0) holdPreimages(machine);
      hashes.add(toHex(machine.hash()));
      assert.equal(hashes.size, machine.steps + 1, "a state came twice");
    }
    assert.deepEqual(machine.ended.chain, expected, `unit ${units}`);
    assert.equal(toHex(machine.hash()), toHex(hashChainState(expected)));
    assert.ok(machine.steps <= gas + FREE_STEPS, `${machine.steps} steps for ${gas} gas`);
    walk.pass(machine);
    units++;
    steps += machine.steps;
  }
  return { units, steps, phases, opcodes };
};
