import { push } from "../state/stack.ts";
import { addFreshSlot, FLAG } from "../state/state.ts";
import { wordOf } from "../state/word.ts";
import { isWarmSlot, setTransient, transientSlot, warmSlot } from "../state/world.ts";
import { frameOf, halt, isStatic, next, type Operation, spend } from "./operation.ts";

const WARM = 100;
/** EIP-2929. */
const COLD_SLOT = 2100;
const COLD_SURCHARGE = 2100;
const TRANSIENT = 100;

/** EIP-2200: a frame with so little gas may be a transfer's stipend; it writes nothing. */
const SENTRY = 2300;
const SET = 20_000;
const RESET = 2900;
/** EIP-3529. */
const CLEAR_REFUND = 4800;

/** A slot's value when the transaction began, now, and after the write. */
type Values = { readonly original: bigint; readonly current: bigint; readonly value: bigint };

const gasOf = ({ original, current, value }: Values): number => {
  if (value === current || original !== current) return WARM;
  return original === 0n ? SET : RESET;
};

/** What the write adds to the refund counter; it may take back what an earlier write added. */
const refundOf = ({ original, current, value }: Values): number => {
  if (value === current) return 0;
  if (original === current) return original !== 0n && value === 0n ? CLEAR_REFUND : 0;
  let refund = 0;
  if (original !== 0n && current === 0n) refund -= CLEAR_REFUND;
  if (original !== 0n && value === 0n) refund += CLEAR_REFUND;
  if (value === original) refund += (original === 0n ? SET : RESET) - WARM;
  return refund;
};

/** Storage, lasting and transient. */
export const STORAGE: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [
    0x54,
    {
      pops: 1,
      pushes: 1,
      run: (state) => {
        const { stack, txTree, world } = state;
        const { self } = frameOf(state);
        const slot = wordOf(stack.value);
        const warm = isWarmSlot(txTree, self, slot);
        if (!spend(state, warm ? WARM : COLD_SLOT)) return halt(state);
        if (!warm) state.txTree = warmSlot(txTree, self, slot);
        next(state, push(stack.below, world.slot(state.stateRoot, self, slot)));
      },
    },
  ],
  [
    0x55,
    {
      pops: 2,
      pushes: 0,
      run: (state) => {
        if (isStatic(state) || state.gas <= SENTRY) return halt(state);
        const { stack, txTree, world } = state;
        const { self, flags } = frameOf(state);
        const fresh = (flags & FLAG.fresh) !== 0;
        const slot = wordOf(stack.value);
        const current = world.slot(state.stateRoot, self, slot);
        // A slot of an account that this transaction created was zero before it.
        const original = fresh ? 0n : world.slot(state.txStartRoot, self, slot);
        const values: Values = { original, current, value: stack.below.value };
        const warm = isWarmSlot(txTree, self, slot);
        if (!spend(state, gasOf(values) + (warm ? 0 : COLD_SURCHARGE))) return halt(state);
        if (!warm) state.txTree = warmSlot(txTree, self, slot);
        state.refund += refundOf(values);
        if (values.value !== current) state.stateRoot = world.setSlot(state.stateRoot, self, slot, values.value);
        if (fresh && current === 0n && values.value !== 0n) state.sweep = addFreshSlot(state.sweep, self, slot);
        next(state, stack.below.below);
      },
    },
  ],
  [
    0x5c,
    {
      pops: 1,
      pushes: 1,
      run: (state) => {
        if (!spend(state, TRANSIENT)) return halt(state);
        const { value, below } = state.stack;
        next(state, push(below, transientSlot(state.txTree, frameOf(state).self, wordOf(value))));
      },
    },
  ],
  [
    0x5d,
    {
      pops: 2,
      pushes: 0,
      run: (state) => {
        if (isStatic(state) || !spend(state, TRANSIENT)) return halt(state);
        const { value, below } = state.stack;
        state.txTree = setTransient(state.txTree, frameOf(state).self, wordOf(value), below.value);
        next(state, below.below);
      },
    },
  ],
]);
