import { type Bytes, fromHex } from "../../foundation/bytes.ts";
import { encodeChainState } from "../../protocol/chain-state.ts";
import type { Fork } from "../../protocol/forks.ts";
import { decode } from "../decode.ts";
import { encodeRegisters, PHASE, type Registers } from "../state/state.ts";
import type { Tree } from "../state/tree.ts";
import { addressMark, isPrecompile, warmAddress } from "../state/world.ts";
import { openAccount } from "./accounts.ts";
import type { Evidence, Step } from "./step.ts";
import { openPath } from "./tree.ts";

/** The mark of an address; none for a precompile, which is warm by rule. */
export const openMark = (marks: Tree, address: Bytes, fork: Fork): Evidence =>
  isPrecompile(address, fork) ? [] : openPath(marks, addressMark(address));

/** As BatchInbox numbers them. */
const MESSAGE_KIND = { deposit: 0, raw: 1 } as const;

/**
 * The envelope as a whole, and where it comes from; of a well-formed transaction the sender's account; of a valid one the marks
 * of who is warm at its start. Twin of DecodeSteps.sol.
 */
export const decodeEvidence = ({ state, after, context }: Step): Evidence => {
  const { envelope, delayed, pre, block } = context;
  const head = [
    encodeRegisters(state.registers as Registers),
    encodeChainState(pre),
    envelope,
    ...(delayed === undefined ? [] : [Uint8Array.of(MESSAGE_KIND[delayed.kind])]),
  ];
  const decoded = decode(envelope, context);
  if (decoded === undefined) return head;
  const { transaction, sender } = decoded;
  const origin = sender.bytes;
  const account = openAccount(state.world, state.stateRoot, origin);
  // Refused: there is no other phase.
  if (after.phase === PHASE.decode) return [...head, ...account];
  const { to } = transaction;
  const marks: Bytes[] = [];
  let tree = state.txTree;
  for (const address of [origin, ...(to === undefined ? [] : [fromHex(to)]), block.coinbase]) {
    marks.push(...openMark(tree, address, block.fork));
    tree = warmAddress(tree, address, block.fork);
  }
  return [...head, ...account, ...marks];
};
