import type { StateManagerInterface } from "@ethereumjs/common";
import { type Bytes, concat, EMPTY_BYTES, readUintBE, uintBE, word } from "../foundation/bytes.ts";
import { CodedError } from "../foundation/errors.ts";
import type { KeyValueStore, Write } from "../store/key-value-store.ts";
import { type AccountRecord, decodeAccount } from "./account.ts";
import { createCache } from "./cache.ts";
import { differenceOf } from "./difference.ts";
import type { StateErrorCode } from "./errors.ts";
import { createFork, type StateFork } from "./fork.ts";
import { createHistory, decodeRecord, encodeRecord, type UndoMap } from "./history.ts";
import {
  ACCOUNT_PREFIX,
  bytesOf,
  codeKeyOf,
  latin1,
  META_KEY,
  nodeKeyOf,
  prefixRange,
  recordKeyOf,
  SLOT_PREFIX,
  staleKeyOf,
} from "./keys.ts";
import { createStateManager } from "./manager.ts";
import { createNodeCache, type NodeSource } from "./node-cache.ts";
import { decodeIds, encodeIds, type Ref } from "./node-codec.ts";
import { createOverlay, type StateReader } from "./overlay.ts";
import { createTree, hashOf } from "./tree.ts";
import type { DumpedAccount, SealedState, StateGround, WorldState, WorldStateOptions } from "./world.ts";

/** Nodes of version v have the ids v * 2^22 + 1 and up, so that one version's nodes lie together on disk. */
const IDS_PER_VERSION = 2 ** 22;
/** Versions whose garbage one block removes at most: catches up after what held them was let go. */
const PRUNED_PER_BLOCK = 4;
/** Values that one view of the past remembers. */
const CACHED_BY_VIEW = 4_096;

const FORMAT = 2;
const put = (key: Bytes, value: Bytes): Write => ({ type: "put", key, value });
const del = (key: Bytes): Write => ({ type: "del", key });

const metaWrite = (version: number, oldest: number): Write =>
  put(META_KEY, concat(Uint8Array.of(FORMAT), uintBE(version, 8), uintBE(oldest, 8)));

/** What makes a restored tree the one version of a store. */
export const firstVersionWrites = (version: number, root: Ref): readonly Write[] => [
  put(recordKeyOf(version), encodeRecord({ root, nodes: 0, keys: [] })),
  metaWrite(version, version),
];

const corrupt = (what: string) => new CodedError<StateErrorCode>("STATE_CORRUPT", what);

const readMeta = (store: KeyValueStore): { readonly version: number; readonly oldest: number } => {
  const bytes = store.get(META_KEY);
  if (bytes === undefined) return { version: -1, oldest: -1 };
  if (bytes.length !== 17 || bytes[0] !== FORMAT) throw corrupt("the state was written by another format");
  return { version: Number(readUintBE(bytes.subarray(1, 9))), oldest: Number(readUintBE(bytes.subarray(9, 17))) };
};

type Sealed = {
  readonly state: SealedState;
  /** What the committed version says of the keys that the sealed one changes. */
  readonly undo: UndoMap;
  /** Oldest version that is served when it is accepted. */
  readonly oldest: number;
  /** Where versions are undone: what each found under the keys that it changed, oldest first. */
  readonly undone: ReadonlyMap<string, readonly Before[]>;
};
type Before = { readonly version: number; readonly value: Bytes | undefined };

const NOTHING_UNDONE: Sealed["undone"] = new Map();

function* chain<T>(...parts: readonly Iterable<T>[]): Iterable<T> {
  for (const part of parts) yield* part;
}

/** Opens the state in `store`; the committed version is read back from it. */
export const createWorldState = (store: KeyValueStore, options: WorldStateOptions = {}): WorldState => {
  const { keep = 256, accountCache = 100_000, slotCache = 200_000, nodeCache = 500_000, codeCache = 500 } = options;
  const accounts = createCache<string, AccountRecord | "absent">(accountCache);
  const slotValues = createCache<string, Bytes>(slotCache);
  const codes = createCache<string, Bytes>(codeCache);

  /** Between a write and its acceptance, what the write prunes or reverts is gone already. */
  const missing = (what: string) =>
    sealed === undefined
      ? corrupt(`${what} is missing`)
      : new CodedError<StateErrorCode>("STATE_PRUNED", `${what} is being removed`);

  const nodes = createNodeCache(nodeCache, (id) => {
    const bytes = store.get(nodeKeyOf(id));
    if (bytes === undefined) throw missing(`tree node ${id}`);
    return bytes;
  });
  const tree = createTree(nodes);

  const history = createHistory(store);
  let { version, oldest } = readMeta(store);
  /** Versions from here on are kept, however many there are. */
  let retained = Number.POSITIVE_INFINITY;
  let sealed: Sealed | undefined;
  /** Identity of each version that a view was taken of: gone when the version is reverted or pruned. */
  const identities = new Map<number, object>();

  const storedRecord = (of: number) => {
    const bytes = store.get(recordKeyOf(of));
    if (bytes === undefined) throw missing(`the record of version ${of}`);
    return decodeRecord(bytes);
  };

  const assertServed = (of: number): void => {
    if (!Number.isInteger(of) || of < oldest || of > version)
      throw new CodedError<StateErrorCode>("STATE_PRUNED", `version ${of} is not in ${oldest}..${version}`, {
        version: of,
        oldest,
        newest: version,
      });
  };

  let root: Ref = version < 0 ? undefined : storedRecord(version).root;
  const refAt = (of: number): Ref => {
    assertServed(of);
    return of === version ? root : storedRecord(of).root;
  };

  // ---- committed values; a sealed version may be on disk already, so what it changes is read from its undo map

  const flat = (key: string): Bytes | undefined => store.get(bytesOf(key));

  const committedAccount = (address: string): AccountRecord | undefined => {
    const key = ACCOUNT_PREFIX + address;
    if (sealed?.undo.has(key)) {
      const before = sealed.undo.get(key);
      return before === undefined ? undefined : decodeAccount(before);
    }
    const hit = accounts.get(address);
    if (hit !== undefined) return hit === "absent" ? undefined : hit;
    const bytes = flat(key);
    const record = bytes === undefined ? undefined : decodeAccount(bytes);
    accounts.set(address, record ?? "absent");
    return record;
  };

  const committedSlot = (address: string, slot: string): Bytes => {
    const place = address + slot;
    const key = SLOT_PREFIX + place;
    if (sealed?.undo.has(key)) return sealed.undo.get(key) ?? EMPTY_BYTES;
    const hit = slotValues.get(place);
    if (hit !== undefined) return hit;
    const value = flat(key) ?? EMPTY_BYTES;
    slotValues.set(place, value);
    return value;
  };

  const code = (hash: string): Bytes | undefined => {
    const hit = codes.get(hash);
    if (hit !== undefined) return hit;
    const bytes = store.get(codeKeyOf(hash));
    if (bytes !== undefined) codes.set(hash, bytes);
    return bytes;
  };

  const scanPrefix = (prefix: string) => store.scan(prefixRange(prefix));

  /** Slots of one account: first what `known` says of them, then what is stored. */
  function* slotsOver(address: string, known: Iterable<readonly [string, Bytes | undefined]>) {
    const prefix = SLOT_PREFIX + address;
    const seen = new Set<string>();
    for (const [key, value] of known) {
      if (!key.startsWith(prefix) || seen.has(key)) continue;
      seen.add(key);
      if (value !== undefined) yield [key.slice(prefix.length), value] as const;
    }
    for (const [key, value] of scanPrefix(prefix)) {
      const text = latin1(key);
      if (!seen.has(text)) yield [text.slice(prefix.length), value] as const;
    }
  }

  const committed: StateReader = {
    account: committedAccount,
    slot: committedSlot,
    slots: (address) => slotsOver(address, sealed?.undo ?? []),
    code,
  };

  // ---- the past

  const identityOf = (of: number): object => {
    const identity = identities.get(of) ?? {};
    identities.set(of, identity);
    return identity;
  };

  /** A reader that stays at `of` while the head moves. */
  const readerAt = (of: number): StateReader => {
    const identity = identityOf(of);
    const known = createCache<string, Bytes>(CACHED_BY_VIEW);

    const assertThere = (): void => {
      const isLeaving = sealed !== undefined && of < sealed.oldest && of !== version;
      if (identities.get(of) !== identity || isLeaving)
        throw new CodedError<StateErrorCode>("STATE_PRUNED", `version ${of} was reverted or pruned`);
    };
    /** What is being undone is gone from the disk, or not yet: it says the same here. */
    const undoneAbove = (key: string): Bytes | undefined => {
      const before = sealed?.undone.get(key)?.find(({ version }) => version > of);
      return before === undefined ? undefined : (before.value ?? EMPTY_BYTES);
    };
    /** What was there before the versions above; undefined when none of them changed it. Empty: nothing. */
    const changedAbove = (key: string): Bytes | undefined => {
      assertThere();
      if (of === version) return undefined;
      const hit = known.get(key);
      if (hit !== undefined) return hit;
      const found = history.firstAbove(key, of) ?? undoneAbove(key);
      if (found !== undefined) known.set(key, found);
      return found;
    };

    return {
      account(address) {
        const found = changedAbove(ACCOUNT_PREFIX + address);
        if (found === undefined) return committedAccount(address);
        return found.length === 0 ? undefined : decodeAccount(found);
      },
      slot: (address, slot) => changedAbove(SLOT_PREFIX + address + slot) ?? committedSlot(address, slot),
      *slots(address) {
        assertThere();
        const above = of === version ? [] : history.above(SLOT_PREFIX + address, of);
        const undone = of === version ? [] : (sealed?.undone.keys() ?? []);
        const found = Array.from(undone, (key) => [key, undoneAbove(key)] as const).filter(
          ([, value]) => value !== undefined,
        );
        const gone = found.map(([key, value]) => [key, value?.length === 0 ? undefined : value] as const);
        yield* slotsOver(address, chain(above, gone, sealed?.undo ?? []));
      },
      code,
    };
  };

  const managerOver = (reader: StateReader, from: () => Ref, copy: () => StateManagerInterface) => {
    const overlay = createOverlay(reader);
    const manager = createStateManager(overlay, {
      root: () => {
        assertNoCheckpoint(overlay.depth);
        return hashOf(tree.update(from(), differenceOf(overlay.changes, reader).changes, 1).root);
      },
      copy,
    });
    return { overlay, manager };
  };

  const assertNoCheckpoint = (depth: number): void => {
    if (depth > 0)
      throw new CodedError<StateErrorCode>("STATE_OPEN_CHECKPOINT", `${depth} checkpoints are open`, { depth });
  };

  const assertNotSealed = (): void => {
    if (sealed !== undefined)
      throw new CodedError<StateErrorCode>("STATE_SEALED", "a version is sealed: accept or discard it first");
  };

  const viewAt = (of: number): StateManagerInterface => {
    const from = refAt(of);
    const reader = readerAt(of);
    return managerOver(
      reader,
      () => from,
      () => viewAt(of),
    ).manager;
  };

  /** Throws when the nodes of a version may be gone. */
  const guardOf = (of: number): (() => void) => {
    const identity = identityOf(of);
    return () => {
      assertServed(of);
      if (identities.get(of) !== identity)
        throw new CodedError<StateErrorCode>("STATE_PRUNED", `version ${of} was reverted`);
    };
  };

  const groundAt = (of: number): StateGround => {
    const root = refAt(of);
    const assertThere = guardOf(of);
    const guarded: NodeSource = {
      get bytes() {
        return nodes.bytes;
      },
      locate(id) {
        assertThere();
        return nodes.locate(id);
      },
    };
    return { root, nodes: guarded, reader: readerAt(of) };
  };

  const forkAt = (of: number): StateFork =>
    createFork({
      root: refAt(of),
      reader: readerAt(of),
      nodes,
      assertThere: guardOf(of),
      manage: (overlay, rootOf) =>
        createStateManager(overlay, {
          root: () => {
            assertNoCheckpoint(overlay.depth);
            return rootOf();
          },
          copy: () => viewAt(of),
        }),
    });

  const writer = managerOver(
    committed,
    () => root,
    () => viewAt(version),
  );

  /** Deletions of what no served version needs, and the oldest version that is then served. */
  const prune = (head: number): { readonly writes: readonly Write[]; readonly oldest: number } => {
    if (oldest < 0) return { writes: [], oldest: head };
    const target = Math.min(Math.max(oldest, Math.min(head - keep, retained)), oldest + PRUNED_PER_BLOCK);
    const writes: Write[] = [];
    for (let next = oldest + 1; next <= target; next++) {
      for (const key of storedRecord(next).keys) writes.push(history.removal(key, next));
      const stale = store.get(staleKeyOf(next));
      if (stale !== undefined) {
        for (const id of decodeIds(stale)) writes.push(del(nodeKeyOf(id)));
        writes.push(del(staleKeyOf(next)));
      }
      writes.push(del(recordKeyOf(next - 1)));
    }
    return { writes, oldest: target };
  };

  /** Publishes `next` as the sealed version; its `accept` runs `apply` once. */
  const publish = (next: Omit<SealedState, "accept">, known: Omit<Sealed, "state">, apply: () => void): SealedState => {
    const state: SealedState = {
      ...next,
      accept() {
        if (sealed?.state !== state)
          throw new CodedError<StateErrorCode>("STATE_SEALED", `version ${next.version} is not the sealed one`);
        sealed = undefined;
        apply();
        writer.overlay.reset();
      },
    };
    sealed = { ...known, state };
    return state;
  };

  const seal = (): SealedState => {
    assertNotSealed();
    assertNoCheckpoint(writer.overlay.depth);
    const next = version + 1;
    const difference = differenceOf(writer.overlay.changes, committed);
    const { undo } = difference;
    const writes = [...difference.writes];
    const update = tree.update(root, difference.changes, next * IDS_PER_VERSION + 1);
    if (update.added.length >= IDS_PER_VERSION)
      throw new CodedError<StateErrorCode>("STATE_TOO_LARGE", `version ${next} adds ${update.added.length} nodes`);
    const newCodes = [...writer.overlay.changes.codes].filter(([hash]) => code(hash) === undefined);
    for (const [hash, bytes] of newCodes) writes.push(put(codeKeyOf(hash), bytes));
    for (const { id, bytes } of update.added) writes.push(put(nodeKeyOf(id), bytes));
    if (update.stale.length > 0) writes.push(put(staleKeyOf(next), encodeIds(update.stale)));
    const record = { root: update.root, nodes: update.added.length, keys: [...undo.keys()] };
    writes.push(put(recordKeyOf(next), encodeRecord(record)));
    // Nothing is older than the first version: nobody asks what was before.
    if (version >= 0) for (const [key, value] of undo) writes.push(history.write(key, next, value));
    const pruned = prune(next);
    for (const entry of pruned.writes) writes.push(entry);
    writes.push(metaWrite(next, pruned.oldest));
    return publish(
      { root: hashOf(update.root), version: next, writes },
      { undo, oldest: pruned.oldest, undone: NOTHING_UNDONE },
      () => {
        for (const [address, record] of difference.accounts) accounts.set(address, record ?? "absent");
        for (const [place, value] of difference.slots) slotValues.set(place, value);
        for (const [hash, bytes] of newCodes) codes.set(hash, bytes);
        for (const id of update.stale) nodes.drop(id);
        for (const { id, bytes } of update.added) nodes.put(id, bytes);
        for (let gone = oldest; gone < pruned.oldest; gone++) identities.delete(gone);
        root = update.root;
        version = next;
        oldest = pruned.oldest;
      },
    );
  };

  const revertTo = (target: number): SealedState => {
    assertNotSealed();
    assertNoCheckpoint(writer.overlay.depth);
    const restoredRoot = refAt(target);
    const found = new Map<string, Before[]>();
    const writes: Write[] = [];
    for (let undone = target + 1; undone <= version; undone++) {
      const record = storedRecord(undone);
      for (const key of record.keys) {
        const before = { version: undone, value: history.at(key, undone) };
        const known = found.get(key);
        if (known === undefined) found.set(key, [before]);
        else known.push(before);
        writes.push(history.removal(key, undone));
      }
      for (let i = 1; i <= record.nodes; i++) writes.push(del(nodeKeyOf(undone * IDS_PER_VERSION + i)));
      writes.push(del(staleKeyOf(undone)), del(recordKeyOf(undone)));
    }
    /** What the head says of the keys that go back. */
    const current = new Map<string, Bytes | undefined>();
    for (const [key, [oldestBefore]] of found) {
      const value = oldestBefore?.value;
      const bytes = bytesOf(key);
      current.set(key, store.get(bytes));
      writes.push(value === undefined ? del(bytes) : put(bytes, value));
    }
    writes.push(metaWrite(target, oldest));
    const apply = () => {
      for (let undone = target + 1; undone <= version; undone++) identities.delete(undone);
      accounts.clear();
      slotValues.clear();
      nodes.clear();
      root = restoredRoot;
      version = target;
    };
    const known = { undo: current, oldest, undone: found };
    return publish({ root: hashOf(restoredRoot), version: target, writes }, known, apply);
  };

  function* dump(): Iterable<DumpedAccount> {
    for (const [key, value] of scanPrefix(ACCOUNT_PREFIX)) {
      const address = key.subarray(1);
      const slots = [...slotsOver(latin1(address), [])].map(([slot, stored]) => [bytesOf(slot), word(stored)] as const);
      yield { address, account: decodeAccount(value), slots };
    }
  }

  return {
    get version() {
      return version;
    },
    get root() {
      return hashOf(root);
    },
    get oldest() {
      return oldest;
    },
    manager: writer.manager,
    retain(from) {
      retained = from;
    },
    seal,
    discard() {
      sealed = undefined;
      writer.overlay.reset();
    },
    revertTo,
    view: viewAt,
    fork: forkAt,
    ground: groundAt,
    prove(of, keys) {
      const from = refAt(of);
      return keys.map((key) => tree.prove(from, key));
    },
    changedKeys: history.changedKeys,
    rootAt: (of) => hashOf(refAt(of)),
    dump() {
      assertNotSealed();
      return dump();
    },
  };
};
