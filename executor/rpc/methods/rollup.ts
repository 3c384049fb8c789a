import type { L2BlockNumber } from "../../foundation/brand.ts";
import { fromHex, toHex, ZERO_32 } from "../../foundation/bytes.ts";
import type { Block } from "../../protocol/block.ts";
import { outputRootOf } from "../../protocol/chain-state.ts";
import type { Backend } from "../backend.ts";
import { blockNotFound } from "../block-lookup.ts";
import type { Json } from "../format.ts";
import { type MethodTable, method } from "../method.ts";
import { count } from "../schemas.ts";

/** How far the chain is, and what a claim says of a block: in the names of the OP Stack, whose numbers are plain.
 * `derivation_failure`: why derivation stands still, null while it does not. */

const formatRef = ({ hash, header, origin }: Block): Json => ({
  hash,
  number: Number(header.number),
  parentHash: header.parentHash,
  timestamp: Number(header.timestamp),
  l1origin: { number: Number(origin.number), timestamp: Number(origin.timestamp) },
});

const syncStatus = ({ chain, l1, derivation }: Backend): Json => {
  /** Of a snapshot's own block there is the header, which is all that is told. */
  const at = (number: L2BlockNumber): Json => {
    const block = chain.blockByNumber(number);
    if (block === undefined) throw blockNotFound();
    return formatRef(block);
  };
  const { unsafe, safe, finalized } = chain.heads;
  const head = l1?.head;
  return {
    current_l1:
      head === undefined ? null : { hash: head.hash, number: Number(head.number), timestamp: Number(head.timestamp) },
    finalized_l1: l1 === undefined ? null : { number: Number(l1.finalized) },
    unsafe_l2: at(unsafe),
    safe_l2: at(safe),
    finalized_l2: at(finalized),
    derivation_failure: derivation?.failure ?? null,
  };
};

const outputAt = (number: bigint, backend: Backend): Json => {
  const block = backend.chain.blockByNumber(number);
  if (block === undefined) throw blockNotFound();
  const { stateRoot } = block.header;
  return {
    version: toHex(ZERO_32),
    outputRoot: toHex(outputRootOf(fromHex(stateRoot), fromHex(block.hash))),
    blockRef: formatRef(block),
    // Accounts and slots are in one tree.
    withdrawalStorageRoot: stateRoot,
    stateRoot,
    syncStatus: syncStatus(backend),
  };
};

const status = method([], (_, backend) => syncStatus(backend));
const output = method([count], ([number], backend) => outputAt(number, backend));

/** `optimism_`: for tools that know these methods by op-node's names. */
export const ROLLUP_METHODS: MethodTable = {
  rollup_syncStatus: status,
  optimism_syncStatus: status,
  rollup_outputAtBlock: output,
  optimism_outputAtBlock: output,
};
