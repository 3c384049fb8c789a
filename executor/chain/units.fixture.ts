import { type Bytes, concat, type Hex, toHex, uintBE } from "../foundation/bytes.ts";
import { keccakOf } from "../foundation/keccak.ts";
import { encodeDeposit } from "../protocol/envelope.ts";
import type { BlockAttributes, Origin } from "../protocol/origin.ts";
import type { InboxEnvelope } from "../protocol/transaction.ts";
import type { Inbox } from "../protocol/unit.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { ETHER, initCode, openChain, sign } from "./chain.fixture.ts";
import type { Chain } from "./chain.ts";
import type { GenesisAlloc } from "./genesis.ts";

const item = (body: Bytes): Bytes => concat(uintBE(body.length, 4), body);
const header = (timestamp: bigint): Bytes => item(concat(Uint8Array.of(0), uintBE(timestamp, 8)));

/** Numbers below `n`, always the same. */
const dice = (seed: number) => {
  let state = keccakOf(uintBE(seed, 4));
  return (n: number): number => {
    state = keccakOf(state);
    return new DataView(state.buffer, state.byteOffset).getUint32(0) % n;
  };
};

/** Writes the slot of the call's value, logs, creates. */
const BUSY: Hex = "0x34345560075f5fa15f5f5ff05000";
const REVERTING: Hex = "0x5f5ffd";
export const CONTRACTS: GenesisAlloc = {
  "0x0000000000000000000000000000000000001000": { nonce: 1n, code: BUSY },
  "0x0000000000000000000000000000000000001001": { nonce: 1n, code: REVERTING },
};
const TOO_LONG = new Uint8Array(98_305).fill(0xff);

type Record = { readonly data: Bytes; readonly origin: Origin; readonly delayedEnd: bigint };
type Message = { readonly kind: "deposit" | "raw"; readonly gas: bigint; readonly envelope: Bytes };

/** A chain that was derived from random batches: several blocks each, or none, with no-ops of every kind between. */
export const deriveRandomBatches = async (seed: number, batches: number, store = createMemoryStore()) => {
  const roll = dice(seed);
  const chain: Chain = await openChain({ alloc: CONTRACTS, store });
  const records: Record[] = [];
  const messages: Message[] = [];
  const nonces = [0, 0, 0, 0];
  /** Units of each batch. */
  const units: number[] = [];
  let time = 1_700_000_000n;

  const deposit = (to: Hex | undefined): Bytes =>
    encodeDeposit({
      sourceHash: toHex(keccakOf(uintBE(messages.length, 4))),
      from: toHex(uintBE(0x3000 + roll(3), 20)),
      to,
      mint: BigInt(roll(3)),
      value: BigInt(roll(2)),
      gas: 100_000n,
      data: new Uint8Array(roll(2)),
    });

  const transaction = async (): Promise<Bytes> => {
    const from = roll(4);
    const nonce = nonces[from] as number;
    const to = toHex(uintBE(0x1000 + roll(6), 20));
    const kinds: (() => Promise<Bytes> | Bytes)[] = [
      () => sign({ from, nonce, to, value: BigInt(roll(5)) }),
      () => sign({ from, nonce, data: initCode(roll(2) === 0 ? REVERTING : BUSY) }),
      () => sign({ from, nonce, data: "0x5f5ffd" }),
      () => sign({ from, nonce: nonce + 1, to }),
      () => sign({ from, nonce, to, value: 10_000n * ETHER }),
      () => Uint8Array.of(roll(256), roll(256)),
      () => deposit(to),
    ];
    const kind = roll(kinds.length);
    if (kind < 3) nonces[from] = nonce + 1;
    return (kinds[kind] as () => Promise<Bytes> | Bytes)();
  };

  const message = async (): Promise<Message> => {
    if (roll(2) === 0) return { kind: "raw", gas: BigInt(roll(2)) * 2_000_000n, envelope: await transaction() };
    const to = toHex(uintBE(0x1000 + roll(3), 20));
    const envelope = deposit(roll(3) === 0 ? undefined : to);
    return { kind: "deposit", gas: 100_000n, envelope };
  };

  const blocks: { readonly attributes: BlockAttributes; readonly envelopes: readonly InboxEnvelope[] }[] = [];
  const build = async (timestamp: bigint, origin: Origin, envelopes: readonly InboxEnvelope[]): Promise<void> => {
    const hasMessages = envelopes[0]?.delayed !== undefined;
    const attributes = { timestamp, origin, hasMessages };
    blocks.push({ attributes, envelopes });
    const builder = await chain.begin(attributes);
    for (const envelope of envelopes) await builder.add(envelope);
    await builder.seal();
  };

  for (let batch = 0; batch < batches; batch++) {
    time += BigInt(roll(20));
    const origin = { number: BigInt(100 + batch), timestamp: time };
    const parts: Bytes[] = [];
    let count = 0;
    let from = messages.length;
    for (let left = roll(3); left > 0; left--) messages.push(await message());
    const queued = (): InboxEnvelope[] => {
      const taken = messages
        .slice(from)
        .map(({ kind, gas, envelope }) => ({ bytes: envelope, delayed: { kind, gas } }));
      from = messages.length;
      return taken;
    };
    // What belongs to no block takes the rest of the batch with it.
    const isStray = roll(4) === 0;
    if (isStray) {
      parts.push(item(Uint8Array.of(1, roll(256))), header(time));
      count++;
    }
    for (let left = isStray ? 0 : roll(4); left > 0; left--) {
      const timestamp = time - 10n + BigInt(roll(4000));
      parts.push(header(timestamp));
      const envelopes = queued();
      count += 2 + envelopes.length;
      for (let more = roll(5); more > 0; more--) {
        const bytes = await transaction();
        envelopes.push({ bytes });
        parts.push(item(bytes));
        count++;
      }
      if (roll(8) === 0) {
        parts.push(item(TOO_LONG));
        envelopes.push({ bytes: new Uint8Array(0) });
        count++;
      }
      await build(timestamp, origin, envelopes);
    }
    if (from < messages.length) {
      const envelopes = queued();
      count += 2 + envelopes.length;
      await build(origin.timestamp, origin, envelopes);
    }
    // A torn end, which no length describes.
    if (roll(2) === 0) parts.push(concat(uintBE(1 + roll(9), 4)));
    units.push(count + 1);
    records.push({ data: concat(...parts), origin, delayedEnd: BigInt(messages.length) });
    await chain.setSafe(chain.head.header.number, {
      batch: BigInt(batch + 1),
      cursor: 0,
      delayed: BigInt(messages.length),
    });
  }
  const inbox: Inbox = { record: (i) => records[Number(i)], message: (i) => messages[Number(i)] };
  return { chain, inbox, records, units, blocks };
};
