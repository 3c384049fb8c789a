import assert from "node:assert/strict";
import type { Chain, InboxEnvelope } from "../../chain/chain.ts";
import { type ChainState, chainStateAt, hashChainState } from "../../chain/chain-state.ts";
import { ADDRESS, TRANSACTION_GAS_CAP } from "../../chain/parameters.ts";
import { type Inbox, unitsFrom } from "../../chain/units.ts";
import { type Bytes, concat, fromHex, toHex, uintBE } from "../../foundation/bytes.ts";
import { type Answering, supplyTo } from "./answers.ts";
import { createAnswers, type DelayedMessage, type MachineRules } from "./context.ts";
import type { UnitSource } from "./derive.ts";
import { createEvmMachine, type EvmMachine } from "./machine.ts";
import { loadPrecompiles } from "./precompiles.ts";
import { PHASE } from "./state.ts";
import type { Tree } from "./tree.ts";
import { openWorld } from "./world.ts";

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
const TIME = 1_700_000_000n;

/** One batch: delayed messages, and envelopes of each of its blocks. */
export type Batch = { readonly messages?: readonly DelayedMessage[]; readonly blocks: readonly (readonly Bytes[])[] };

/** The batches executed by the chain, one after the other, and the inbox that holds them. */
export const deriveBatches = async (chain: Chain, batches: readonly Batch[]): Promise<Inbox> => {
  const records: { data: Bytes; origin: { number: bigint; timestamp: bigint }; delayedEnd: bigint }[] = [];
  const messages: DelayedMessage[] = [];
  for (const [index, batch] of batches.entries()) {
    const origin = { number: 100n + BigInt(index), timestamp: TIME + 12n * BigInt(index) };
    let queued: InboxEnvelope[] = (batch.messages ?? []).map(({ kind, gas, envelope }) => ({
      bytes: envelope,
      delayed: { kind, gas },
    }));
    messages.push(...(batch.messages ?? []));
    const parts: Bytes[] = [];
    for (const envelopes of batch.blocks) {
      const builder = await chain.begin({ timestamp: origin.timestamp, origin });
      parts.push(item(concat(Uint8Array.of(0), uintBE(origin.timestamp, 8))));
      for (const envelope of queued) await builder.add(envelope);
      queued = [];
      for (const bytes of envelopes) {
        await builder.add({ bytes });
        parts.push(item(bytes));
      }
      await builder.seal();
    }
    records.push({ data: concat(...parts), origin, delayedEnd: BigInt(messages.length) });
    const position = { batch: BigInt(index + 1), cursor: 0, delayed: BigInt(messages.length) };
    await chain.setSafe(chain.head.header.number, position);
  }
  return { record: (i) => records[Number(i)], message: (i) => messages[Number(i)] };
};

/** Steps of a unit that burn no gas. */
const FREE_STEPS = 3_200;
/** States of a unit that are hashed: all of short ones. */
const HASHED_STATES = 4_000;

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
