import { type Bytes, concat, fromHex } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import { keccak256 } from "../foundation/keccak.ts";
import type { ChainState } from "../protocol/chain-state.ts";
import { type Content, contentHashOf } from "../protocol/model-content.ts";
import type { Origin, Position } from "../protocol/origin.ts";
import type { ChainParameters } from "../protocol/parameters.ts";
import type { Precompiles } from "./precompiles.ts";
import type { BlockContext } from "./state/state.ts";
import type { Tree } from "./state/tree.ts";

export type MachineErrorCode =
  /** A step needs a model's answer that was not supplied: `machine.need` says which. Supply it and step again. */
  | "MACHINE_NEEDS_ANSWER"
  /** Derivation stands before a record or message that has not been read from L1. Read on, and begin the unit again. */
  | "MACHINE_INBOX_GAP"
  /** The unit has ended: there is no step. */
  | "MACHINE_DONE"
  /**
   * An invariant of the machine does not hold: its state was not reached by steps. A fault in this program: report it.
   */
  | "MACHINE_BROKEN";

export const fault = (code: MachineErrorCode, message: string, data: Record<string, unknown> = {}) =>
  new CodedError<MachineErrorCode>(code, message, data);

/** What L1 holds of one batch. `medium` decides whether envelopes are loaded at once or by field elements; a forced one is empty. */
export type BatchRecord = {
  readonly data: Bytes;
  readonly origin: Origin;
  readonly delayedEnd: bigint;
  readonly medium: "calldata" | "blobs" | "forced";
};
export type DelayedMessage = { readonly kind: "deposit" | "raw"; readonly gas: bigint; readonly envelope: Bytes };

/** What the next step cannot compute by itself: its answer is level 2's to prove. */
export type Need =
  | { readonly kind: "infer"; readonly id: Bytes; readonly input: Bytes }
  | { readonly kind: "admit"; readonly id: Bytes; readonly content: Content };
export type Answer = { readonly kind: Need["kind"]; readonly output: Bytes };

const KIND_BYTE = { infer: 1, admit: 2 } as const;

const keyOf = (need: Need): string => {
  const rest = need.kind === "infer" ? need.input : fromHex(contentHashOf(need.content));
  return Buffer.from(keccak256(concat(Uint8Array.of(KIND_BYTE[need.kind]), need.id, rest))).toString("latin1");
};

/** Answers that were supplied, kept so that steps can be taken again. */
export const createAnswers = () => {
  const answers = new Map<string, Answer>();
  return {
    get: (need: Need): Answer | undefined => answers.get(keyOf(need)),
    set(need: Need, answer: Answer): void {
      answers.set(keyOf(need), answer);
    },
  };
};
export type Answers = ReturnType<typeof createAnswers>;

/** INVARIANT: the driver supplies what `need` names before the step. */
export const answerTo = (answers: Answers, need: Need): Answer => {
  const answer = answers.get(need);
  if (answer?.kind !== need.kind)
    throw fault("MACHINE_NEEDS_ANSWER", `the answer to ${need.kind} was not supplied`, { kind: need.kind });
  return answer;
};

/** Rules of the chain. */
export type MachineRules = {
  readonly parameters: ChainParameters;
  /** Who gets the base fee; undefined burns it, as Ethereum does. */
  readonly baseFeeVault: Bytes | undefined;
  /** EIP-7825's bound of a transaction's gas limit. */
  readonly gasCap: bigint;
};

/** The transaction that is executed: where its envelope came from, and where derivation goes on behind it. */
export type UnitContext = MachineRules & {
  readonly pre: ChainState;
  /** Hash of `pre`. */
  readonly chainPre: Bytes;
  readonly after: Position;
  readonly envelope: Bytes;
  /** Place of the envelope's first byte in the batch. */
  readonly start: number;
  readonly delayed: Pick<DelayedMessage, "kind" | "gas"> | undefined;
  readonly block: BlockContext;
  readonly precompiles: Precompiles;
  readonly answers: Answers;
};

/** The unit's end: the chain state, and the state tree behind its root. */
export type Ended = { readonly chain: ChainState; readonly tree: Tree };
