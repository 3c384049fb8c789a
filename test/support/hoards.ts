import assert from "node:assert/strict";
import { GENESIS_PLACE, statesOf } from "../../bridge/index.ts";
import { concat, TRANSACTION_GAS_CAP, toHex, uintBE } from "../../executor/index.ts";
import { assemble, OP, op } from "../../executor/machine/bytecode.fixture.ts";
import { LOW } from "./disputes.ts";
import type { NodeActor, Stage } from "./stage.ts";

/** Transactions of all the gas that one can have, whose units take whoever disputes them the most memory or time. */

const WORD = 2n ** 255n + 77n;
const far = (at: number) => concat(Uint8Array.of(0x61), uintBE(at, 2));

/** Moves 2^`exponent` words of memory by a byte, again and again: none of them stays as it was. */
const moving = (exponent: number) => {
  const double = (i: number) => op(OP.mcopy, 32n << BigInt(i), 0n, 32n << BigInt(i));
  const head = concat(op(OP.mstore, 0n, WORD), ...Array.from({ length: exponent }, (_, i) => double(i)));
  return concat(
    head,
    assemble(OP.jumpdest, op(OP.mcopy, 1n, 0n, (32n << BigInt(exponent)) - 32n), far(head.length), OP.jump),
  );
};
const [ADD, DUP1] = [0x01, 0x80];
/** Begins with a number on the stack, which each turn makes larger by one. */
const counting = (...turn: readonly number[]) => {
  const head = assemble(0n);
  return concat(head, assemble(OP.jumpdest, 1n, ADD, ...turn, far(head.length), OP.jump));
};

/** By what they do all the time. `steps`: they take more. */
export const HOARDS = {
  "moves 4,096 words": { code: moving(12), steps: 180_000 },
  "moves 32,768 words": { code: moving(15), steps: 150_000 },
  "moves 65,536 words": { code: moving(16), steps: 84_000 },
  "stores transient words": { code: counting(DUP1, DUP1, OP.tstore), steps: 1_070_000 },
  counts: { code: counting(), steps: 3_500_000 },
} as const;
export type HoardName = keyof typeof HOARDS;

/** Trees for as many steps, and for as many units as L1 takes the records for at most. */
export const HOARD_CLAIMS = { ...LOW, heights: [15, 23, 18, 29], period: 210n } as const;

/** Of one L1 block, as the sequencer's budget lets through. */
const AT_A_TIME = 5;
const SECONDS_BETWEEN = 60;

/** Brings them to L1, one in each block. */
export const takeHoards = async (stage: Stage, names: readonly HoardName[]): Promise<void> => {
  const sequencer = await stage.sequencer();
  await sequencer.follow();
  for (const [nonce, name] of names.entries()) {
    await sequencer.send({ nonce, data: toHex(HOARDS[name].code), gas: TRANSACTION_GAS_CAP });
    const block = await sequencer.producer.produce();
    assert.ok(block, `transaction ${nonce} is in a block`);
    if (nonce % AT_A_TIME < AT_A_TIME - 1 && nonce < names.length - 1) continue;
    await sequencer.post();
    await stage.anvil.warp(SECONDS_BETWEEN);
    await sequencer.follow();
  }
};

/** Units of the range from genesis on that used all the gas that a transaction can have. */
export const hoardUnits = async ({ chain, l1 }: NodeActor): Promise<readonly number[]> => {
  const units: number[] = [];
  let [unit, used] = [0, 0n];
  for await (const { state } of statesOf({ chain, inbox: l1 }, GENESIS_PLACE, l1.recordCount)) {
    if (state.gasUsed - used === TRANSACTION_GAS_CAP) units.push(unit - 1);
    used = state.gasUsed;
    unit++;
  }
  return units;
};
