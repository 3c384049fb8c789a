import type { StateManagerInterface } from "@ethereumjs/common";
import type { Bytes } from "../foundation/bytes.ts";
import { isEmptyAccount } from "./account.ts";
import { differenceOf } from "./difference.ts";
import type { NodeSource } from "./node-cache.ts";
import type { Ref } from "./node-codec.ts";
import { createOverlay, type Overlay, type StateReader } from "./overlay.ts";
import { createTree, hashOf } from "./tree.ts";

/** A private state above a committed one, whose root can be asked for again and again. */
export type StateFork = {
  readonly manager: StateManagerInterface;
  /** The root after all that was written. Costs what was written since the last time. STATE_PRUNED. */
  commit(): Bytes;
};

/** Ids of nodes that are in no store: above those of any version. */
const SCRATCH_ID = 2 ** 52;

/** Nodes of a store, and new ones above them in memory. */
const createScratch = (below: NodeSource) => {
  const added: Bytes[] = [];
  let bytes: Bytes = new Uint8Array(0);
  return {
    added,
    get nextId() {
      return SCRATCH_ID + added.length;
    },
    get bytes() {
      return bytes;
    },
    locate(id: number): number {
      if (id >= SCRATCH_ID) {
        bytes = added[id - SCRATCH_ID] as Bytes;
        return 0;
      }
      const at = below.locate(id);
      bytes = below.bytes;
      return at;
    },
  };
};

const readerOf = (overlay: Overlay, below: StateReader): StateReader => ({
  account: overlay.account,
  slot: overlay.slot,
  slots: overlay.slots,
  code: (hash) => overlay.changes.codes.get(hash) ?? below.code(hash),
});

/** Moves what one overlay holds into the one below. */
const absorb = (below: Overlay, { changes }: Overlay): void => {
  for (const code of changes.codes.values()) below.putCode(code);
  for (const [address, record] of changes.accounts)
    below.setAccount(address, record === undefined || isEmptyAccount(record) ? undefined : record);
  for (const [address, { cleared, values }] of changes.storage) {
    if (cleared) below.clearSlots(address);
    for (const [slot, value] of values) below.setSlot(address, slot, value);
  }
  below.endTransaction();
};

export type ForkBase = {
  readonly root: Ref;
  readonly reader: StateReader;
  readonly nodes: NodeSource;
  /** Throws when the nodes of the root may be gone. */
  readonly assertThere: () => void;
  /** The engine's view of an overlay above `root()`. */
  readonly manage: (overlay: Overlay, root: () => Bytes) => StateManagerInterface;
};

export const createFork = ({ root, reader, nodes, assertThere, manage }: ForkBase): StateFork => {
  const scratch = createScratch(nodes);
  const tree = createTree(scratch);
  const ground = createOverlay(reader);
  const committed = readerOf(ground, reader);
  const overlay = createOverlay(committed);
  let here = root;

  const update = () => {
    assertThere();
    return tree.update(here, differenceOf(overlay.changes, committed).changes, scratch.nextId);
  };

  return {
    manager: manage(overlay, () => hashOf(update().root)),
    commit() {
      const next = update();
      for (const { bytes } of next.added) scratch.added.push(bytes);
      absorb(ground, overlay);
      overlay.reset();
      here = next.root;
      return hashOf(here);
    },
  };
};
