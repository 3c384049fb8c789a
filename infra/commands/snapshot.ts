import { join } from "node:path";
import { anchorOf } from "../../bridge/index.ts";
import {
  CodedError,
  createWorldState,
  decodeBase,
  decodePiece,
  fromHex,
  hasChain,
  isPieceOf,
  keccakOf,
  openChainBlocks,
  openRocksStore,
  toHex,
} from "../../executor/index.ts";
import type { CommandConfig } from "../config/config.ts";
import { readRollup } from "../config/rollup.ts";
import { connectL1 } from "../node/l1.ts";
import { exportSnapshot } from "../snapshot/export.ts";
import { openSnapshotFile, type SnapshotErrorCode, type SnapshotFile } from "../snapshot/file.ts";
import { createLogger } from "../telemetry/logger.ts";

const print = (text: string): void => void process.stdout.write(`${text}\n`);
/** Pieces between two lines of the log. */
const TOLD = 500;

type LogConfig = Pick<CommandConfig<"snapshot verify">, "logLevel" | "logFormat" | "logFile">;
const loggerOf = ({ logLevel, logFormat, logFile }: LogConfig) =>
  createLogger({ name: "snapshot", level: logLevel, format: logFormat, file: logFile, secrets: [] });

/** `assay snapshot export`. The codes of `exportSnapshot`, `connectL1` and the store. */
export const exportCommand = async (config: CommandConfig<"snapshot export">): Promise<number> => {
  const rollup = readRollup(config.rollup);
  const logger = loggerOf(config);
  const client = await connectL1(config.l1Rpc, rollup);
  const store = await openRocksStore(join(config.dataDir, "store"));
  try {
    if (!hasChain(store)) throw new CodedError<SnapshotErrorCode>("SNAPSHOT_STATE", `${config.dataDir} has no chain`);
    const { anchor, bytes } = await exportSnapshot(
      {
        client,
        contracts: rollup.l1.contracts,
        store,
        world: createWorldState(store),
        blocks: openChainBlocks(store, rollup.chain.chainId),
      },
      config.snapshotOut,
      new AbortController().signal,
      (pieces) => {
        if (pieces % TOLD === 0) logger.info({ pieces }, "writing the snapshot");
      },
    );
    const { id: claim, blockNumber } = anchor;
    if (config.json) print(JSON.stringify({ file: config.snapshotOut, claim, block: Number(blockNumber), bytes }));
    else print(`${config.snapshotOut}: the state of block ${blockNumber}, at claim ${claim}, ${bytes} bytes`);
    return 0;
  } finally {
    await store.close();
  }
};

/** Checks every piece from the root down, and the codes. SNAPSHOT_FILE. */
const checkAll = async (file: string, snapshot: SnapshotFile, told: (pieces: number) => void) => {
  const broken = (hash: string) =>
    new CodedError<SnapshotErrorCode>("SNAPSHOT_FILE", `${file}: these are not the bytes of ${hash}`, { file, hash });
  const { signal } = new AbortController();
  const open = [decodeBase(snapshot.base).block.header.stateRoot];
  let entries = 0;
  for (let pieces = 1; open.length > 0; pieces++) {
    const hash = open.pop() as `0x${string}`;
    const [bytes] = await snapshot.pieces([hash], signal);
    if (bytes === undefined || !isPieceOf(fromHex(hash), bytes)) throw broken(hash);
    const piece = decodePiece(bytes);
    if (piece.kind === "shape") open.push(...piece.parts.toReversed().map(toHex));
    else {
      entries += piece.entries.length;
      const hashes = piece.entries.flatMap(({ code }) => (code === undefined ? [] : [toHex(code.hash)]));
      for (const [i, code] of (await snapshot.codes(hashes, signal)).entries())
        if (toHex(keccakOf(code)) !== hashes[i]) throw broken(hashes[i] as string);
    }
    told(pieces);
  }
  return entries;
};

/** `assay snapshot verify`. SNAPSHOT_FILE, SNAPSHOT_CLAIM, SNAPSHOT_STATE, the codes of `connectL1`. */
export const verifyCommand = async (
  config: CommandConfig<"snapshot verify">,
  file: string | undefined,
): Promise<number> => {
  const rollup = readRollup(config.rollup);
  const logger = loggerOf(config);
  const client = await connectL1(config.l1Rpc, rollup);
  const snapshot = await openSnapshotFile(file as string);
  try {
    const { claim, endState } = snapshot;
    const anchor = await anchorOf(client, rollup.l1.contracts, claim);
    if (anchor.endState !== endState)
      throw new CodedError<SnapshotErrorCode>("SNAPSHOT_STATE", `${file} is not of claim ${claim}`, { claim });
    const entries = await checkAll(file as string, snapshot, (pieces) => {
      if (pieces % TOLD === 0) logger.info({ pieces }, "checking the snapshot");
    });
    if (config.json) print(JSON.stringify({ file, claim, block: Number(anchor.blockNumber), entries }));
    else print(`${file}: the state of block ${anchor.blockNumber}, whole, at confirmed claim ${claim}`);
    return 0;
  } finally {
    await snapshot.close();
  }
};
