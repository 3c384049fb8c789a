import { chmod, link, mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from "@libp2p/crypto/keys";
import type { PrivateKey } from "@libp2p/interface";
import type { Logger } from "pino";
import type { Bytes } from "../../foundation/bytes.ts";
import { CodedError } from "../../foundation/errors.ts";
import type { NetworkErrorCode } from "./network.ts";

/** Longer than any key of the kind. */
const MAX_KEY_BYTES = 1_024;
const OWNER_ONLY = 0o600;

const failure = (file: string, what: string, cause?: unknown): CodedError<NetworkErrorCode> =>
  new CodedError("P2P_IDENTITY", `${file} ${what}: move it away to be given a new identity`, { file }, cause);

const absent = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";
const present = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "EEXIST";

const decode = (file: string, bytes: Bytes): PrivateKey => {
  if (bytes.length > MAX_KEY_BYTES) throw failure(file, "is no identity key");
  let key: PrivateKey;
  try {
    key = privateKeyFromProtobuf(bytes);
  } catch {
    // The reason is left out: it may quote the bytes.
    throw failure(file, "is no identity key");
  }
  if (key.type !== "Ed25519") throw failure(file, `holds a key of the kind ${key.type}, not Ed25519`);
  return key;
};

/** Written beside and linked, so that the file is there whole or not at all, and two nodes starting at once agree. */
const create = async (file: string): Promise<void> => {
  const draft = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(draft, "wx", OWNER_ONLY);
    try {
      await handle.writeFile(privateKeyToProtobuf(await generateKeyPair("Ed25519")));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(draft, file);
  } catch (error) {
    if (!present(error)) throw failure(file, "cannot be written", error);
  } finally {
    await rm(draft, { force: true });
  }
};

const read = async (file: string): Promise<Bytes | undefined> => {
  try {
    return await readFile(file);
  } catch (error) {
    if (absent(error)) return undefined;
    throw failure(file, "cannot be read", error);
  }
};

/** The node's key from its file, made when the file is absent. P2P_IDENTITY when the file holds anything else. */
export const loadIdentity = async (file: string, logger: Logger): Promise<PrivateKey> => {
  let bytes = await read(file);
  if (bytes === undefined) {
    await create(file);
    bytes = await read(file);
  }
  if (bytes === undefined) throw failure(file, "went away");
  const key = decode(file, bytes);
  const { mode } = await stat(file);
  if ((mode & 0o077) !== 0) {
    logger.warn({ file }, "the identity key could be read by others; it is its owner's alone from now on");
    await chmod(file, OWNER_ONLY);
  }
  return key;
};
