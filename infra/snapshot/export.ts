import type { PublicClient } from "viem";
import { type Anchor, anchorsOn, type L1Contracts, positionOf } from "../../bridge/index.ts";
import {
  type Bytes,
  baseAt,
  baseState,
  type ChainBase,
  type ChainBlocks,
  CodedError,
  chainStateAt,
  createSnapshots,
  decodePiece,
  encodeBase,
  fromHex,
  type Hex,
  hashChainState,
  type KeyValueStore,
  storedCode,
  toHex,
  type WorldState,
} from "../../executor/index.ts";
import { createSnapshotFile, type SnapshotErrorCode } from "./file.ts";

export type SnapshotParts = {
  readonly client: PublicClient;
  readonly contracts: L1Contracts;
  readonly store: KeyValueStore;
  readonly world: WorldState;
  readonly blocks: ChainBlocks;
};

const lacking = (what: string) => new CodedError<SnapshotErrorCode>("SNAPSHOT_STATE", what);

/** The newest confirmed claim whose state is here, and what a chain behind it begins with. SNAPSHOT_STATE. */
export const anchorHere = async ({ client, contracts, world, blocks }: SnapshotParts) => {
  for await (const anchor of anchorsOn(client, contracts)) {
    const { blockNumber } = anchor;
    if (blockNumber > BigInt(world.version)) continue;
    if (blockNumber < BigInt(world.oldest)) break;
    const state = chainStateAt(blocks, blockNumber, await positionOf(client, contracts, anchor));
    if (toHex(hashChainState(state)) !== anchor.endState)
      throw lacking(`L1 has confirmed another state of block ${blockNumber} than this node has`);
    return { anchor, base: baseAt(blocks, state) };
  }
  throw lacking(
    `no claim is confirmed for good whose state is kept here (blocks ${world.oldest} to ${world.version}): a node that claims or challenges keeps it`,
  );
};

/** Codes that a file is remembered to have. */
const MOST_CODES = 65_536;

/** Writes a snapshot of a store's newest confirmed claim. SNAPSHOT_STATE, the codes of the state. */
export const exportSnapshot = async (
  parts: SnapshotParts,
  file: string,
  signal: AbortSignal,
  onPieces: (pieces: number) => void = () => undefined,
): Promise<{ readonly anchor: Anchor; readonly base: ChainBase; readonly bytes: number }> => {
  const { store, world } = parts;
  const { anchor, base } = await anchorHere(parts);
  const snapshots = createSnapshots(store);
  await snapshots.take(world, Number(anchor.blockNumber), signal);
  const writer = await createSnapshotFile(file, anchor.id);
  const written = new Set<Hex>();
  await writer.add(hashChainState(baseState(base)), encodeBase(base));
  const open: Bytes[] = [fromHex(base.block.header.stateRoot)];
  for (let pieces = 1; open.length > 0; pieces++) {
    signal.throwIfAborted();
    const hash = open.pop() as Bytes;
    const bytes = snapshots.piece(hash);
    if (bytes === undefined) throw lacking(`piece ${toHex(hash)} of the state is missing`);
    const piece = decodePiece(bytes);
    await writer.add(hash, bytes);
    if (piece.kind === "shape") open.push(...piece.parts.toReversed());
    else
      for (const { code } of piece.entries) {
        if (code === undefined || written.has(toHex(code.hash))) continue;
        if (written.size >= MOST_CODES) written.clear();
        written.add(toHex(code.hash));
        await writer.add(code.hash, storedCode(store, code.hash) as Bytes);
      }
    onPieces(pieces);
  }
  const bytes = await writer.close();
  await snapshots.drop();
  return { anchor, base, bytes };
};
