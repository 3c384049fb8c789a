import { writeSync } from "node:fs";
import pino from "pino";
import { Registry } from "prom-client";
import secp256k1 from "secp256k1";
import { type Bytes, EMPTY_BYTES, fromHex, type Hex, toHex, uintBE } from "../foundation/bytes.ts";
import { keccak256 } from "../foundation/keccak.ts";
import { encodeRlp, rlpUint } from "../foundation/rlp.ts";
import { recoverAddress } from "../foundation/secp256k1.ts";
import type { ModelRuntime } from "../models/runtime.ts";
import { DEVNET_PARAMETERS } from "../protocol/parameters.ts";
import { createWorldState } from "../state/create-world.ts";
import type { KeyValueStore } from "../store/key-value-store.ts";
import { openRocksStore } from "../store/rocks-store.ts";
import type { Chain } from "./chain.ts";
import { createChain } from "./create-chain.ts";
import { createGenesis } from "./genesis.ts";

const KEY = uintBE(77, 32);
const CONTRACT: Hex = "0x00000000000000000000000000000000000000c0";
const PER_BLOCK = 3;

/** A legacy transaction for any chain, signed natively: this file is loaded many times, so it loads little. */
const signed = (nonce: number, to: Hex, value: bigint, data: Bytes): Bytes => {
  const fields = [rlpUint(nonce), rlpUint(10n ** 12n), rlpUint(200_000n), fromHex(to), rlpUint(value), data];
  const { signature, recid } = secp256k1.ecdsaSign(keccak256(encodeRlp(fields)), KEY);
  const strip = (bytes: Bytes) => rlpUint(BigInt(toHex(bytes)));
  return encodeRlp([...fields, rlpUint(27 + recid), strip(signature.slice(0, 32)), strip(signature.slice(32))]);
};

const sender = (): Hex => {
  const { signature, recid } = secp256k1.ecdsaSign(new Uint8Array(32).fill(1), KEY);
  return toHex(recoverAddress(new Uint8Array(32).fill(1), recid, signature.slice(0, 32), signature.slice(32)));
};

const unused = () => Promise.reject(new Error("no model here"));
const models: ModelRuntime = {
  run: unused,
  admit: unused,
  putChunks: unused,
  stop: async () => {},
};

/** The chain of these blocks; each writes and clears slots, fills accounts, and logs. */
export const openWriterChain = (store: KeyValueStore): Promise<Chain> =>
  createChain(
    {
      store,
      world: createWorldState(store, { keep: 8 }),
      models,
      logger: pino({ level: "silent" }),
      registry: new Registry(),
    },
    {
      genesis: createGenesis(DEVNET_PARAMETERS, {
        [sender()]: { balance: 10n ** 24n },
        // sstore(number, number); sstore(number - 4, 0); log1(0, 0, number)
        [CONTRACT]: { nonce: 1n, code: ("0x4343555f600443035543" + "5f5fa100") as Hex },
      }),
    },
  );

/** Builds the block after the head: a function of its number alone. */
export const writeNextBlock = async (chain: Chain): Promise<void> => {
  const number = chain.head.header.number + 1n;
  const timestamp = 1_700_000_000n + number;
  const builder = await chain.begin({ timestamp, origin: { number, timestamp } });
  const first = Number(number - 1n) * PER_BLOCK;
  const envelopes = [
    signed(first, CONTRACT, 0n, EMPTY_BYTES),
    signed(first + 1, toHex(uintBE(0x10000n + number, 20)), 1n, EMPTY_BYTES),
    signed(first + 2, CONTRACT, 1n, uintBE(number, 32)),
  ];
  for (const bytes of envelopes) {
    const result = await builder.add({ bytes });
    if (!result.included || result.receipt.status !== 1) throw new Error("a transaction of the test failed");
  }
  await builder.seal({ position: { batch: number, cursor: 0, delayed: 0n } });
};

/** Builds block after block, and says each number and hash when its block is acknowledged, until it is killed. */
const [directory] = process.argv.slice(2);
if (directory !== undefined && process.argv[1] === import.meta.filename) {
  const chain = await openWriterChain(await openRocksStore(directory));
  for (;;) {
    await writeNextBlock(chain);
    // Final at once, so that old states are pruned all the time.
    await chain.setFinalized(chain.head.header.number);
    writeSync(1, `${chain.head.header.number} ${chain.head.hash}\n`);
  }
}
